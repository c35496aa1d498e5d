package steps_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/steps"
)

// guarded is a resource with a policy, as the owner changes it by hand.
type guarded struct {
	name string
	get  func(context.Context) (*iampb.Policy, error)
	set  func(context.Context, *iampb.Policy) error
}

func (b saboteur) projectPolicy() guarded {
	return guarded{b.n.Project(),
		func(ctx context.Context) (*iampb.Policy, error) {
			return b.clients.Projects.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: b.n.Project()})
		}, func(ctx context.Context, p *iampb.Policy) error {
			_, err := b.clients.Projects.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: b.n.Project(), Policy: p})
			return err
		}}
}

func (b saboteur) keyPolicy() guarded {
	return guarded{b.n.Key(),
		func(ctx context.Context) (*iampb.Policy, error) {
			return b.clients.KMS.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: b.n.Key()})
		}, func(ctx context.Context, p *iampb.Policy) error {
			_, err := b.clients.KMS.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: b.n.Key(), Policy: p})
			return err
		}}
}

func (b saboteur) repositoryPolicy() guarded {
	return guarded{b.n.Repository(),
		func(ctx context.Context) (*iampb.Policy, error) {
			return b.clients.Artifacts.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: b.n.Repository()})
		}, func(ctx context.Context, p *iampb.Policy) error {
			_, err := b.clients.Artifacts.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: b.n.Repository(), Policy: p})
			return err
		}}
}

// without takes one role of one member away, and gives it back in the end.
func (g guarded) without(t *testing.T, member, role string, then func()) {
	t.Helper()
	p, err := g.get(t.Context())
	must(t, err)
	if !slices.ContainsFunc(p.GetBindings(), func(b *iampb.Binding) bool { return b.GetRole() == role && slices.Contains(b.GetMembers(), member) }) {
		t.Fatalf("%s has no %s on %s to lose", member, role, g.name)
	}
	revoke(p, member, role)
	must(t, g.set(t.Context(), p))
	then()
	p, err = g.get(t.Context())
	must(t, err)
	p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{member}})
	must(t, g.set(t.Context(), p))
}

// reread has the controller read the key again, and waits for what it says.
func (b saboteur) reread(t *testing.T, ready string) {
	t.Helper()
	b.patchPolicy(t, map[string]any{"metadata": map[string]any{"annotations": map[string]any{"read-at": time.Now().Format(time.RFC3339Nano)}}})
	b.awaitPolicy(t, ready)
}

// inlining is what the policy says of its key: status, reason and words.
func (b saboteur) inlining(t *testing.T) (status, reason, words string) {
	t.Helper()
	now, err := b.k.Get(t.Context(), b.policy())
	must(t, err)
	conditions, _, _ := unstructured.NestedSlice(now.Object, "status", "conditions")
	for _, c := range conditions {
		m, _ := c.(map[string]any)
		if m["type"] == "KeysInlined" {
			status, _ = m["status"].(string)
			reason, _ = m["reason"].(string)
			words, _ = m["message"].(string)
		}
	}
	return status, reason, words
}

// judged is the API server's answer to a deployment of an image, which is not made; "" if it is admitted.
func (b saboteur) judged(t *testing.T, image string) string {
	t.Helper()
	labels := map[string]string{"app": "judged"}
	_, err := b.k.Core.AppsV1().Deployments(b.answers.Namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "judged"},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: image}}}}},
	}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil {
		return ""
	}
	return err.Error()
}

// The controller's and Google's words, of a setup's key and repository.
const (
	denial    = `admission webhook "policy.sigstore.dev" denied the request: validation failed: `
	container = ": spec.template.spec.containers[0].image"
)

func (b saboteur) unmatched(image string) string {
	return denial + "no matching policies" + container + "\n" + image
}

func (b saboteur) keyDenied(permission, on string) string {
	return fmt.Sprintf("rpc error: code = PermissionDenied desc = Permission '%s' denied on resource '%s' (or it may not exist).", permission, on)
}

// wantKeyless: the policy comes to fail for just these words, and then every image is
// refused for want of a policy, signed or not. The controller also reads the key when its
// own changes reach it, at a time of its choice: a read that ran while a grant was taken
// away fails at a later call, until the one that was asked for follows it.
func (b saboteur) wantKeyless(t *testing.T, words string) {
	t.Helper()
	var said string
	until(t, "the policy fails with "+words, func(context.Context) (bool, error) {
		status, reason, got := b.inlining(t)
		if now := fmt.Sprintf("%s, %s: %s", status, reason, got); now != said {
			t.Logf("the policy's KeysInlined is %s", now)
			said = now
		}
		return status == "False" && reason == "InliningKeysFailed" && strings.HasSuffix(got, words) && strings.Count(got, "rpc error") == 1, nil
	})
	for _, pin := range []string{steps.PinImageDigest, steps.PinUnsignedDigest} {
		until(t, "the webhook has no policy left", func(context.Context) (bool, error) { return b.judged(t, b.ref(pin)) == b.unmatched(b.ref(pin)), nil })
	}
}

