package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// says fails unless a text holds all of these words.
func (b *bench) says(out string, words ...string) {
	b.Helper()
	for _, w := range words {
		if !strings.Contains(out, w) {
			b.Errorf("it does not say %q:\n%s", w, out)
		}
	}
}

// events are the lines of a verb's JSON.
func (b *bench) events(out string) []engine.Event {
	b.Helper()
	var all []engine.Event
	for line := range strings.Lines(out) {
		var ev engine.Event
		if strings.HasPrefix(line, "{") { // not what is said besides
			b.must(json.Unmarshal([]byte(line), &ev))
			all = append(all, ev)
		}
	}
	return all
}

// A cluster of ours that has lost its labels is never forgotten, however often it is destroyed;
// labelled again as it is said, it goes.
func TestDestroyForgetsNoClusterWithoutLabels(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ends(exitDone, "apply", "--yes", "--to", "cluster")
	b.unlabelCluster()
	before := b.record()
	for range 2 {
		out := b.ends(exitFailed, "destroy", "--yes")
		b.says(out, "id       cluster-unlabelled", "gcloud container clusters update cosign-test-cluster", "--update-labels=managed-by=signgate,signgate-setup="+before.Setup)
	}
	for _, e := range b.record().Entries {
		if e.Phase == state.Gone {
			t.Errorf("%s %s was removed", e.Kind, e.Name)
		}
	}
	b.labelCluster()
	b.ends(exitDone, "destroy", "--yes")
	b.nothingLeft()
}

// somebodysCluster makes one of the setup's name by hand.
func (b *bench) somebodysCluster() {
	b.Helper()
	op, err := b.clients.GKE.CreateCluster(b.Context(), &containerpb.CreateClusterRequest{Parent: b.n.ClusterParent(), Cluster: &containerpb.Cluster{
		Name: b.n.ClusterID(), NodePools: []*containerpb.NodePool{{Name: "default-pool", InitialNodeCount: 1}}}})
	b.must(err)
	b.finished(op)
}

// A cluster that somebody made in the place of ours, which is gone, is theirs.
func TestDestroyLeavesAnotherCluster(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ends(exitDone, "apply", "--yes", "--to", "cluster")
	op, err := b.clients.GKE.DeleteCluster(t.Context(), &containerpb.DeleteClusterRequest{Name: b.n.Cluster()})
	b.must(err)
	b.finished(op)
	b.somebodysCluster()
	b.says(b.ends(exitDone, "destroy", "--yes"), "cluster cosign-test-cluster is left alone")
	if _, err := b.clients.GKE.GetCluster(t.Context(), &containerpb.GetClusterRequest{Name: b.n.Cluster()}); err != nil {
		t.Errorf("somebody's cluster: %v", err)
	}
}

func (b *bench) finished(op *containerpb.Operation) {
	b.Helper()
	b.must(b.clients.FinishGKE(b.Context(), gcp.GKEOperation(b.n.ClusterParent(), op.GetName()), func(gcp.Stage) {}, nil))
}

