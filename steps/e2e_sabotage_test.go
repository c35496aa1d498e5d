package steps_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/kms/apiv1/kmspb"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/steps"
)

// saboteur does to a gate what somebody might, by its own clients.
type saboteur struct {
	*setup
	k *kube.Cluster
	n steps.Names
}

// A proof that cannot fail proves nothing. Each row breaks one part of the gate: the
// proof must notice it when it looks, fail with the id of just that, and hold again
// after the repair. The verdicts are held against the API server's audit log.
func (s *setup) sabotage(t *testing.T) {
	b := saboteur{s, s.kube(t), steps.NamesOf(s.answers)}
	hasty := s.options(s.store.Folder())
	hasty.Patience = 1500 * time.Millisecond
	for _, row := range []struct {
		name, id string
		spoil    func(*testing.T)
		repair   []string         // the steps that make it right again
		undo     func(*testing.T) // what no step may: somebody else's doing
		signed   string           // what becomes of the signed image, "" if that is not certain
	}{
		{name: "policy deleted", id: "gate-policy-missing", spoil: b.deletePolicy, repair: []string{"policy"}},
		{name: "another key in the policy", id: "gate-other-key", spoil: b.otherKey, repair: []string{"policy"}},
		{name: "policy only warns", id: "gate-policy-differs", spoil: b.warnOnly, repair: []string{"policy"}},
		{name: "KMS grant removed", id: "gate-policy-keyless", spoil: b.revokeKMS, repair: []string{"identity", "policy"}, signed: engine.Denied},
		{name: "label removed", id: "gate-label-missing", spoil: b.unlabel, repair: []string{"enforcement"}},
		{name: "webhook scaled to 0", id: "gate-webhook-down", spoil: b.scaleDown, repair: []string{"controller"}},
		{name: "failurePolicy Ignore", id: "gate-fails-open", spoil: b.failOpen, repair: []string{"controller"}, signed: engine.Admitted},
		{name: "the unsigned image signed", id: "gate-unsigned-signed", spoil: b.signUnsigned, undo: b.unsignUnsigned, signed: engine.Admitted},
		{name: "the signature deleted", id: "gate-signature-missing", spoil: b.deleteSignature, repair: []string{"signature"}, signed: engine.Denied},
		{name: "the wrong signature deleted", id: "gate-wrong-key-unsigned", spoil: b.deleteWrongSignature, repair: []string{"image"}, signed: engine.Admitted},
		{name: "reader role removed", id: "gate-registry-denied", spoil: b.revokeReader, repair: []string{"identity"}, signed: engine.Denied},
	} {
		ok := t.Run(row.name, func(t *testing.T) {
			row.spoil(t)
			s.verdicts()
			start := time.Now()
			list := s.list
			s.list = steps.List(s.answers, s.clients, hasty)
			change, err := s.run(t, "proof", true)
			s.list = list
			if change.Action != engine.Update {
				t.Errorf("looking at it says %s (%s)", change.Action, change.Summary)
			}
			verdicts := s.verdicts()
			if got, _, _ := strings.Cut(explained(err), ":"); got != row.id {
				t.Errorf("the proof ends with %s, want %s; verdicts %+v", explained(err), row.id, verdicts)
			}
			if v := verdicts[engine.CaseSigned]; row.signed != "" && v.Actual != row.signed {
				t.Errorf("the signed image: %+v, want it %s", v, row.signed)
			}
			s.checkVerdicts(t, verdicts, start)
			if row.undo != nil {
				row.undo(t)
			}
			for _, id := range row.repair {
				s.mustRun(t, id)
			}
			s.mustRun(t, "proof")
			if change, err := s.run(t, "proof", false); err != nil || change.Action != engine.None {
				t.Errorf("after the repair: %s, %v", change.Action, err)
			}
		})
		if !ok && t.Context().Err() != nil {
			return
		}
	}
	t.Run("a webhook's pod that is about to come", func(t *testing.T) {
		b.scaleDown(t)
		_, err := b.k.Core.AppsV1().Deployments("cosign-system").Patch(t.Context(), "policy-controller-webhook", types.MergePatchType, []byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{})
		must(t, err)
		if change := s.mustRun(t, "proof"); change.Action != engine.Update {
			t.Errorf("the pod was there already: %s (%s)", change.Action, change.Summary)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b saboteur) policy() kube.Object {
	return kube.Object{Resource: schema.GroupVersionResource{Group: "policy.sigstore.dev", Version: "v1alpha1", Resource: "clusterimagepolicies"}, Name: b.answers.Policy}
}

func (b saboteur) patchPolicy(t *testing.T, patch map[string]any) {
	t.Helper()
	data, err := json.Marshal(patch)
	must(t, err)
	_, err = b.k.Dynamic.Resource(b.policy().Resource).Patch(t.Context(), b.answers.Policy, types.MergePatchType, data, metav1.PatchOptions{})
	must(t, err)
}

// awaitPolicy waits until the controller has judged the policy as it is now. One that has just
// been started elsewhere leads only once it has the leases, for which it asks every 10 to 22 seconds.
func (b saboteur) awaitPolicy(t *testing.T, ready string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitAtMost)
	defer cancel()
	must(t, b.k.Await(ctx, b.policy(), func(now *unstructured.Unstructured) (bool, error) {
		seen, _, _ := unstructured.NestedInt64(now.Object, "status", "observedGeneration")
		conditions, _, _ := unstructured.NestedSlice(now.Object, "status", "conditions")
		return seen == now.GetGeneration() && slices.ContainsFunc(conditions, func(c any) bool {
			m, _ := c.(map[string]any)
			return m["type"] == "Ready" && m["status"] == ready
		}), nil
	}))
}

func (b saboteur) deletePolicy(t *testing.T) { must(t, b.k.Delete(t.Context(), b.policy())) }

func (b saboteur) otherKey(t *testing.T) {
	k, err := b.clients.KMS.CreateCryptoKey(t.Context(), &kmspb.CreateCryptoKeyRequest{Parent: b.n.KeyRing(), CryptoKeyId: "another", CryptoKey: &kmspb.CryptoKey{
		Purpose: kmspb.CryptoKey_ASYMMETRIC_SIGN, VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256}}})
	must(t, err)
	version := k.GetName() + "/cryptoKeyVersions/1"
	until(t, "the other key is made", func(ctx context.Context) (bool, error) {
		v, err := b.clients.KMS.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: version})
		return v.GetState() == kmspb.CryptoKeyVersion_ENABLED, err
	})
	b.patchPolicy(t, map[string]any{"spec": map[string]any{"authorities": []any{map[string]any{"key": map[string]any{"kms": "gcpkms://" + version}}}}})
	b.awaitPolicy(t, "True")
}

