package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signgate/signgate/internal/tools"
	"github.com/signgate/signgate/sandbox"
)

// desk is a sandbox with other people's programs beside it, as a user of them sits there.
type desk struct {
	dir     string // where they work, and the state folder
	env     []string
	project string // that programs are pointed at: the new one, unless it says another
}

// newDesk finds or builds the programs; those of Google's must be on the machine.
func newDesk(t *testing.T, found, built []string) *desk {
	t.Helper()
	bin := programs(t)
	for _, name := range found {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not on this machine", name)
		}
	}
	path := []string{}
	for _, name := range built {
		program, err := tools.Build(t.Context(), filepath.Dir(bin), name, func(s string) { t.Log(s) })
		if err != nil {
			t.Fatal(err)
		}
		path = append(path, filepath.Dir(program))
	}
	d := &desk{dir: t.TempDir(), project: sandbox.Project}
	t.Cleanup(func() { endSandboxes(t, d.dir) })
	d.env = append(os.Environ(), "PATH="+strings.Join(append(path, os.Getenv("PATH")), ":"), "HOME="+d.dir,
		"SIGNGATE_STATE_DIR="+filepath.Join(d.dir, "state"), "SIGNGATE_BIN="+bin)
	return d
}

// add puts a program on the path if it has been built before (make tools): it costs
// minutes that are not spent on it in every test.
func (d *desk) add(t *testing.T, name string) bool {
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(root, ".cache", "tools", name+"@*", name))
	if err != nil || len(found) == 0 {
		t.Logf("without %s, which is not built: make tools", name)
		return false
	}
	for i, v := range d.env {
		if rest, ok := strings.CutPrefix(v, "PATH="); ok {
			d.env[i] = "PATH=" + filepath.Dir(found[0]) + ":" + rest
		}
	}
	return true
}

// run runs a command in the sandbox, and gives all that it printed.
func (d *desk) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, append([]string{"sandbox", "run", "--project", d.project, "--"}, args...)...)
	cmd.Args[0] = "signgate" // the test binary is the program by that name
	cmd.Dir, cmd.Env = d.dir, d.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// script runs one of testdata's, which must end well.
func (d *desk) script(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	out, err := d.run(t, "bash", path)
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	t.Logf("%s took %s", name, time.Since(start).Round(time.Second))
	return out
}

// TestGuide is the guide as people type it, by nobody's clients but Google's, Sigstore's,
// Helm's and Kubernetes' own, to its two results; and the mistake that it warns of.
func TestGuide(t *testing.T) {
	d := newDesk(t, []string{"gcloud", "gke-gcloud-auth-plugin", "kubectl"}, []string{"cosign", "crane", "helm"})
	out := d.script(t, "guide.sh")
	for _, want := range []string{
		`admission webhook "policy.sigstore.dev" denied the request: validation failed: no matching policies: spec.template.spec.containers[0].image`,
		"\ndeployment.apps/nginx created\n", "\ndeployment.apps/nginx condition met\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the guide did not print %q:\n%s", want, out)
		}
	}
	wantLeast(t, d.script(t, "guide_least.sh"))
	wantWorkload(t, d.script(t, "guide_workload.sh"))
	if out, err := d.run(t, "kubectl", "config", "use-context", first(t, d)); err != nil { // what follows is on the guide's cluster
		t.Fatal(err, out)
	}
	if d.add(t, "cosign-v3") {
		if out = d.script(t, "guide_v3.sh"); !strings.Contains(out, "no signatures found") || !strings.Contains(out, "deployment.apps/v3 created (server dry run)") {
			t.Errorf("cosign v3's bundle was not refused for what it is, or its old format not admitted:\n%s", out)
		}
	}
	if out = d.script(t, "guide_scopes.sh"); !strings.Contains(out, "PermissionDenied desc = Request had insufficient authentication scopes.") {
		t.Errorf("the policy does not say what KMS said:\n%s", out)
	}
}

// first is the name that kubectl has for the guide's cluster.
func first(t *testing.T, d *desk) string {
	t.Helper()
	out, err := d.run(t, "kubectl", "config", "get-contexts", "--output=name")
	if err != nil {
		t.Fatal(err, out)
	}
	for name := range strings.FieldsSeq(out) {
		if strings.HasSuffix(name, "_cosign-test-cluster") {
			return name
		}
	}
	t.Fatalf("kubectl knows %s", out)
	return ""
}

// wantWorkload: Google's clients are told of identities of pods what Google tells them.
func wantWorkload(t *testing.T, out string) {
	t.Helper()
	for name, want := range map[string][]string{
		"before the pool":                        {"INVALID_ARGUMENT: Identity Pool does not exist (projects/", "message=Autopilot node pools cannot be accessed or modified."},
		"without roles/cloudkms.publicKeyViewer": {"desc = Permission 'cloudkms.cryptoKeyVersions.viewPublicKey' denied on resource 'projects/"},
		"without roles/artifactregistry.reader":  {`DENIED: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/`},
		"with all of them":                       {"deployment.apps/again created (server dry run)"},
	} {
		_, part, _ := strings.Cut(out, "== "+name+"\n")
		part, _, _ = strings.Cut(part, "\n== ")
		for _, words := range want {
			if !strings.Contains(part, words) {
				t.Errorf("%s: no %q in\n%s", name, words, part)
			}
		}
	}
}

// wantLeast: without each grant there is the failure of just that grant.
func wantLeast(t *testing.T, out string) {
	t.Helper()
	const (
		denial    = `admission webhook "policy.sigstore.dev" denied the request: validation failed: `
		unmatched = denial + "no matching policies: spec.template.spec.containers[0].image"
		kms       = "False InliningKeysFailed: "
		get       = "rpc error: code = PermissionDenied desc = Permission 'cloudkms.cryptoKeys.get' denied on resource 'projects/"
		view      = "rpc error: code = PermissionDenied desc = Permission 'cloudkms.cryptoKeyVersions.viewPublicKey' denied on resource 'projects/"
		download  = `: DENIED: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/`
		byTag     = "/nginx:latest must be an image digest: spec.template.spec.containers[0].image"
		created   = "deployment.apps/again created (server dry run)"
	)
	all := []string{unmatched, kms, get, view, download, byTag, created}
	seen := map[string]bool{}
	for _, part := range strings.Split(out, "== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		seen[name] = true
		want := map[string][]string{
			"with all of them":                      {created},
			"without roles/cloudkms.viewer":         {unmatched, kms, get},
			"without roles/cloudkms.verifier":       {unmatched, kms, view},
			"without roles/artifactregistry.reader": {download, byTag},
		}[name]
		for _, words := range all {
			if strings.Contains(text, words) != slices.Contains(want, words) {
				t.Errorf("%s: %q is there: %v\n%s", name, words, !slices.Contains(want, words), text)
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("shown were only %v", seen)
	}
}
