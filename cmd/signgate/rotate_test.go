package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// push puts a small image into a repository, and gives it by its digest.
func (b *bench) push(to, what string) string {
	b.Helper()
	repository, err := name.NewRepository(to)
	b.must(err)
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{Architecture: "amd64", OS: "linux", Config: v1.Config{Labels: map[string]string{"what": what}}})
	b.must(err)
	digest, err := img.Digest()
	b.must(err)
	ref := repository.Digest(digest.String())
	b.must(remote.Write(ref, img, remote.WithContext(b.Context()), remote.WithTransport(b.clients.HTTP), remote.WithAuthFromKeychain(b.registries())))
	return ref.String()
}

// signedBy signs an image with one version of the key, as cosign does; signgate knows nothing of it.
func (b *bench) signedBy(ref, version string) {
	b.Helper()
	k, err := image.KMSKey(b.Context(), b.clients.KMSConn(), b.n.KMSRef(version))
	b.must(err)
	_, err = b.registries().Sign(b.Context(), ref, k, false)
	b.must(err)
}

// tries asks the cluster about an image, by the program.
func (b *bench) tries(ref string, code int, words string) {
	b.Helper()
	if out, got := b.run("", "try", ref); got != code || !strings.Contains(out, words) {
		b.Errorf("try %s ended with %d, want %d and %q:\n%s", ref, got, code, words, out)
	}
}

// rotated takes the key to its next version, killed on the way, with images of every kind:
// signed by signgate, and by hand with the old version alone, or with the new one alone.
func (b *bench) rotated() {
	b.Helper()
	old := b.record().Pins[steps.PinKeyVersion]
	n, err := strconv.Atoi(old)
	b.must(err)
	next := strconv.Itoa(n + 1)
	repository := b.n.RepositoryPath()
	ours, theirs, fresh := b.push(repository+"/ours", "signed by signgate"), b.push(repository+"/theirs", "signed by hand"), b.push(repository+"/fresh", "signed later")
	b.ends(exitDone, "sign", ours)
	b.signedBy(theirs, old)
	b.tries(theirs, exitDone, "it is signed by the policy's key")

	// Killed after the version is made, and while the images are signed again.
	b.killed("CreateCryptoKeyVersion", 0, true, "rotate", "--yes")
	b.killed("AsymmetricSign", 2, false, "rotate", "--yes")
	if r, _ := b.status(); !strings.Contains(r.Rotation, "to version "+next+" of the key, begun") {
		b.Errorf("half way it is said to be %q", r.Rotation)
	}
	b.ends(exitFailed, "rotate", "--finish", "--yes") // not yet
	b.tries(theirs, exitDone, "it is signed")
	b.ends(exitDone, "apply", "--yes") // keeps both versions
	tape := filepath.Join(b.dir, "sandbox", "setups", "acme-demo", state.EventsFile)
	b.must(os.Remove(tape))
	b.ends(exitDone, "rotate", "--yes")
	if events, err := os.ReadFile(tape); err != nil || !strings.Contains(string(events), `"type":"summary"`) {
		b.Errorf("who watches sees: %s, %v", events, err)
	}
	if again := b.ends(exitDone, "rotate", "--yes"); !strings.Contains(again, "No changes") {
		b.Errorf("rotated twice:\n%s", again)
	}

	// In between, both versions open the gate, and nothing undoes that.
	b.signedBy(fresh, next)
	b.inBetween(old, next, ours, theirs, fresh)
	b.ends(exitDone, "apply", "--yes")
	b.inBetween(old, next, ours, theirs, fresh)

	// What runs and is signed by the old version alone is in the way of the end.
	b.deploys("till", theirs)
	if out := b.ends(exitFailed, "rotate", "--finish", "--yes"); !strings.Contains(out, "rotation-in-use") || !strings.Contains(out, "deployment/till") {
		b.Errorf("the end does not name what depends on the old version:\n%s", out)
	}
	b.tries(theirs, exitDone, "it is signed")
	b.must(b.k.Core.AppsV1().Deployments("default").Delete(b.Context(), "till", metav1.DeleteOptions{}))
	b.until("the till is gone", func(ctx context.Context) (bool, error) {
		pods, err := b.k.Core.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=till"})
		return err == nil && len(pods.Items) == 0, err
	})

	// Killed before the old version is disabled; run again it is.
	b.killed("UpdateCryptoKeyVersion", 0, false, "rotate", "--finish", "--yes")
	b.ends(exitDone, "rotate", "--finish", "--yes")
	b.ends(exitDone, "rotate", "--finish", "--yes")
	b.tries(theirs, exitDiffers, "wrong-key")
	b.tries(ours, exitDone, "it is signed")
	b.tries(fresh, exitDone, "it is signed")
	if got := b.stateOf(old); got != kmspb.CryptoKeyVersion_DISABLED {
		b.Errorf("version %s is %s", old, got)
	}
	if r, code := b.status(); code != exitDone || r.Rotation != "" || b.record().Pins[steps.PinKeyVersion] != next {
		b.Errorf("in the end: exit code %d, %q, pins %v, %s", code, r.Rotation, b.record().Pins, unlike(r))
	}
	b.ends(exitDone, "apply", "--yes")
}

// notRotated asks for a rotation with a gate that somebody has opened: nothing is made, and
// what is said is how to shut it.
func (b *bench) notRotated() {
	b.Helper()
	for step, spoil := range map[string]func(){"enforcement": b.unlabel, "controller": b.deleteWebhook} {
		versions, before := len(b.versions()), b.record()
		spoil()
		for _, verb := range [][]string{{"rotate", "--yes"}, {"rotate", "--finish", "--yes"}} {
			b.says(b.ends(exitDiffers, verb...), "changed this by hand", "--overwrite-changes="+step)
		}
		if n := len(b.versions()); n != versions || b.record().Serial != before.Serial {
			b.Errorf("with %s changed there are %d versions of %d, and the record is at %d, not %d", step, n, versions, b.record().Serial, before.Serial)
		}
		b.ends(exitDone, "apply", "--yes", "--overwrite-changes="+step)
	}
}

func (b *bench) inBetween(old, next, ours, theirs, fresh string) {
	b.Helper()
	r, code := b.status()
	if code != exitDone || !strings.Contains(r.Rotation, "to version "+next+" of the key; version "+old+" is accepted as well until signgate rotate --sandbox --setup acme-demo --finish") {
		b.Errorf("in between: exit code %d, %q, %s", code, r.Rotation, unlike(r))
	}
	for _, ref := range []string{ours, theirs, fresh} {
		b.tries(ref, exitDone, "it is signed by the policy's key")
	}
}

func (b *bench) stateOf(version string) kmspb.CryptoKeyVersion_CryptoKeyVersionState {
	v, err := b.clients.KMS.GetCryptoKeyVersion(b.Context(), &kmspb.GetCryptoKeyVersionRequest{Name: b.n.KeyVersion(version)})
	b.must(err)
	return v.GetState()
}

// deploys runs an image in the protected namespace.
func (b *bench) deploys(app, ref string) {
	b.Helper()
	labels := map[string]string{"app": app}
	_, err := b.k.Core.AppsV1().Deployments("default").Create(b.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: app}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: app, Image: ref}}}},
	}}, metav1.CreateOptions{})
	b.must(err)
	b.until("a pod of "+app, func(ctx context.Context) (bool, error) {
		pods, err := b.k.Core.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		return err == nil && len(pods.Items) > 0, err
	})
}
