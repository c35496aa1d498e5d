package steps

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/signgate/signgate/internal/engine"
)

// An authority of ours names a key version in Cloud KMS, and nothing else. Whatever else one
// has changes what it takes as a signature, or where it looks for one.

// extra is a field that an authority of ours has not.
type extra struct {
	authority int // as the controller counts them, from 0
	field     string
	value     any
}

func (e extra) is() string {
	text, err := json.Marshal(e.value)
	if err != nil {
		text = fmt.Append(nil, e.value)
	}
	said := string(text)
	if len(said) > maxValue {
		said = strings.ToValidUTF8(said[:maxValue], "") + "…"
	}
	return fmt.Sprintf("authority %d with %s %s", e.authority, e.field, said)
}

// maxValue is how much of a field is shown: a key or a program may stand in it.
const maxValue = 160

func (e extra) wanted() string { return fmt.Sprintf("authority %d without %s", e.authority, e.field) }

// authoritiesOf are the key versions that a policy accepts, and what else its authorities have.
func authoritiesOf(spec map[string]any) (keys []string, more []extra) {
	all, _ := spec["authorities"].([]any)
	for i, a := range all {
		authority, _ := a.(map[string]any)
		if kms, _, _ := unstructured.NestedString(authority, "key", "kms"); kms != "" {
			keys = append(keys, kms)
		}
		more = append(more, extras(i, authority)...)
	}
	slices.Sort(keys) // any one of them will do, so their order says nothing
	return keys, more
}

// extras leaves out what says nothing new: the name, which the controller itself fills in, and
// fields that spell out its defaults.
func extras(i int, authority map[string]any) []extra {
	var all []extra
	for _, field := range slices.Sorted(maps.Keys(authority)) {
		value := authority[field]
		key, _ := value.(map[string]any)
		switch {
		case field == "name", field == "signatureFormat" && value == "legacy":
		case field == "key":
			for _, part := range slices.Sorted(maps.Keys(key)) {
				if part != "kms" && (part != "hashAlgorithm" || key[part] != "sha256") {
					all = append(all, extra{i, "key." + part, key[part]})
				}
			}
		default:
			all = append(all, extra{i, field, value})
		}
	}
	return all
}

// means says what the field does to the gate. any authority that is met will do: one that lets in more opens it.
func (e extra) means(publicLog bool) (engine.Effect, string) {
	part, _ := e.value.(map[string]any)
	switch e.field {
	case "static":
		if part["action"] == "fail" {
			return engine.Harmless, "it is never met, and any other will do"
		}
		return engine.Opens, "it lets in everything, signed or not"
	case "keyless":
		return engine.Opens, "it lets in what others have signed, without a key"
	case "key.data", "key.secretRef":
		return engine.Opens, "it lets in what is signed by a key that is not in Cloud KMS"
	case "key.hashAlgorithm":
		return engine.Shuts, "signatures are over a SHA-256 digest, and are not taken for any more"
	case "source":
		return engine.Shuts, "signatures are looked for elsewhere than beside the image"
	case "attestations":
		return engine.Shuts, "it wants attestations, and images have signatures"
	case "signatureFormat":
		return engine.Shuts, "it wants another format of signatures than keys are checked by"
	case "rfc3161timestamp":
		return engine.Shuts, "it wants a timestamp that signatures do not have"
	case "ctlog":
		if publicLog {
			return engine.MayShut, "it wants an entry in this log, which has one only of what was signed with --public-log"
		}
		return engine.Shuts, "it wants an entry in a transparency log, and signatures have none"
	}
	return engine.MayShut, "it narrows what is let in"
}

// letsIn says whether a policy has an authority that is met without a signature by a key in Cloud KMS.
func letsIn(now *unstructured.Unstructured) bool {
	if now == nil {
		return false
	}
	spec, _, _ := unstructured.NestedMap(now.Object, "spec")
	_, more := authoritiesOf(spec)
	return slices.ContainsFunc(more, func(e extra) bool {
		does, _ := e.means(false)
		return does == engine.Opens
	})
}
