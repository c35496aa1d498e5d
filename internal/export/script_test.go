package export_test

import (
	"bytes"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/signgate/signgate/internal/export"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// digest is the one that the shims know every image by.
var digest = "sha256:" + strings.Repeat("a", 64)

//go:embed testdata/shims.sh
var shims []byte

// replay runs a script with shims for every program, and gives the words of each call of one.
func replay(t interface {
	Fatalf(string, ...any)
	Helper()
}, dir, script string) [][]string {
	t.Helper()
	words, env := filepath.Join(dir, "words"), filepath.Join(dir, "shims.sh")
	for path, data := range map[string][]byte{env: shims, words: nil} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatalf("%v", err)
		}
	}
	cmd := exec.Command("bash", "-s")
	cmd.Stdin, cmd.Dir = strings.NewReader(script), dir
	cmd.Env = append(os.Environ(), "BASH_ENV="+env, "WORDS="+words, "DIGEST="+digest)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, script)
	}
	data, err := os.ReadFile(words)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var calls [][]string
	for call := range strings.SplitSeq(strings.TrimSuffix(string(data), "\x01\x00"), "\x01\x00") {
		calls = append(calls, strings.Split(strings.TrimSuffix(call, "\x00"), "\x00"))
	}
	return calls
}

// meant are the calls that a script of these answers must come to, from the documentation
// of the programs and the answers alone.
func meant(a state.Answers, version string) [][]string {
	n := steps.NamesOf(a)
	var all [][]string
	call := func(words ...string) { all = append(all, words) }
	project := "--project=" + a.Project
	location := "--location=" + a.Region
	if a.NewProject {
		call("gcloud", "projects", "create", a.Project)
		call("gcloud", "billing", "projects", "link", a.Project, "--billing-account="+strings.TrimPrefix(a.BillingAccount, "billingAccounts/"))
	}
	call("gcloud", "services", "enable", "cloudkms.googleapis.com", "artifactregistry.googleapis.com", "container.googleapis.com",
		"iam.googleapis.com", "cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com", project)
	suffixed := func(s string) string {
		if a.Suffix == "" {
			return s
		}
		return s + "-" + a.Suffix
	}
	ring, repository, cluster := suffixed(a.KeyRing), suffixed(a.Repository), suffixed(a.Cluster)
	undashed := func(short, full string) string {
		if short[0] == '-' {
			return full
		}
		return short
	}
	ringName := "projects/" + a.Project + "/locations/" + a.Region + "/keyRings/" + ring
	call("gcloud", "kms", "keyrings", "create", undashed(ring, ringName), location, project)
	call("gcloud", "kms", "keys", "create", undashed(a.Key, ringName+"/cryptoKeys/"+a.Key), "--keyring="+ring, location, project,
		"--purpose=asymmetric-signing", "--default-algorithm=ec-sign-p256-sha256")
	call("gcloud", "kms", "keys", "versions", "get-public-key", version, "--key="+a.Key, "--keyring="+ring, location, project, "--output-file=cosign.pub")
	call("gcloud", "artifacts", "repositories", "create", repository, "--repository-format=docker", location, project)
	call("gcloud", "auth", "configure-docker", a.Region+"-docker.pkg.dev", "--quiet")

	private := n.ImageName()
	tag := private + ":" + n.ImageTag()
	call("crane", "copy", "--platform="+n.Platform(), a.Image, tag)
	call("crane", "mutate", "--label=dev.signgate.variant=unsigned", "--tag="+private+":signgate-unsigned", tag)
	call("crane", "mutate", "--label=dev.signgate.variant=wrong-key", "--tag="+private+":signgate-wrong-key", tag)
	sign := func(log bool, key string) {
		call("cosign", "sign", "--yes", "--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload="+strconv.FormatBool(log), "--key="+key, private+"@"+digest)
	}
	kms := "gcpkms://" + ringName + "/cryptoKeys/" + a.Key + "/cryptoKeyVersions/" + version
	call("crane", "digest", tag)
	sign(a.PublicLog, kms)
	call("crane", "digest", tag)
	call("cosign", "verify", "--insecure-ignore-tlog=true", "--key=cosign.pub", private+"@"+digest)
	call("cosign", "generate-key-pair", "--output-key-prefix=throw-away")
	call("crane", "digest", private+":signgate-wrong-key")
	sign(false, "throw-away.key")

	email := n.AccountEmail()
	call("gcloud", "iam", "service-accounts", "create", cluster+"-sa", "--display-name=signgate nodes of "+cluster, project)
	federated := a.WorkloadIdentity || a.Shape == state.Autopilot
	roles := []string{"logging.logWriter", "monitoring.metricWriter", "monitoring.viewer", "cloudkms.viewer", "cloudkms.verifier"}
	if federated {
		roles = []string{"container.defaultNodeServiceAccount"}
	}
	for _, role := range roles {
		call("gcloud", "projects", "add-iam-policy-binding", a.Project, "--member=serviceAccount:"+email, "--role=roles/"+role, "--condition=None")
	}
	call("gcloud", "artifacts", "repositories", "add-iam-policy-binding", repository, location, project,
		"--member=serviceAccount:"+email, "--role=roles/artifactregistry.reader")
	place := "--region=" + a.Region
	if a.Shape == state.Zonal {
		place = "--zone=" + n.Zone()
	}
	all = append(all, meantCluster(a, cluster, place, email))
	if federated {
		call("gcloud", "projects", "describe", a.Project, "--format=value(projectNumber)")
		member := "--member=principal://iam.googleapis.com/projects/4711/locations/global/workloadIdentityPools/" + a.Project +
			".svc.id.goog/subject/ns/cosign-system/sa/policy-controller-webhook"
		for _, role := range []string{"viewer", "publicKeyViewer"} {
			call("gcloud", "kms", "keys", "add-iam-policy-binding", undashed(a.Key, ringName+"/cryptoKeys/"+a.Key), "--keyring="+ring, location, project, "--role=roles/cloudkms."+role, member)
		}
		call("gcloud", "artifacts", "repositories", "add-iam-policy-binding", repository, location, project, "--role=roles/artifactregistry.reader", member)
	}

	archive := chart.Name + "-" + chart.Version + ".tgz"
	call("gcloud", "container", "clusters", "get-credentials", cluster, place, project)
	call("helm", "pull", chart.Name, "--repo="+chart.Repo, "--version="+chart.Version)
	call("sha256sum", "-c", "-", chart.Digest+"  "+archive)
	install := []string{"helm", "upgrade", "--install", "policy-controller", archive, "--namespace=cosign-system", "--create-namespace", "--set=webhook.extraArgs.disable-tuf=true", "--wait"}
	if a.ExistingCluster && !federated {
		install = append(install, `--set=commonNodeSelector.cloud\.google\.com/gke-nodepool=signgate-pool`)
	}
	call(install...)
	policy := "clusterimagepolicy/" + a.Policy
	call("kubectl", "apply", "-f", "policy.yaml")
	call("kubectl", "annotate", "--overwrite", policy, "signgate.dev/read-again=1")
	call("kubectl", "wait", "--for=condition=Ready", "--timeout=5m", policy)
	if a.Namespace != "default" {
		call("kubectl", "create", "namespace", a.Namespace)
	}
	call("kubectl", "label", "--overwrite", "namespace", a.Namespace, "policy.sigstore.dev/include=true")
	app := private[strings.LastIndex(private, "/")+1:]
	app = strings.Trim(strings.NewReplacer("_", "-", ".", "-").Replace(app)[:min(len(app), 40)], "-")
	deploy := func(name, image string, dry ...string) {
		call(append([]string{"kubectl", "create", "deployment", name, "--namespace=" + a.Namespace, "--image=" + image}, dry...)...)
	}
	for name, image := range map[string]string{"-unsigned-public": a.Image} {
		deploy(app+name, image, "--dry-run=server")
		deploy(app+name, image)
	}
	for _, name := range []string{"unsigned", "wrong-key"} {
		as := map[string]string{"unsigned": "-unsigned-private", "wrong-key": "-wrong-key"}[name]
		deploy(app+as, private+":signgate-"+name, "--dry-run=server")
		deploy(app+as, private+":signgate-"+name)
	}
	call("crane", "digest", tag)
	deploy(app, private+"@"+digest)
	if a.ExistingCluster && !federated {
		call("kubectl", "patch", "deployment", app, "--namespace="+a.Namespace, `--patch={"spec":{"template":{"spec":{"nodeSelector":{"cloud.google.com/gke-nodepool":"signgate-pool"}}}}}`)
	}
	call("kubectl", "wait", "--for=condition=Available", "--timeout=5m", "--namespace="+a.Namespace, "deployment/"+app)
	return all
}

