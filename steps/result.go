package steps

import (
	"fmt"
	"path"
	"strings"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/state"
)

// Result is what a step makes, or has made, in a word or two for a narrow line: "cosign
// v1". What is pinned and counted comes from the record; "" where there is nothing to say yet.
func Result(rec state.Record, step string) string {
	n := NamesOf(rec.Answers)
	switch step {
	case "apis":
		return counted(rec, step, "serviceusage.service", "API")
	case "key":
		return strings.TrimSuffix(rec.Answers.Key+" v"+rec.Pins[PinKeyVersion], " v")
	case "image":
		if d := rec.Pins[PinImageDigest]; len(d) > 16 {
			return path.Base(n.ImageName()) + " " + d[:15] + "…"
		}
		return rec.Answers.Image
	case "signature":
		return counted(rec, step, "image.signature", "signature")
	case "identity":
		return counted(rec, step, "iam.binding", "grant")
	}
	return map[string]string{
		"project": n.ProjectID(), "keyring": n.KeyRingID(), "registry": n.RepositoryID(), "cluster": n.ClusterID(),
		"controller": "chart " + assets.PolicyController().Version, "policy": rec.Answers.Policy, "enforcement": "namespace " + rec.Answers.Namespace,
	}[step]
}

// counted is how many things of a kind a step has on record, "" for none.
func counted(rec state.Record, step, kind, word string) string {
	some := 0
	for _, e := range rec.Entries {
		if e.Step == step && e.Kind == kind && onRecord(e) {
			some++
		}
	}
	switch some {
	case 0:
		return ""
	case 1:
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", some, word)
}
