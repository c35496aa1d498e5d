package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/signgate/signgate/sandbox/journal"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// exporting is a setup whose script is run and held against apply.
type exporting struct {
	name  string
	flags []string
}

// exports are the first of them, or all where SIGNGATE_EXPORTS is set (make exports): each takes minutes.
func exports() []exporting {
	all := []exporting{
		{"a suffix, another namespace, regional", []string{"--suffix=ann", "--namespace=prod", "--shape=regional", "--policy=7", "--key-ring=-ring", "--key=--key"}},
		{"the smallest", nil},
		{"the guide's shape", []string{"--shape=guide"}},
		{"pods with identities of their own", []string{"--workload-identity"}},
		{"autopilot", []string{"--shape=autopilot"}},
	}
	if os.Getenv("SIGNGATE_EXPORTS") == "" {
		all = all[:1]
	}
	return all
}

// TestExportedScriptComesToTheSameEnd runs the script that export writes, with Google's,
// Sigstore's, Helm's and Kubernetes' own programs, in an empty project, and compares what it
// leaves with what apply leaves in another. The lines for a build are run there, too.
func TestExportedScriptComesToTheSameEnd(t *testing.T) {
	for i, one := range exports() {
		t.Run(one.name, func(t *testing.T) {
			applied, scripted := exportDesk(t), exportDesk(t)
			a := exportAnswers(t, applied, one.flags)
			applied.self(t, append([]string{"apply", "--yes", "--sandbox"}, one.flags...)...)
			script := filepath.Join(scripted.dir, "setup.sh")
			text := scripted.self(t, append([]string{"export", "script", "--sandbox", "--project=" + a.Project}, one.flags...)...)
			if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := scripted.run(t, "bash", script)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if strings.Count(out, "(refused, as it must be)") != 3 || !strings.Contains(out, "condition met\n\nDone: ") {
				t.Errorf("it does not say its results:\n%s", out)
			}
			want, have := dumped(t, applied, a), dumped(t, scripted, a)
			if want != have {
				t.Errorf("apply left\n%s\nthe script left\n%s", want, have)
			}
			scripted.again(t, script)
			if i == 0 {
				signsInBuilds(t, applied, a)
			}
		})
	}
}

// exportDesk is a desk with all the programs of the script.
func exportDesk(t *testing.T) *desk {
	return newDesk(t, []string{"gcloud", "gke-gcloud-auth-plugin", "kubectl", "sha256sum"}, []string{"cosign", "crane", "helm"})
}

// exportAnswers are the answers that flags come to, as export says them.
func exportAnswers(t *testing.T, d *desk, flags []string) state.Answers {
	text := d.self(t, append([]string{"export", "config", "--project=acme-demo"}, flags...)...)
	a, _, wrong := state.ReadAnswers([]byte(text), state.Answers{})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return a
}

// self runs signgate itself, outside of the sandbox's environment, and gives what it says.
func (d *desk) self(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.trySelf(t, args...)
	if err != nil {
		t.Fatalf("signgate %v: %v\n%s", args, err, out)
	}
	return out
}

func (d *desk) trySelf(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Args[0] = "signgate"
	cmd.Dir, cmd.Env = d.dir, d.env
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return string(out) + words.String(), err
	}
	return string(out), nil
}

// dumped is the end state, as the programs of others see it.
func dumped(t *testing.T, d *desk, a state.Answers) string {
	t.Helper()
	n := steps.NamesOf(a)
	path, err := filepath.Abs("testdata/dump.sh")
	if err != nil {
		t.Fatal(err)
	}
	place := "--region=" + n.ClusterLocation()
	if n.Zonal() {
		place = "--zone=" + n.ClusterLocation()
	}
	out, err := d.run(t, "bash", path, a.Region, a.Project, n.KeyRingID(), n.RepositoryID(), n.ImageName(), n.ClusterID(), place, a.Namespace)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(out, "== deployments\n") || !strings.Contains(out, " holds 1\n") || !strings.Contains(out, n.AccountEmail()) {
		t.Errorf("the dump is not of a setup:\n%s", out)
	}
	return out
}

