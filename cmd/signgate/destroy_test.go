package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/api/iterator"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/fault"
)

// nothingLeft looks, by the official clients, for whatever a setup makes: all that may be there
// is what Google lets nobody remove at once.
func (b *bench) nothingLeft() {
	b.Helper()
	if _, err := b.clients.Artifacts.GetRepository(b.Context(), &artifactregistrypb.GetRepositoryRequest{Name: b.n.Repository()}); !gcp.NotFound(err) {
		b.Errorf("the repository: %v", err)
	}
	if _, err := b.clients.IAM.GetServiceAccount(b.Context(), &adminpb.GetServiceAccountRequest{Name: b.n.Account()}); !gcp.NotFound(err) {
		b.Errorf("the account: %v", err)
	}
	clusters, err := b.clients.GKE.ListClusters(b.Context(), &containerpb.ListClustersRequest{Parent: b.n.ClusterParent()})
	b.must(err)
	if len(clusters.GetClusters()) > 0 {
		b.Errorf("clusters: %v", clusters.GetClusters())
	}
	p, err := b.clients.Projects.GetIamPolicy(b.Context(), &iampb.GetIamPolicyRequest{Resource: b.n.Project()})
	b.must(err)
	for _, binding := range p.GetBindings() {
		for _, m := range binding.GetMembers() {
			if strings.Contains(m, b.n.AccountEmail()) {
				b.Errorf("the policy: %s has %s", m, binding.GetRole())
			}
		}
	}
	for _, v := range b.versions() {
		if v.GetState() != kmspb.CryptoKeyVersion_DESTROY_SCHEDULED {
			b.Errorf("%s is %s", v.GetName(), v.GetState())
		}
	}
	if _, err := os.Stat(filepath.Join(b.dir, "sandbox", "setups", "acme-demo")); !os.IsNotExist(err) {
		b.Errorf("the record's folder: %v", err)
	}
}

func (b *bench) versions() []*kmspb.CryptoKeyVersion {
	b.Helper()
	var all []*kmspb.CryptoKeyVersion
	it := b.clients.KMS.ListCryptoKeyVersions(b.Context(), &kmspb.ListCryptoKeyVersionsRequest{Parent: b.n.Key()})
	for {
		v, err := it.Next()
		if errors.Is(err, iterator.Done) || gcp.NotFound(err) {
			return all
		}
		b.must(err)
		all = append(all, v)
	}
}

// Whatever half of a setup is there, destroy leaves nothing of it, and the next setup can be made.
func TestDestroyOfHalfASetup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ends(exitDone, "apply", "--yes", "--to", "apis")
	b.ends(exitDone, "destroy", "--yes")
	b.nothingLeft()
	for _, at := range []struct {
		target, step string
		nth          int
	}{
		{"CreateKeyRing", "keyring", 0}, {"CreateCryptoKey", "key", 0}, {"CreateCryptoKeyVersion", "key", 0}, // ring and key: once and for all
		{"CreateRepository", "registry", 0}, {"PUT *-docker.pkg.dev/v2/*/manifests/*", "image", 0}, {"PUT *-docker.pkg.dev/v2/*/manifests/*", "image", 2},
		{"AsymmetricSign", "signature", 0}, {"CreateServiceAccount", "identity", 0}, {"SetIamPolicy", "identity", 0}, {"SetIamPolicy", "identity", 2}, {"CreateCluster", "cluster", 0},
	} {
		for _, after := range []bool{false, true} {
			when := map[bool]string{false: "before", true: "after"}[after]
			t.Run("killed "+when+" "+strings.ReplaceAll(at.target, "/", "_"), func(t *testing.T) {
				b := b.with(t)
				b.killed(at.target, at.nth, after, "apply", "--yes", "--to", at.step)
				b.ends(exitDone, "destroy", "--yes")
				b.nothingLeft()
			})
		}
	}
	for _, step := range []string{"key", "registry", "image", "signature", "identity"} {
		t.Run("made up to "+step, func(t *testing.T) {
			b := b.with(t)
			b.ends(exitDone, "apply", "--yes", "--to", step)
			b.ends(exitDone, "destroy", "--yes")
			b.nothingLeft()
		})
	}
	t.Run("killed while it is destroyed", func(t *testing.T) {
		b := b.with(t)
		b.ends(exitDone, "apply", "--yes", "--to", "identity")
		b.killed("DeleteRepository", 0, true, "destroy", "--yes")
		b.ends(exitDone, "destroy", "--yes")
		b.nothingLeft()
	})
	for name, stopped := range map[string]func(b *bench){
		"killed": func(b *bench) { b.killed("CreateCryptoKeyVersion", 0, true, "apply", "--yes", "--to", "key") },
		"unanswered": func(b *bench) {
			_, err := b.box.AddFault(b.Context(), fault.Fault{Target: "CreateCryptoKeyVersion", After: true, Cut: true})
			b.must(err)
			b.ends(exitFailed, "apply", "--yes", "--to", "key")
			b.must(b.box.ClearFaults(b.Context()))
		},
		"killed while it waits": func(b *bench) {
			b.must(b.box.SetConsistency(b.Context(), sandbox.Consistency{Profile: sandbox.Google, Key: 5}))
			b.killed("GetCryptoKeyVersion", 0, false, "apply", "--yes", "--to", "key")
			b.ends(exitDone, "plan", "--to", "key")
			b.must(b.box.SetConsistency(b.Context(), sandbox.Consistency{Profile: sandbox.Immediate}))
		},
	} {
		t.Run("goes on with a version of the key that is left, "+name, func(t *testing.T) {
			b := b.with(t)
			before := len(b.versions())
			stopped(b)
			b.ends(exitDone, "apply", "--yes", "--to", "key")
			if n := len(b.versions()) - before; n != 1 {
				t.Errorf("%d versions were added", n)
			}
			b.ends(exitDone, "apply", "--yes", "--to", "key")
			b.ends(exitDone, "destroy", "--yes")
			b.nothingLeft()
		})
	}
	t.Run("made again", func(t *testing.T) {
		b := b.with(t)
		before := len(b.versions())
		b.ends(exitDone, "apply", "--yes", "--to", "signature")
		all := b.versions()
		if len(all) != before+1 || b.record().Pins["key-version"] != lastOf(all[0].GetName()) && b.record().Pins["key-version"] != lastOf(all[len(all)-1].GetName()) {
			t.Errorf("the setup signs with version %s of %d (before: %d)", b.record().Pins["key-version"], len(all), before)
		}
	})
}