// What shows still after it was removed is on record from the moment at which it is seen, so that
// the next destroy removes it; it is gone when it shows no more.
func TestWhatIsLeftBehindStaysOnRecord(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ends(exitDone, "apply", "--yes", "--to", "apis")
	op, err := b.clients.Artifacts.CreateRepository(t.Context(), &artifactregistrypb.CreateRepositoryRequest{Parent: b.n.Location(), RepositoryId: b.n.RepositoryID(),
		Repository: &artifactregistrypb.Repository{Format: artifactregistrypb.Repository_DOCKER}})
	b.must(err)
	b.must(gcp.Finish(t.Context(), b.clients.Artifacts, op.Name(), nil))
	answers := state.Defaults()
	answers.Project = "acme-demo"
	store, err := state.Create(t.TempDir(), "left", state.World{Kind: "sandbox"}, answers)
	b.must(err)
	defer store.Close()
	l := engine.NewLedger(store, "registry", func(engine.Event) {})
	r := state.Resource{Kind: "artifactregistry.repository", Name: b.n.Repository()}
	b.must(l.Made(r, map[string]string{"a": "fact"}))
	before := store.Record()
	b.must(l.Gone(r))
	s := &session{store: store, steps: steps.List(answers, b.clients, steps.Options{})}
	onRecord := func() {
		if e := l.Entry(r); e.Phase != state.Made || e.Facts["a"] != "fact" {
			t.Errorf("on record is %+v", e)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // it would look for a minute
	defer cancel()
	if err := s.verifyGone(ctx, before, func(string, ...any) { onRecord() }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
	onRecord()

	b.must(l.Gone(r))
	var said []string
	b.must(s.verifyGone(t.Context(), before, func(format string, _ ...any) {
		said = append(said, format)
		if len(said) == 1 {
			onRecord()
			op, err := b.clients.Artifacts.DeleteRepository(t.Context(), &artifactregistrypb.DeleteRepositoryRequest{Name: b.n.Repository()})
			b.must(err)
			b.must(gcp.Finish(t.Context(), b.clients.Artifacts, op.Name(), nil))
		}
	}))
	if e := l.Entry(r); e.Phase != state.Gone || len(said) < 2 {
		t.Errorf("on record is %+v; it said %q", e, said)
	}
}

// What fails after the last step is told like all else: its problem, then a summary that is not OK.
func TestDestroySaysWhyItFailed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, output := range []string{"text", "json"} {
		b.ends(exitDone, "apply", "--yes", "--to", "registry")
		log := filepath.Join(b.dir, "sandbox", "setups", "acme-demo", state.EventsFile) // which cannot be removed
		b.must(os.RemoveAll(log))
		b.must(os.MkdirAll(filepath.Join(log, "somebodys"), 0o700))
		out := b.ends(exitFailed, "destroy", "--yes", "--output", output)
		if output == "text" {
			b.says(out, "remove setup \"acme-demo\"", "id       unknown", "Not done")
		} else {
			all := b.events(out)
			problem, last := all[len(all)-2].Problem, all[len(all)-1]
			if problem == nil || !strings.Contains(problem.Words, "remove setup") || last.Type != engine.TypeSummary || last.Summary.OK {
				t.Errorf("its last lines:\n%s", out)
			}
		}
		b.must(os.RemoveAll(log))
		b.ends(exitDone, "destroy", "--yes")
	}
}

// A repository that somebody made in the place of ours stays with what is in it, and status
// says so; ours goes by when it was made, even without its labels.
func TestDestroyLeavesAnotherRepository(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ends(exitDone, "apply", "--yes", "--to", "registry")
	b.unlabelRepository()
	b.ends(exitDone, "destroy", "--yes")
	b.nothingLeft()

	for _, old := range []bool{false, true} { // a record of an earlier signgate does not know when
		b.ends(exitDone, "apply", "--yes", "--to", "registry")
		if old {
			b.forgetFacts("artifactregistry.repository")
		}
		b.replaceRepository()
		image := b.push(b.n.RepositoryPath()+"/app", "somebody's")
		r, _ := b.status()
		if all := unlike(r); !strings.Contains(all, "signgate destroy leaves the repository alone") || !strings.Contains(all, "gcloud artifacts repositories update containers") {
			t.Errorf("status says %s", all)
		}
		b.says(b.ends(exitDone, "destroy", "--yes"), "repository containers is left alone")
		if digest, err := b.registries().Find(t.Context(), image); err != nil || digest == "" {
			t.Errorf("somebody's image is gone: %v", err)
		}
		b.deleteRepository()
	}
}

func (b *bench) unlabelRepository() {
	b.Helper()
	_, err := b.clients.Artifacts.UpdateRepository(b.Context(), &artifactregistrypb.UpdateRepositoryRequest{
		Repository: &artifactregistrypb.Repository{Name: b.n.Repository()}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}})
	b.must(err)
}

func (b *bench) deleteRepository() {
	b.Helper()
	op, err := b.clients.Artifacts.DeleteRepository(b.Context(), &artifactregistrypb.DeleteRepositoryRequest{Name: b.n.Repository()})
	b.must(err)
	b.must(op.Wait(b.Context()))
}

func (b *bench) replaceRepository() {
	b.Helper()
	b.deleteRepository()
	op, err := b.clients.Artifacts.CreateRepository(b.Context(), &artifactregistrypb.CreateRepositoryRequest{Parent: b.n.Location(), RepositoryId: b.n.RepositoryID(),
		Repository: &artifactregistrypb.Repository{Format: artifactregistrypb.Repository_DOCKER}})
	b.must(err)
	_, err = op.Wait(b.Context())
	b.must(err)
}

// forgetFacts has the record know no more of a kind than an earlier signgate noted.
func (b *bench) forgetFacts(kind string) {
	b.Helper()
	store, err := state.Open(filepath.Join(b.dir, "sandbox"), "acme-demo")
	b.must(err)
	defer store.Close()
	b.must(store.Update(func(r *state.Record) error {
		for i := range r.Entries {
			if r.Entries[i].Kind == kind {
				r.Entries[i].Facts = nil
			}
		}
		return nil
	}))
}

// cosign.pub goes with the key that wrote it, and never without: not where only a plan is made in a
// folder whose record is lost, and not where it was changed.
func TestPublicKeyIsNotTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	folder := filepath.Join(b.dir, "sandbox", "setups", "acme-demo")
	file := filepath.Join(folder, "cosign.pub")
	kept := func(text string) {
		t.Helper()
		if have, err := os.ReadFile(file); err != nil || string(have) != text {
			t.Errorf("cosign.pub: %q, %v", have, err)
		}
	}
	b.must(os.MkdirAll(folder, 0o700))
	b.must(os.WriteFile(file, []byte("somebody's"), 0o600))
	b.run("", "plan")
	kept("somebody's")
	b.must(os.Remove(file))

	b.ends(exitDone, "apply", "--yes", "--to", "key")
	id := b.record().Setup
	b.must(os.Remove(filepath.Join(folder, "record.json")))
	b.ends(exitDone, "apply", "--yes", "--to", "key", "--adopt", id)
	b.ends(exitDone, "destroy", "--yes")
	b.nothingLeft()

	b.ends(exitDone, "apply", "--yes", "--to", "key")
	b.must(os.WriteFile(file, []byte("changed"), 0o600))
	b.says(b.ends(exitDone, "destroy", "--yes"), "file cosign.pub is left alone")
	kept("changed")
	b.must(os.Remove(file))
}