// again runs the script a second time: it ends well, and makes nothing that was there.
func (d *desk) again(t *testing.T, script string) {
	t.Helper()
	before := len(d.made(t))
	if out, err := d.run(t, "bash", script); err != nil {
		t.Fatalf("a second time: %v\n%s", err, out)
	}
	if after := d.made(t); len(after) != before {
		t.Errorf("a second time it made %v", after[before:])
	}
}

// made are the calls that created something in the sandbox's Google Cloud.
func (d *desk) made(t *testing.T) []string {
	t.Helper()
	file, err := os.Open(filepath.Join(d.dir, "state", "sandbox", "calls.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []string
	err = journal.Read(file, func(c journal.Call) bool {
		method := c.Method[strings.LastIndex(c.Method, "/")+1:]
		if c.Code == "OK" && strings.HasPrefix(method, "Create") {
			all = append(all, method)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// signsInBuilds takes the sign line out of each build that export writes and runs it, with the cosign that it
// names, on an image that is new: try refuses the image before, and admits it after.
func signsInBuilds(t *testing.T, d *desk, a state.Answers) {
	if !d.add(t, "cosign-v3") {
		return // it says so itself
	}
	image := steps.NamesOf(a).RepositoryPath() + "/app"
	lines := map[string]string{
		"github":     githubSigns(t, d.self(t, "export", "ci", "--for=github", "--sandbox")),
		"cloudbuild": cloudBuildSigns(t, d.self(t, "export", "ci", "--for=cloudbuild", "--sandbox")),
	}
	for build, line := range lines {
		ref := image + ":" + build
		out, err := d.run(t, "crane", "mutate", "--label=by="+build, "--tag="+ref, steps.NamesOf(a).ImageName()+":"+steps.TagUnsigned)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		digest, err := d.run(t, "crane", "digest", ref)
		if err != nil {
			t.Fatal(digest)
		}
		digest = strings.TrimSpace(digest)
		if out, err := d.trySelf(t, "try", "--sandbox", image+"@"+digest); err == nil {
			t.Errorf("%s: it is admitted before it is signed:\n%s", build, out)
		}
		// Cloud Build reads the image from a file, GitHub from two variables.
		line = "cosign() { cosign-v3 \"$@\"; }\nIMAGE=" + image + " DIGEST=" + digest + "\n" + strings.ReplaceAll(line, "$(cat /workspace/image)", image+"@"+digest)
		if out, err := d.run(t, "bash", "-euo", "pipefail", "-c", line); err != nil {
			t.Fatalf("%s: %v\n%s\n%s", build, err, line, out)
		}
		if out, err := d.trySelf(t, "try", "--sandbox", image+"@"+digest); err != nil || !strings.Contains(out, "admitted") {
			t.Errorf("%s: %v\n%s", build, err, out)
		}
	}
}

func githubSigns(t *testing.T, text string) string {
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run, Uses string }
		}
	}
	if err := yaml.Unmarshal([]byte(text), &workflow); err != nil {
		t.Fatal(err)
	}
	all := workflow.Jobs["sign"].Steps
	at := slices.IndexFunc(all, func(s struct{ Name, Run, Uses string }) bool { return s.Name == "sign" })
	if at < 0 {
		t.Fatalf("no step signs:\n%s", text)
	}
	return all[at].Run
}

// cloudBuildSigns is what the container of cosign is called with, as a command.
func cloudBuildSigns(t *testing.T, text string) string {
	var build struct {
		Steps []struct{ ID, Script string }
	}
	if err := yaml.Unmarshal([]byte(text), &build); err != nil {
		t.Fatal(err)
	}
	for _, s := range build.Steps {
		if _, line, ok := strings.Cut(strings.ReplaceAll(s.Script, "\\\n", ""), "ghcr.io/sigstore/cosign/cosign:"); ok && s.ID == "sign" {
			return regexp.MustCompile(`^\S+`).ReplaceAllString(line, "cosign")
		}
	}
	t.Fatalf("no step signs:\n%s", text)
	return ""
}
