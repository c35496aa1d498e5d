package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/steps"
)

// What somebody may do by hand, each by the official client.

func (b *bench) until(what string, done func(context.Context) (bool, error)) {
	b.Helper()
	notYet := errors.New("not yet")
	err := gcp.Retry{For: waitAtMost, When: func(err error) bool { return errors.Is(err, notYet) }}.Do(b.Context(), func(ctx context.Context) error {
		ok, err := done(ctx)
		if err == nil && !ok {
			err = notYet
		}
		return err
	})
	if err != nil {
		b.Fatalf("%s: %v", what, err)
	}
}

func (b *bench) disableVersion() {
	_, err := b.clients.KMS.UpdateCryptoKeyVersion(b.Context(), &kmspb.UpdateCryptoKeyVersionRequest{
		CryptoKeyVersion: &kmspb.CryptoKeyVersion{Name: b.n.KeyVersion("1"), State: kmspb.CryptoKeyVersion_DISABLED},
		UpdateMask:       &fieldmaskpb.FieldMask{Paths: []string{"state"}}})
	b.must(err)
}

func (b *bench) newVersion() {
	v, err := b.clients.KMS.CreateCryptoKeyVersion(b.Context(), &kmspb.CreateCryptoKeyVersionRequest{Parent: b.n.Key()})
	b.must(err)
	b.enabled(v.GetName())
}

func (b *bench) enabled(version string) {
	b.until("the version is made", func(ctx context.Context) (bool, error) {
		v, err := b.clients.KMS.GetCryptoKeyVersion(ctx, &kmspb.GetCryptoKeyVersionRequest{Name: version})
		return v.GetState() == kmspb.CryptoKeyVersion_ENABLED, err
	})
}

func (b *bench) takeProjectRole() { b.takeRole("roles/cloudkms.viewer") }
func (b *bench) takeLogRole()     { b.takeRole("roles/logging.logWriter") }

func (b *bench) takeRole(role string) {
	p, err := b.clients.Projects.GetIamPolicy(b.Context(), &iampb.GetIamPolicyRequest{Resource: b.n.Project()})
	b.must(err)
	b.strip(p, role)
	_, err = b.clients.Projects.SetIamPolicy(b.Context(), &iampb.SetIamPolicyRequest{Resource: b.n.Project(), Policy: p})
	b.must(err)
}

func (b *bench) takeReader() {
	p, err := b.clients.Artifacts.GetIamPolicy(b.Context(), &iampb.GetIamPolicyRequest{Resource: b.n.Repository()})
	b.must(err)
	b.strip(p, "roles/artifactregistry.reader")
	_, err = b.clients.Artifacts.SetIamPolicy(b.Context(), &iampb.SetIamPolicyRequest{Resource: b.n.Repository(), Policy: p})
	b.must(err)
}

// strip takes a role from the nodes' account, which must have it.
func (b *bench) strip(p *iampb.Policy, role string) {
	b.Helper()
	for _, binding := range p.GetBindings() {
		before := len(binding.GetMembers())
		if binding.GetRole() == role {
			binding.Members = slices.DeleteFunc(binding.Members, func(m string) bool { return m == b.n.Member() })
		}
		if len(binding.GetMembers()) < before {
			return
		}
	}
	b.Fatalf("%s has no %s to lose", b.n.Member(), role)
}

func (b *bench) disableAccount() {
	b.must(b.clients.IAM.DisableServiceAccount(b.Context(), &adminpb.DisableServiceAccountRequest{Name: b.n.Account()}))
}