// wantUnread: who judges may not read the repository. By digest the registry's words are
// shown, which refuses as soon as it is asked for a token, like Artifact Registry; by tag
// no digest can be found.
func (b saboteur) wantUnread(t *testing.T) {
	t.Helper()
	tag := b.n.ImageName() + ":" + b.n.ImageTag()
	if got, want := b.judged(t, tag), denial+"invalid value: "+tag+" must be an image digest"+container; !strings.HasPrefix(got, want) {
		t.Errorf("by its tag: %q, want %q", got, want)
	}
	ref, path := b.ref(steps.PinImageDigest), strings.TrimPrefix(b.n.ImageName(), b.n.RegistryHost()+"/")
	want := fmt.Sprintf(`%sfailed policy: %s%s`+"\n"+`%s signature key validation failed for authority authority-0 for %s: `+
		`GET https://%s/v2/token?scope=%s&service=: DENIED: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "%s" (or it may not exist)`,
		denial, b.answers.Policy, container, ref, ref, b.n.RegistryHost(), url.QueryEscape("repository:"+path+":pull"), b.n.Repository())
	if got := b.judged(t, ref); got != want {
		t.Errorf("by its digest: %q, want %q", got, want)
	}
}

// wantWhole: with all grants the signed image is admitted and the unsigned one refused for being unsigned.
func (b saboteur) wantWhole(t *testing.T) {
	t.Helper()
	until(t, "the signed image is admitted", func(context.Context) (bool, error) { return b.judged(t, b.ref(steps.PinImageDigest)) == "", nil })
	if got := b.judged(t, b.ref(steps.PinUnsignedDigest)); !strings.Contains(got, "no signatures found") {
		t.Errorf("the unsigned image: %q", got)
	}
}

// Least privilege, shown: each grant of the nodes' account that this flow uses is taken
// away alone and given back, and what then fails is the failure of that grant and no
// other. Not shown are roles/logging.logWriter, roles/monitoring.metricWriter and
// roles/monitoring.viewer: nothing in the sandbox writes logs or metrics as a node does,
// so that without them nothing here would change.
func (s *setup) least(t *testing.T) {
	b := saboteur{s, s.kube(t), steps.NamesOf(s.answers)}
	version := b.n.KeyVersion(b.pin(steps.PinKeyVersion))
	b.wantWhole(t)
	for _, row := range []struct{ role, permission, on string }{
		{"roles/cloudkms.viewer", "cloudkms.cryptoKeys.get", b.n.Key()},
		{"roles/cloudkms.verifier", "cloudkms.cryptoKeyVersions.viewPublicKey", version},
	} {
		b.projectPolicy().without(t, b.n.Member(), row.role, func() {
			b.reread(t, "False")
			b.wantKeyless(t, b.keyDenied(row.permission, row.on))
		})
		b.reread(t, "True")
		b.wantWhole(t)
	}
	b.repositoryPolicy().without(t, b.n.Member(), "roles/artifactregistry.reader", func() { b.wantUnread(t) })
	b.wantWhole(t)
}

// scope does the same with the scope of Cloud KMS. Nodes that run cannot lose theirs: the
// controller is moved to nodes of the same account, with all its roles, that were made
// without it. It stays there: after this the cluster is not as its setup made it.
func (s *setup) scope(t *testing.T) {
	b := saboteur{s, s.kube(t), steps.NamesOf(s.answers)}
	const pool = "without-kms"
	c, err := b.clients.GKE.GetCluster(t.Context(), &containerpb.GetClusterRequest{Name: b.n.Cluster()})
	must(t, err)
	first := c.GetNodePools()[0]
	scopes := slices.DeleteFunc(slices.Clone(first.GetConfig().GetOauthScopes()), func(scope string) bool { return strings.HasSuffix(scope, "/cloudkms") })
	if len(scopes) != len(first.GetConfig().GetOauthScopes())-1 {
		t.Fatalf("the nodes have the scopes %v", first.GetConfig().GetOauthScopes())
	}
	op, err := b.clients.GKE.CreateNodePool(t.Context(), &containerpb.CreateNodePoolRequest{Parent: b.n.Cluster(), NodePool: &containerpb.NodePool{
		Name: pool, InitialNodeCount: 1, Config: &containerpb.NodeConfig{ServiceAccount: b.n.AccountEmail(), OauthScopes: scopes}}})
	must(t, err)
	must(t, b.clients.FinishGKE(t.Context(), gcp.GKEOperation(b.n.ClusterParent(), op.GetName()), func(gcp.Stage) {}, nil))
	b.move(t, pool)
	b.reread(t, "False")
	b.wantKeyless(t, "rpc error: code = PermissionDenied desc = Request had insufficient authentication scopes.\n"+
		"error details: name = ErrorInfo reason = ACCESS_TOKEN_SCOPE_INSUFFICIENT domain = googleapis.com "+
		"metadata = map[method:google.cloud.kms.v1.KeyManagementService.GetCryptoKey service:cloudkms.googleapis.com]")
}

// move has the controller run on the nodes of one pool, and nowhere else.
func (b saboteur) move(t *testing.T, pool string) {
	t.Helper()
	const namespace, name = "cosign-system", "policy-controller-webhook"
	patch := `{"spec":{"template":{"spec":{"nodeSelector":{"cloud.google.com/gke-nodepool":"` + pool + `"}}}}}`
	_, err := b.k.Core.AppsV1().Deployments(namespace).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(t, err)
	until(t, "the controller runs on "+pool, func(ctx context.Context) (bool, error) {
		d, err := b.k.Core.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		pods, err := b.k.Core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
		if err != nil {
			return false, err
		}
		live := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil }) // those drain for minutes
		if d.Status.ObservedGeneration < d.Generation || d.Status.AvailableReplicas != 1 || len(live) != 1 {
			return false, nil
		}
		return live[0].Spec.NodeSelector["cloud.google.com/gke-nodepool"] == pool, nil
	})
}