// meantCluster is the call that makes the cluster.
func meantCluster(a state.Answers, cluster, place, email string) []string {
	project := "--project=" + a.Project
	if a.ExistingCluster && (a.WorkloadIdentity || a.Shape == state.Autopilot) {
		return []string{"gcloud", "container", "clusters", "describe", cluster, place, project}
	}
	if a.Shape == state.Autopilot {
		return []string{"gcloud", "container", "clusters", "create-auto", cluster, place, project, "--service-account=" + email}
	}
	nodes, disk := strconv.Itoa(a.Nodes), strconv.Itoa(a.DiskGB)
	if a.Shape == state.Guide {
		nodes, disk = "3", "100"
	}
	scopes := []string{"logging.write", "monitoring", "devstorage.read_only", "servicecontrol", "service.management.readonly", "trace.append", "userinfo.email"}
	if !a.WorkloadIdentity {
		scopes = append(scopes, "cloudkms")
	}
	const auth = "https://www.googleapis.com/auth/"
	if a.ExistingCluster {
		return []string{"gcloud", "container", "node-pools", "create", "signgate-pool", "--cluster=" + cluster, place, project, "--num-nodes=" + nodes,
			"--machine-type=" + a.MachineType, "--disk-size=" + disk, "--service-account=" + email, "--scopes=" + auth + strings.Join(scopes, ","+auth)}
	}
	words := []string{"gcloud", "container", "clusters", "create", cluster, place, project, "--num-nodes=" + nodes, "--machine-type=" + a.MachineType,
		"--disk-size=" + disk, "--service-account=" + email, "--scopes=" + auth + strings.Join(scopes, ","+auth), "--enable-ip-alias", "--release-channel=regular"}
	if a.WorkloadIdentity {
		words = append(words, "--workload-pool="+a.Project+".svc.id.goog", "--workload-metadata=GKE_METADATA")
	}
	return words
}

