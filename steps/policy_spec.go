package steps

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
)

// touched is an annotation that changes where the controller is to read the key again.
const touched = "signgate.dev/read-again"

func policies() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "policy.sigstore.dev", Version: "v1alpha1", Resource: "clusterimagepolicies"}
}

func (s inside) policyObject() kube.Object {
	return kube.Object{Resource: policies(), Name: s.a.Policy}
}

// glob matches every image in the repository.
func (s inside) glob() string { return s.RepositoryPath() + "/*" }

// policyWanted is the policy as it is to be, with our labels.
func (s inside) policyWanted(l engine.Ledger) (*unstructured.Unstructured, error) {
	text, err := assets.Policy(s.a.Policy, s.glob(), s.keys(l)...)
	if err != nil {
		return nil, err
	}
	want := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &want.Object); err != nil {
		return nil, fmt.Errorf("policy %q: %w", s.a.Policy, err)
	}
	want.SetLabels(labels(l))
	return want, nil
}

// heldVersions are the numbers of the key versions that the policy accepts, the older
// first: the one that signs and, while the key is being rotated, the other one.
func heldVersions(l engine.Ledger) []string {
	one, other := l.Pin(PinKeyVersion), l.Pin(PinOtherVersion)
	switch {
	case other == "" || other == one:
		return []string{one}
	case older(other, one):
		return []string{other, one}
	}
	return []string{one, other}
}

// older says whether a version was made before another: KMS numbers them 1, 2, 3.
func older(a, b string) bool { return len(a) < len(b) || len(a) == len(b) && a < b }

// keys are the held versions as the policy writes them.
func (s inside) keys(l engine.Ledger) []string {
	var all []string
	for _, version := range heldVersions(l) {
		all = append(all, s.KMSRef(version))
	}
	return all
}

// factKeys is what the record says of the policy: the versions that it accepted when we put it last.
const factKeys = "keys"

func (s inside) policyFacts(l engine.Ledger) map[string]string {
	return map[string]string{factKeys: strings.Join(heldVersions(l), " ")}
}

// ownChange says whether a policy differs from what is wanted only because we have
// come to want something else: it is still as we put it last, and nobody's change would be reverted.
func (s inside) ownChange(l engine.Ledger, now *unstructured.Unstructured) bool {
	last := l.Entry(s.policyResource()).Facts[factKeys]
	if last == "" {
		return false
	}
	then := map[string]string{PinKeyVersion: last}
	if one, other, both := strings.Cut(last, " "); both {
		then = map[string]string{PinKeyVersion: one, PinOtherVersion: other}
	}
	return len(s.policyDiffers(pinnedLedger{l, then}, now)) == 0
}

// pinnedLedger is a page of the record with other pins.
type pinnedLedger struct {
	engine.Ledger
	pins map[string]string
}

func (l pinnedLedger) Pin(key string) string { return l.pins[key] }

func touch(want *unstructured.Unstructured) {
	want.SetAnnotations(map[string]string{touched: time.Now().UTC().Format(time.RFC3339Nano)})
}

// policyState says whether the policy is in force, and if not, in the controller's
// words, why; no words mean that it has not said yet.
func policyState(now *unstructured.Unstructured) (ready bool, words string) {
	seen, _, _ := unstructured.NestedInt64(now.Object, "status", "observedGeneration")
	if seen != now.GetGeneration() {
		return false, ""
	}
	conditions, _, _ := unstructured.NestedSlice(now.Object, "status", "conditions")
	inlined := false
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		kind, _ := condition["type"].(string)
		status, _ := condition["status"].(string)
		switch {
		case kind == "Ready":
			ready = status == "True"
		case kind == "KeysInlined" && status == "True":
			inlined = true
		case status == "False" && words == "":
			message, _ := condition["message"].(string)
			words = strings.TrimSpace(kind + " is false: " + message)
		}
	}
	return ready && inlined, words
}

func policyRefused(now *unstructured.Unstructured) bool {
	_, words := policyState(now)
	return words != ""
}

// keyUnread is the problem of a policy that could not read its key, in KMS's words.
func keyUnread(words string) *problem.Problem {
	id := "policy-key-unread"
	switch {
	case words == "":
		id = "policy-not-ready"
	case strings.Contains(words, "insufficient authentication scopes"):
		id = "scopes-insufficient"
	}
	p := problem.Raise(id, nil)
	p.Words = problem.Clean(words)
	return p
}

// keyLost is the problem of a refusal that no waiting will change; nil of any other.
func keyLost(words string) error {
	id := ""
	switch {
	case strings.Contains(words, "CryptoKeyVersion") && strings.Contains(words, "not found"):
		id = "key-version-missing"
	case strings.Contains(words, "kms specification should be in the format"):
		id = "kms-reference"
	default:
		return nil
	}
	p := problem.Raise(id, nil)
	p.Words = problem.Clean(words)
	return p
}

// releasePolicies lets go of policies whose controller was removed before them: the
// finalizer is the controller's, and nobody is left to take it off.
func releasePolicies(ctx context.Context, c *kube.Cluster) error {
	all, err := c.Dynamic.Resource(policies()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil // their kind is gone, and they with it
	}
	for _, p := range all.Items {
		if p.GetDeletionTimestamp() == nil || len(p.GetFinalizers()) == 0 {
			continue
		}
		_, err := c.Dynamic.Resource(policies()).Patch(ctx, p.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		if err := gone(err); err != nil {
			return fmt.Errorf("let go of policy %q: %w", p.GetName(), err)
		}
	}
	return nil
}
