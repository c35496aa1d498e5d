package sandbox_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

// TestEnviron holds every variable that could lead a program elsewhere to the law: none
// keeps the value that the user's shell had. "" is gone, anything else the sandbox's own.
func TestEnviron(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Options{})
	proxy := s.ProxyURL()
	dir := strings.TrimSuffix(s.Credentials(iam.Owner), "/credentials/"+iam.Owner+".json")
	ca, owner := dir+"/ca.pem", s.Credentials(iam.Owner)
	for name, want := range map[string]string{
		// The proxy, and what goes round it.
		"HTTPS_PROXY": proxy, "https_proxy": proxy, "HTTP_PROXY": proxy, "http_proxy": proxy, "grpc_proxy": proxy,
		"NO_PROXY": "", "no_proxy": "", "ALL_PROXY": "", "all_proxy": "", "no_grpc_proxy": "", "FTP_PROXY": "", "ftp_proxy": "",
		// Whom to trust.
		"SSL_CERT_FILE": ca, "CURL_CA_BUNDLE": ca, "REQUESTS_CA_BUNDLE": ca, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": ca,
		"NODE_EXTRA_CA_CERTS": ca, "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": ca, "GIT_SSL_CAINFO": ca, "SSL_CERT_DIR": "",
		// Who asks, for which project, at which universe and endpoint.
		"GOOGLE_APPLICATION_CREDENTIALS": owner, "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE": owner,
		"GOOGLE_CLOUD_PROJECT": sandbox.Project, "GOOGLE_CLOUD_QUOTA_PROJECT": "", "GOOGLE_CLOUD_UNIVERSE_DOMAIN": "",
		"GOOGLE_API_USE_MTLS_ENDPOINT": "", "GOOGLE_API_USE_CLIENT_CERTIFICATE": "", "GOOGLE_API_CERTIFICATE_CONFIG": "",
		"GOOGLE_CREDENTIALS": "", "GOOGLE_OAUTH_ACCESS_TOKEN": "", "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT": "", "GOOGLE_KMS_CUSTOM_ENDPOINT": "",
		"GCLOUD_PROJECT": "", "USER_PROJECT_OVERRIDE": "", "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": "",
		"CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS": "", "CLOUDSDK_CORE_PROJECT": sandbox.Project, "CLOUDSDK_CORE_ACCOUNT": iam.Owner, "CLOUDSDK_CORE_UNIVERSE_DOMAIN": "googleapis.com",
		"CLOUDSDK_PROXY_ADDRESS": "127.0.0.1", "CLOUDSDK_PROXY_PORT": proxy[strings.LastIndex(proxy, ":")+1:], "CLOUDSDK_PROXY_TYPE": "http",
		"CLOUDSDK_CORE_CHECK_GCE_METADATA": "false", "CLOUDSDK_CONTEXT_AWARE_USE_CLIENT_CERTIFICATE": "false",
		"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
		"GCE_METADATA_HOST":                     "", "GCE_METADATA_IP": "", "GCE_METADATA_ROOT": strings.TrimPrefix(proxy, "http://"), "NO_GCE_CHECK": "true",
		// Places and settings of tools.
		"KUBECONFIG": dir + "/tools/kube/config", "DOCKER_CONFIG": dir + "/tools/docker", "CLOUDSDK_CONFIG": dir + "/tools/gcloud",
		"HELM_CONFIG_HOME": dir + "/tools/helm/config", "HELM_CACHE_HOME": dir + "/tools/helm/cache", "HELM_DATA_HOME": dir + "/tools/helm/data",
		"HELM_REPOSITORY_CONFIG": "", "HELM_KUBEAPISERVER": "", "HELM_DRIVER": "", "COSIGN_REPOSITORY": "", "COSIGN_EXPERIMENTAL": "",
		"SIGSTORE_ROOT_FILE": "", "TUF_ROOT": dir + "/tools/sigstore", "REGISTRY_AUTH_FILE": "", "DOCKER_HOST": "",
		"KUBERNETES_SERVICE_HOST": "", "KUBERNETES_SERVICE_PORT": "",
		// These lead nowhere, and stay.
		"CLOUDSDK_PYTHON": "hostile", "PATH": "hostile", "HOME": "hostile", "LANG": "hostile", "MY_GOOGLE_THING": "hostile",
	} {
		t.Run(name, func(t *testing.T) {
			got := values(s.Environ([]string{"A=1", name + "=hostile", "B=2", name + "=hostile"}), name)
			if want == "hostile" {
				want = "hostile hostile" // as it was, twice
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		})
	}
	t.Run("nothing else changes", func(t *testing.T) {
		base := []string{"A=1", "B=x=y", "C="}
		if got := s.Environ(base); !slices.Equal(got[:3], base) {
			t.Errorf("%q", got[:3])
		}
	})
	t.Run("another project", func(t *testing.T) {
		s.In(sandbox.InUse)
		if got := values(s.Environ(nil), "GOOGLE_CLOUD_PROJECT"); !slices.Equal(got, []string{sandbox.InUse}) {
			t.Errorf("%q", got)
		}
	})
	t.Run("again", func(t *testing.T) {
		once := s.Environ([]string{"NO_PROXY=x", "A=1"})
		twice := s.Environ(once)
		slices.Sort(once)
		slices.Sort(twice)
		if !slices.Equal(once, twice) {
			t.Errorf("the sandbox's environment is not its own:\n%q\n%q", once, twice)
		}
	})
}

func values(environ []string, name string) []string {
	var out []string
	for _, kv := range environ {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			out = append(out, v)
		}
	}
	return out
}