// What destroy removes and keeps is said in JSON as well, and of the repository what goes along.
func TestDestroySaysWhatItRemoves(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ends(exitDone, "apply", "--yes", "--to", "signature")
	line := func() string {
		_, after, _ := strings.Cut(b.ends(exitUsage, "destroy"), "  remove  repository containers")
		first, _, _ := strings.Cut(after, "\n")
		return first
	}
	if said := line(); said != "" {
		t.Errorf("of a repository with nothing but its own it says %q", said)
	}
	theirs := b.push(b.n.RepositoryPath()+"/app", "somebody's")
	if said := line(); said != " (with everything in it, and this setup has not pushed "+theirs+")" {
		t.Errorf("of a repository with %s in it it says %q", theirs, said)
	}
	all := b.events(b.ends(exitDone, "destroy", "--yes", "--output", "json"))
	if len(all) == 0 || all[0].Type != engine.TypeRemovals {
		t.Fatalf("it begins with %+v", all)
	}
	told := map[string]engine.Removal{}
	for _, r := range all[0].Removals {
		told[r.Name] = r
	}
	if r := told["repository containers"]; r.Keep || !strings.Contains(r.Why, theirs) {
		t.Errorf("of the repository: %+v", r)
	}
	if r := told["key ring cosign"]; !r.Keep || r.Why == "" {
		t.Errorf("of the key ring: %+v", r)
	}
}