func (b *bench) unlabel() {
	_, err := b.k.Core.CoreV1().Namespaces().Patch(b.Context(), "default", types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"policy.sigstore.dev/include":null}}}`), metav1.PatchOptions{})
	b.must(err)
}

func (b *bench) policy() kube.Object {
	return kube.Object{Resource: schema.GroupVersionResource{Group: "policy.sigstore.dev", Version: "v1alpha1", Resource: "clusterimagepolicies"}, Name: "private-signed-images-cip"}
}

func (b *bench) patchPolicy(spec map[string]any) {
	b.Helper()
	data, err := json.Marshal(map[string]any{"spec": spec})
	b.must(err)
	_, err = b.k.Dynamic.Resource(b.policy().Resource).Patch(b.Context(), b.policy().Name, types.MergePatchType, data, metav1.PatchOptions{})
	b.must(err)
	ctx, cancel := context.WithTimeout(b.Context(), waitAtMost)
	defer cancel()
	b.must(b.k.Await(ctx, b.policy(), func(now *unstructured.Unstructured) (bool, error) {
		seen, _, _ := unstructured.NestedInt64(now.Object, "status", "observedGeneration")
		return seen == now.GetGeneration(), nil
	}))
}

func (b *bench) warnOnly() { b.patchPolicy(map[string]any{"mode": "warn"}) }
func (b *bench) otherImages() {
	b.patchPolicy(map[string]any{"images": []any{map[string]any{"glob": "elsewhere.example/*"}}})
}
func (b *bench) otherKey() { b.patchPolicy(map[string]any{"authorities": authorities(b.another())}) }
func (b *bench) oneKeyMore() {
	b.patchPolicy(map[string]any{"authorities": authorities(b.n.KMSRef("1"), b.another())})
}

func (b *bench) otherSource() {
	b.patchPolicy(map[string]any{"authorities": []any{map[string]any{
		"key": map[string]any{"kms": b.n.KMSRef("1")}, "source": []any{map[string]any{"oci": b.n.RepositoryPath() + "/elsewhere"}}}}})
}
func (b *bench) anythingGoes() {
	b.patchPolicy(map[string]any{"authorities": []any{map[string]any{"static": map[string]any{"action": "pass"}}}})
}

func authorities(keys ...string) []any {
	var all []any
	for _, k := range keys {
		all = append(all, map[string]any{"key": map[string]any{"kms": k}})
	}
	return all
}

// another is a key of somebody else's in the same ring.
func (b *bench) another() string {
	_, err := b.clients.KMS.CreateCryptoKey(b.Context(), &kmspb.CreateCryptoKeyRequest{Parent: b.n.KeyRing(), CryptoKeyId: "another", CryptoKey: &kmspb.CryptoKey{
		Purpose: kmspb.CryptoKey_ASYMMETRIC_SIGN, VersionTemplate: &kmspb.CryptoKeyVersionTemplate{Algorithm: kmspb.CryptoKeyVersion_EC_SIGN_P256_SHA256}}})
	if err != nil && !gcp.Is(err, codes.AlreadyExists) {
		b.Fatal(err)
	}
	version := b.n.KeyRing() + "/cryptoKeys/another/cryptoKeyVersions/1"
	b.enabled(version)
	return "gcpkms://" + version
}

func (b *bench) deletePolicy() { b.must(b.k.Delete(b.Context(), b.policy())) }

func (b *bench) scaleDown() {
	const namespace, name = "cosign-system", "policy-controller-webhook"
	_, err := b.k.Core.AppsV1().Deployments(namespace).Patch(b.Context(), name, types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
	b.must(err)
	b.until("the webhook's pod is gone", func(ctx context.Context) (bool, error) {
		answers, err := b.webhookAnswers(ctx)
		return !answers, err
	})
}

// webhookAnswers says whether the webhook's service has a pod that is ready.
func (b *bench) webhookAnswers(ctx context.Context) (bool, error) {
	all, err := b.k.Core.DiscoveryV1().EndpointSlices("cosign-system").List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=webhook"})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(all.Items, func(s discoveryv1.EndpointSlice) bool {
		return slices.ContainsFunc(s.Endpoints, func(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready })
	}), nil
}

func (b *bench) failOpen() {
	_, err := b.k.Core.AdmissionregistrationV1().ValidatingWebhookConfigurations().Patch(b.Context(), "policy.sigstore.dev", types.JSONPatchType,
		[]byte(`[{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Ignore"}]`), metav1.PatchOptions{})
	b.must(err)
}

func (b *bench) deleteWebhook() {
	b.must(b.k.Core.AdmissionregistrationV1().ValidatingWebhookConfigurations().Delete(b.Context(), "policy.sigstore.dev", metav1.DeleteOptions{}))
}

// deleteTagWebhook also holds try to saying so: nobody lacks a role.
func (b *bench) deleteTagWebhook() {
	b.must(b.k.Core.AdmissionregistrationV1().MutatingWebhookConfigurations().Delete(b.Context(), "policy.sigstore.dev", metav1.DeleteOptions{}))
	b.until("try says why a tag is refused", func(context.Context) (bool, error) {
		out, _ := b.run("", "try", b.n.ImageName()+":"+b.n.ImageTag(), "--output", "json")
		return strings.Contains(out, `"tag-unasked"`), nil
	})
}

func (b *bench) deletePolicyWebhooks() {
	hooks := b.k.Core.AdmissionregistrationV1()
	b.must(hooks.ValidatingWebhookConfigurations().Delete(b.Context(), "validating.clusterimagepolicy.sigstore.dev", metav1.DeleteOptions{}))
	b.must(hooks.MutatingWebhookConfigurations().Delete(b.Context(), "defaulting.clusterimagepolicy.sigstore.dev", metav1.DeleteOptions{}))
}

// upgradeChart is what `helm upgrade` does with a later chart: the release keeps its values and labels.
func (b *bench) upgradeChart() { b.upgrade("0.99.0", func(map[string]any) {}) }

// changeValues is `helm upgrade --reuse-values --set loglevel=debug`.
func (b *bench) changeValues() {
	b.upgrade("", func(values map[string]any) { values["loglevel"] = "debug" })
}

func (b *bench) upgrade(version string, change func(values map[string]any)) {
	ch, err := b.chart.Fetch(b.Context(), b.clients.HTTP)
	b.must(err)
	ch.Metadata.Version = cmp.Or(version, ch.Metadata.Version)
	rel, err := b.k.Release(b.Context(), "cosign-system", "policy-controller")
	b.must(err)
	kept := map[string]string{}
	for _, label := range []string{"managed-by", "signgate-setup"} { // Helm adds its own, and wants none of those
		kept[label] = rel.Labels[label]
	}
	change(rel.Values)
	b.must(b.k.Install(b.Context(), kube.Wanted{Namespace: "cosign-system", Name: "policy-controller", Values: rel.Values, Labels: kept}, ch))
	b.controllerRuns()
}

// controllerRuns waits until the controller is Available, and its service knows it.
func (b *bench) controllerRuns() {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), waitAtMost)
	defer cancel()
	b.must(b.k.AwaitAvailable(ctx, "cosign-system", "policy-controller-webhook", func(string) {}))
	b.until("the webhook answers", b.webhookAnswers)
}