// uninstalledHalf is a destroy that is killed when all of the controller is gone but the release's record: the
// leases of the last pod are there still, and the next apply waits for none of them.
func (b *bench) uninstalledHalf() {
	b.Helper()
	b.killed("DELETE 203.0.113.*/api/v1/namespaces/cosign-system/secrets/sh.helm*", 0, false, "destroy", "--yes")
	b.ends(exitDone, "apply", "--yes")
	if _, code := b.status(); code != exitDone {
		b.Errorf("made again, status ends with %d", code)
	}
}

func lastOf(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// A key that has signed what stays is kept, whether signgate knows of the signature or only
// the registry does; --key removes it all the same.
func TestDestroyKeepsAKeyThatIsNeeded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ends(exitDone, "apply", "--yes", "--to", "signature")
	op, err := b.clients.Artifacts.CreateRepository(t.Context(), &artifactregistrypb.CreateRepositoryRequest{Parent: b.n.Location(), RepositoryId: "somebodys",
		Repository: &artifactregistrypb.Repository{Format: artifactregistrypb.Repository_DOCKER}})
	b.must(err)
	b.must(gcp.Finish(t.Context(), b.clients.Artifacts, op.Name(), nil))
	elsewhere := b.n.RegistryHost() + "/acme-demo/somebodys/app"
	known, found, plain := b.push(elsewhere, "known"), b.push(elsewhere, "found"), b.push(elsewhere, "not signed")
	b.ends(exitDone, "sign", known)
	b.signedBy(found, "1")

	out := b.ends(exitDone, "destroy", "--yes")
	for _, words := range []string{"keep    version 1 of the key (it has signed ", known, found, "the record stays"} {
		if !strings.Contains(out, words) {
			t.Errorf("destroy does not say %q:\n%s", words, out)
		}
	}
	if strings.Contains(out, plain) {
		t.Errorf("what the key has not signed is named:\n%s", out)
	}
	if s := b.stateOf("1"); s != kmspb.CryptoKeyVersion_ENABLED {
		t.Errorf("the version is %s", s)
	}
	b.ends(exitDone, "destroy", "--yes") // again
	if s := b.stateOf("1"); s != kmspb.CryptoKeyVersion_ENABLED {
		t.Errorf("removed twice, the version is %s", s)
	}

	// What is there goes on: the setup is made again with the key that was kept.
	b.ends(exitDone, "apply", "--yes", "--to", "signature")
	if pin := b.record().Pins["key-version"]; pin != "1" {
		t.Errorf("made again, it signs with version %s", pin)
	}
	b.ends(exitDone, "destroy", "--yes", "--key")
	b.nothingLeft()
	if digest, err := b.registries().Find(t.Context(), known); err != nil || digest == "" {
		t.Errorf("somebody's image is gone: %v", err)
	}
}