// TestScriptSaysWhatIsMeant is the law of the script: whatever the answers, bash reads it, and
// the programs are called with exactly the words that are meant, in this order.
func TestScriptSaysWhatIsMeant(t *testing.T) {
	checks(t, "20")
	rapid.Check(t, func(t *rapid.T) {
		a := anyAnswers(t)
		s := described(a)
		version := rapid.SampledFrom([]string{"1", "12"}).Draw(t, "version")
		s.Pins = map[string]string{steps.PinKeyVersion: version}
		dir, err := os.MkdirTemp("", "script")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		script := export.Script(s)
		check := exec.Command("bash", "-n")
		check.Stdin = strings.NewReader(script)
		if out, err := check.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s\n%s", err, out, script)
		}
		got, want := replay(t, dir, script), meant(a, version)
		got = slices.DeleteFunc(got, func(call []string) bool { return slices.Contains(call, "print-access-token") }) // is one signed in?
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || !slices.Equal(got[i], want[i]) {
				t.Fatalf("call %d is\n%q\nand was to be\n%q", i, at(got, i), at(want, i))
			}
		}
		policy, err := os.ReadFile(filepath.Join(dir, "signgate-demo", "policy.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		checkPolicy(t, policy, a, version)
	})
}

func at(calls [][]string, i int) []string {
	if i < len(calls) {
		return calls[i]
	}
	return nil
}

