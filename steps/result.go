package steps

import (
	"fmt"
	"path"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/state"
)

// Result is what a step makes, or has made, in a word or two for a narrow line: "cosign
// v1". What is pinned and counted comes from the record; "" where there is nothing to say yet.
func Result(rec state.Record, step string) string {
	n := NamesOf(rec.Answers)
	count := func(kind string) int {
		some := 0
		for _, e := range rec.Entries {
			if e.Step == step && e.Kind == kind && (e.Phase == state.Made || e.Phase == state.Found) {
				some++
			}
		}
		return some
	}
	counted := func(some int, word string) string {
		switch some {
		case 0:
			return ""
		case 1:
			return "1 " + word
		}
		return fmt.Sprintf("%d %ss", some, word)
	}
	switch step {
	case "project":
		return n.ProjectID()
	case "apis":
		if on := count("serviceusage.service"); on > 0 {
			return fmt.Sprintf("%d enabled", on)
		}
	case "keyring":
		return n.KeyRingID()
	case "key":
		if v := rec.Pins[PinKeyVersion]; v != "" {
			return rec.Answers.Key + " v" + v
		}
		return rec.Answers.Key
	case "registry":
		return n.RepositoryID()
	case "image":
		if d := rec.Pins[PinImageDigest]; len(d) > 16 {
			return path.Base(n.ImageName()) + " " + d[:15] + "…"
		}
		return rec.Answers.Image
	case "signature":
		return counted(count("image.signature"), "signature")
	case "identity":
		return counted(count("iam.binding"), "grant")
	case "cluster":
		return n.ClusterID()
	case "controller":
		return "chart " + assets.PolicyController().Version
	case "policy":
		return rec.Answers.Policy
	case "enforcement":
		return "namespace " + rec.Answers.Namespace
	}
	return ""
}