// controllerRunsSince waits until a pod of the controller has become ready after a moment: for a
// change of node pools the sandbox starts the nodes anew, and what was said of pods before is old.
func (b *bench) controllerRunsSince(moment time.Time) {
	b.Helper()
	b.until("the controller runs again", func(ctx context.Context) (bool, error) {
		pods, err := b.k.Core.CoreV1().Pods("cosign-system").List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, nil // the API server is started anew as well
		}
		return slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool {
			return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && !c.LastTransitionTime.Time.Before(moment.Truncate(time.Second))
			})
		}), nil
	})
	b.controllerRuns()
}

func (b *bench) deleteSignature() {
	b.must(b.registries().RemoveTagged(b.Context(), b.n.ImageName()+":"+image.SignatureTag(b.record().Pins[steps.PinImageDigest])))
}

func (b *bench) deleteDeployment() {
	b.must(b.k.Core.AppsV1().Deployments("default").Delete(b.Context(), "nginx", metav1.DeleteOptions{}))
}

// scaleApp waits until no pod of the signed image is there any more.
func (b *bench) scaleApp() {
	all := b.k.Core.AppsV1().Deployments("default")
	_, err := all.Patch(b.Context(), "nginx", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
	b.must(err)
	b.until("the signed image's pod is gone", func(ctx context.Context) (bool, error) {
		d, err := all.Get(ctx, "nginx", metav1.GetOptions{})
		return err == nil && d.Status.ObservedGeneration >= d.Generation && d.Status.Replicas == 0, err
	})
}

func (b *bench) disableAPI(service string) {
	op, err := b.clients.Services.DisableService(b.Context(), &serviceusagepb.DisableServiceRequest{Name: b.n.Project() + "/services/" + service, DisableDependentServices: true})
	b.must(err)
	if !op.Done() {
		b.must(gcp.Finish(b.Context(), b.clients.Services, op.Name(), nil))
	}
}

// labels of the cluster: SetLabels puts them all at once.
func (b *bench) labelsOfCluster(labels map[string]string) {
	c, err := b.clients.GKE.GetCluster(b.Context(), &containerpb.GetClusterRequest{Name: b.n.Cluster()})
	b.must(err)
	op, err := b.clients.GKE.SetLabels(b.Context(), &containerpb.SetLabelsRequest{Name: b.n.Cluster(), ResourceLabels: labels, LabelFingerprint: c.GetLabelFingerprint()})
	b.must(err)
	b.must(b.clients.FinishGKE(b.Context(), gcp.GKEOperation(b.n.ClusterParent(), op.GetName()), func(gcp.Stage) {}, nil))
}

func (b *bench) unlabelCluster() { b.labelsOfCluster(nil) }
func (b *bench) labelCluster() {
	b.labelsOfCluster(map[string]string{"managed-by": "signgate", "signgate-setup": b.record().Setup})
}

func (b *bench) addPool() {
	start := time.Now()
	op, err := b.clients.GKE.CreateNodePool(b.Context(), &containerpb.CreateNodePoolRequest{Parent: b.n.Cluster(), NodePool: &containerpb.NodePool{
		Name: "somebodys", InitialNodeCount: 1, Config: &containerpb.NodeConfig{ServiceAccount: b.n.AccountEmail(), OauthScopes: []string{"https://www.googleapis.com/auth/logging.write"}}}})
	b.must(err)
	b.must(b.clients.FinishGKE(b.Context(), gcp.GKEOperation(b.n.ClusterParent(), op.GetName()), func(gcp.Stage) {}, nil))
	b.controllerRunsSince(start)
}

func (b *bench) deletePool() {
	start := time.Now()
	op, err := b.clients.GKE.DeleteNodePool(b.Context(), &containerpb.DeleteNodePoolRequest{Name: b.n.Cluster() + "/nodePools/somebodys"})
	b.must(err)
	b.must(b.clients.FinishGKE(b.Context(), gcp.GKEOperation(b.n.ClusterParent(), op.GetName()), func(gcp.Stage) {}, nil))
	b.controllerRunsSince(start)
}
