package sandbox

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/signgate/signgate/sandbox/iam"
)

// A program finds the sandbox by its environment alone, and by the same means could
// miss it: with NO_PROXY=.googleapis.com in a user's shell clients dial the real cloud
// in spite of HTTPS_PROXY. So the sandbox owns every variable that says where Google
// Cloud is, who asks and whom to trust: it sets these, and clears those that could
// lead elsewhere.

// Variable is one that the sandbox sets, or clears where Clear is true.
type Variable struct {
	Name, Value string
	Clear       bool
}

// sets are the variables that lead programs here.
func (p place) sets() []Variable {
	var all []Variable
	set := func(value string, names ...string) {
		for _, n := range names {
			all = append(all, Variable{Name: n, Value: value})
		}
	}
	// The proxy: upper case for most, lower case for curl and Python, gRPC's own for C++ and Python.
	set(p.proxy, "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "grpc_proxy")
	// The CA: Go, OpenSSL and Python; curl; requests; gRPC in C++; Node.js; gcloud; git.
	set(p.ca(), "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NODE_EXTRA_CA_CERTS",
		"CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "GIT_SSL_CAINFO")
	// The sign-in: client libraries and terraform; gcloud.
	set(p.Credentials(iam.Owner), "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE")
	// No metadata server: Python does not ask, and gcloud, which asks all the same, asks the proxy, which refuses.
	set("true", "NO_GCE_CHECK")
	set(strings.TrimPrefix(p.proxy, "http://"), "GCE_METADATA_ROOT")
	set(cmp.Or(p.project, Project), "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
	set(iam.Owner, "CLOUDSDK_CORE_ACCOUNT")
	// Private places of tools.
	set(p.Kubeconfig(), "KUBECONFIG")
	set(p.tools("docker"), "DOCKER_CONFIG")
	set(p.tools("gcloud"), "CLOUDSDK_CONFIG")
	set(p.tools("helm", "config"), "HELM_CONFIG_HOME")
	set(p.tools("helm", "cache"), "HELM_CACHE_HOME")
	set(p.tools("helm", "data"), "HELM_DATA_HOME")
	set(p.tools("sigstore"), "TUF_ROOT")
	// gcloud, whose installation may have settings of its own.
	if u, err := url.Parse(p.proxy); err == nil {
		set("http", "CLOUDSDK_PROXY_TYPE")
		set(u.Hostname(), "CLOUDSDK_PROXY_ADDRESS")
		set(u.Port(), "CLOUDSDK_PROXY_PORT")
	}
	set("googleapis.com", "CLOUDSDK_CORE_UNIVERSE_DOMAIN")
	set("false", "CLOUDSDK_CORE_CHECK_GCE_METADATA", "CLOUDSDK_CONTEXT_AWARE_USE_CLIENT_CERTIFICATE")
	set("true", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK")
	return all
}

// cleared are the variables that could lead elsewhere, by name.
func cleared() []string {
	return []string{
		"NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "FTP_PROXY", "ftp_proxy", "no_grpc_proxy",
		"SSL_CERT_DIR", "REGISTRY_AUTH_FILE",
		"GCE_METADATA_HOST", "GCE_METADATA_IP",
		"USER_PROJECT_OVERRIDE", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
	}
}

// families are those cleared by how they begin: other endpoints, universes,
// certificates, quota projects, accounts and settings of tools.
func families() []string {
	return []string{"GOOGLE_", "GCLOUD_", "CLOUDSDK_", "HELM_", "COSIGN_", "SIGSTORE_", "TUF_", "DOCKER_"}
}

// kept are members of a family that lead nowhere: how gcloud finds its Python.
func kept(name string) bool {
	return strings.HasPrefix(name, "CLOUDSDK_PYTHON") || name == "CLOUDSDK_ROOT_DIR"
}

// Variables says what the sandbox changes in an environment: first what is cleared
// of it, then what is set.
func (p place) Variables(base []string) []Variable {
	sets := p.sets()
	owned := cleared()
	for _, v := range sets {
		owned = append(owned, v.Name)
	}
	var out []Variable
	for _, name := range names(base) {
		family := slices.ContainsFunc(families(), func(f string) bool { return strings.HasPrefix(name, f) })
		set := slices.ContainsFunc(sets, func(v Variable) bool { return v.Name == name })
		if !set && !kept(name) && (family || slices.Contains(owned, name)) {
			out = append(out, Variable{Name: name, Clear: true})
		}
	}
	return append(out, sets...)
}

// Environ is an environment in which any program has this Google Cloud for the real one.
func (p place) Environ(base []string) []string {
	changes := p.Variables(base)
	out := slices.DeleteFunc(slices.Clone(base), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.ContainsFunc(changes, func(v Variable) bool { return v.Name == name })
	})
	for _, v := range changes {
		if !v.Clear {
			out = append(out, v.Name+"="+v.Value)
		}
	}
	return out
}

func names(environ []string) []string {
	var out []string
	for _, kv := range environ {
		if name, _, ok := strings.Cut(kv, "="); ok && name != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Kubeconfig is the file that KUBECONFIG names: one, and not a list.
func (p place) Kubeconfig() string { return p.tools("kube", "config") }