func (b saboteur) warnOnly(t *testing.T) {
	b.patchPolicy(t, map[string]any{"spec": map[string]any{"mode": "warn"}})
	b.awaitPolicy(t, "True")
}

// revoke takes roles from the nodes' account.
func revoke(p *iampb.Policy, member string, roles ...string) {
	for _, binding := range p.GetBindings() {
		if slices.Contains(roles, binding.GetRole()) {
			binding.Members = slices.DeleteFunc(binding.Members, func(m string) bool { return m == member })
		}
	}
}

func (b saboteur) revokeKMS(t *testing.T) {
	p, err := b.clients.Projects.GetIamPolicy(t.Context(), &iampb.GetIamPolicyRequest{Resource: b.n.Project()})
	must(t, err)
	revoke(p, b.n.Member(), "roles/cloudkms.viewer", "roles/cloudkms.verifier")
	_, err = b.clients.Projects.SetIamPolicy(t.Context(), &iampb.SetIamPolicyRequest{Resource: b.n.Project(), Policy: p})
	must(t, err)
	b.patchPolicy(t, map[string]any{"metadata": map[string]any{"annotations": map[string]any{"somebody": "looked at it"}}})
	b.awaitPolicy(t, "False")
}

func (b saboteur) revokeReader(t *testing.T) {
	p, err := b.clients.Artifacts.GetIamPolicy(t.Context(), &iampb.GetIamPolicyRequest{Resource: b.n.Repository()})
	must(t, err)
	revoke(p, b.n.Member(), "roles/artifactregistry.reader")
	_, err = b.clients.Artifacts.SetIamPolicy(t.Context(), &iampb.SetIamPolicyRequest{Resource: b.n.Repository(), Policy: p})
	must(t, err)
}

func (b saboteur) unlabel(t *testing.T) {
	_, err := b.k.Core.CoreV1().Namespaces().Patch(t.Context(), b.answers.Namespace, types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"policy.sigstore.dev/include":null}}}`), metav1.PatchOptions{})
	must(t, err)
}

func (b saboteur) scaleDown(t *testing.T) {
	const namespace, name = "cosign-system", "policy-controller-webhook"
	_, err := b.k.Core.AppsV1().Deployments(namespace).Patch(t.Context(), name, types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
	must(t, err)
	until(t, "the webhook's pod is gone", func(ctx context.Context) (bool, error) {
		d, err := b.k.Core.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil || d.Status.ObservedGeneration < d.Generation || d.Status.Replicas > 0 {
			return false, err
		}
		// Until no endpoint is ready, the API server still finds a pod to ask.
		all, err := b.k.Core.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=webhook"})
		if err != nil {
			return false, err
		}
		return !slices.ContainsFunc(all.Items, func(s discoveryv1.EndpointSlice) bool {
			return slices.ContainsFunc(s.Endpoints, func(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready })
		}), nil
	})
}

func (b saboteur) failOpen(t *testing.T) {
	_, err := b.k.Core.AdmissionregistrationV1().ValidatingWebhookConfigurations().Patch(t.Context(), "policy.sigstore.dev", types.JSONPatchType,
		[]byte(`[{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Ignore"}]`), metav1.PatchOptions{})
	must(t, err)
}

func (b saboteur) registries() image.Registries {
	return image.Registries{HTTP: b.clients.HTTP, Tokens: b.clients.Tokens}
}

func (b saboteur) key(t *testing.T) image.Key {
	k, err := image.KMSKey(t.Context(), b.clients.KMSConn(), b.n.KMSRef(b.pin(steps.PinKeyVersion)))
	must(t, err)
	return k
}

func (b saboteur) ref(pin string) string { return b.n.ImageName() + "@" + b.pin(pin) }

func (b saboteur) signUnsigned(t *testing.T) {
	_, err := b.registries().Sign(t.Context(), b.ref(steps.PinUnsignedDigest), b.key(t), false)
	must(t, err)
}

func (b saboteur) unsignUnsigned(t *testing.T) {
	must(t, b.registries().RemoveTagged(t.Context(), b.n.ImageName()+":"+image.SignatureTag(b.pin(steps.PinUnsignedDigest))))
}

func (b saboteur) deleteSignature(t *testing.T) {
	must(t, b.registries().RemoveTagged(t.Context(), b.n.ImageName()+":"+image.SignatureTag(b.pin(steps.PinImageDigest))))
}

func (b saboteur) deleteWrongSignature(t *testing.T) {
	must(t, b.registries().RemoveTagged(t.Context(), b.n.ImageName()+":"+image.SignatureTag(b.pin(steps.PinWrongKeyDigest))))
}