func checkPolicy(t *rapid.T, text []byte, a state.Answers, version string) {
	var p struct {
		Metadata struct{ Name string }
		Spec     struct {
			Mode        string
			Images      []struct{ Glob string }
			Authorities []struct{ Key struct{ Kms string } }
		}
	}
	if err := yaml.Unmarshal(text, &p); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	n := steps.NamesOf(a)
	if p.Metadata.Name != a.Policy || p.Spec.Mode != "enforce" || len(p.Spec.Images) != 1 || p.Spec.Images[0].Glob != n.RepositoryPath()+"/*" ||
		len(p.Spec.Authorities) != 1 || p.Spec.Authorities[0].Key.Kms != n.KMSRef(version) {
		t.Fatalf("%+v of\n%s", p, text)
	}
}

// TestScriptIsCleanToShellcheck, where there is one on the machine.
func TestScriptIsCleanToShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not on this machine")
	}
	for name, change := range map[string]func(*state.Answers){
		"the guide's names": func(*state.Answers) {},
		"a new project": func(a *state.Answers) {
			a.NewProject, a.BillingAccount, a.PublicLog = true, "billingAccounts/012345-6789AB-CDEF01", true
		},
		"other names": func(a *state.Answers) {
			a.Project, a.KeyRing, a.Key, a.Namespace, a.Shape, a.Suffix = "example.com:acme-demo", "-ring", "--key", "prod", state.Regional, "ann"
		},
		"pods with identities": func(a *state.Answers) { a.WorkloadIdentity = true },
	} {
		a := defaults()
		change(&a)
		cmd := exec.Command("shellcheck", "--enable=all", "--exclude=SC2310,SC2312,SC2250,SC2248,SC2292", "-") // matters of taste that go with set -e in conditions and ${braces}
		cmd.Stdin = strings.NewReader(export.Script(described(a)))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestScriptRepeatsWhatPasses: a refusal that passes by itself is asked again, one that does
// not ends the script, and what is there already is no mistake.
func TestScriptRepeatsWhatPasses(t *testing.T) {
	script := export.Script(described(defaults()))
	run := func(extra string) (string, error) {
		dir := t.TempDir()
		env := filepath.Join(dir, "shims.sh")
		if err := os.WriteFile(env, append(slices.Clone(shims), extra...), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("bash", "-s")
		cmd.Stdin, cmd.Dir = strings.NewReader(script), dir
		cmd.Env = append(os.Environ(), "BASH_ENV="+env, "WORDS="+filepath.Join(dir, "words"), "DIGEST="+digest)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		return out.String(), err
	}
	for _, c := range []struct {
		name, shim, want string
		fails            bool
	}{
		{"an API that is new", `gcloud() { if [[ $* == *"keyrings create"* && ! -e second ]]; then touch second; echo "ERROR: (gcloud.kms.keyrings.create) PERMISSION_DENIED: Google Cloud Key Management Service (KMS) API has not been used in project 1 before or it is disabled." >&2; return 1; fi; }`,
			"(that may pass; trying again)", false},
		{"a ring that is there", `gcloud() { if [[ $* == *"keyrings create"* ]]; then echo "ERROR: (gcloud.kms.keyrings.create) ALREADY_EXISTS: KeyRing projects/p/locations/l/keyRings/cosign already exists." >&2; return 1; fi; }`,
			"(there already)", false},
		{"no permission", `gcloud() { if [[ $* == *"keyrings create"* ]]; then echo "ERROR: PERMISSION_DENIED: Permission 'cloudkms.keyRings.create' denied" >&2; return 1; fi; }`,
			"cloudkms.keyRings.create", true},
		{"an open gate", `kubectl() { :; }`, "not refused with: no matching policies|no signatures found", true},
		{"refused for another reason", `kubectl() { if [[ $* == *"create deployment"* ]]; then echo "error: quota"; return 1; fi; }`, "error: quota", true},
		{"a chart that was changed", `sha256sum() { return 1; }`, "== Policy controller", true},
	} {
		out, err := run("\n" + c.shim)
		if (err != nil) != c.fails || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%s", c.name, err, out)
		}
		if done := strings.Contains(out, "\nDone: "); done == c.fails {
			t.Errorf("%s: it says that it is done: %v", c.name, done)
		}
	}
}
