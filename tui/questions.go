package tui

import (
	"strconv"

	"github.com/signgate/signgate/state"
)

// field is a question as the form puts it: how it is called there, what it is for, and of a
// choice what there is to choose. Its answer is the question's own.
type field struct {
	state.Question
	label   string
	help    string
	options []option
}

// option is one of a choice.
type option struct{ value, label string }

// fields are the questions that have defaults, in the order they are asked.
func fields() []field {
	known := map[string]state.Question{}
	for _, q := range state.Questions() {
		known[q.Key] = q
	}
	ask := func(key, label, help string, options ...option) field {
		return field{known[key], label, help, options}
	}
	return []field{
		ask("shape", "Shape", "of the cluster: regional survives the loss of a zone; all of it can be removed again",
			option{state.Zonal, "zonal, one machine"}, option{state.Regional, "regional, a machine in each of three zones"},
			option{state.Guide, "as in the guide: regional, nine machines"}, option{state.Autopilot, "Autopilot: regional, Google keeps the machines"}),
		ask("image", "Image to sign", "copied into your registry, then signed by its digest"),
		ask("namespace", "Protect", "the Kubernetes namespace in which only signed images may run"),
		ask("publicLog", "Public log", "Sigstore's public log would show the image's digest, the signature and your public key to everybody, for ever",
			option{"no", "no, nothing becomes public"}, option{"yes", "yes, record signatures in Sigstore's log"}),
		ask("cluster", "Cluster", "the name of the Kubernetes cluster; its nodes sign in as NAME-sa"),
		ask("workloadIdentity", "Controller", "as in the guide it signs in as its node; as itself it needs fewer rights, and nothing else has them; on Autopilot always as itself",
			option{"no", "signs in as its node, as in the guide"}, option{"yes", "signs in as itself, with fewer rights"}),
		ask("keyRing", "Key ring", "a drawer for keys, in the region you chose; used as it is if it is there"),
		ask("key", "Key", "the signing key in Cloud KMS; it never leaves it"),
		ask("repository", "Repository", "the private image repository in Artifact Registry"),
		ask("policy", "Policy", "the ClusterImagePolicy: which images must be signed by which key"),
		ask("suffix", "Suffix", "ends every name, so that several people can share a project; may be empty"),
		ask("machineType", "Machine type", "of the cluster's nodes"),
		ask("nodes", "Nodes", "in each zone"),
		ask("diskGB", "Disk (GB)", "of each node"),
		ask("zone", "Zone", "of a zonal cluster; empty is the region's first"),
	}
}

// get is the answer as the form shows it.
func (f field) get(a state.Answers) string {
	a.WorkloadIdentity = a.Federated() // on Autopilot, whatever was answered
	switch at := f.At(&a).(type) {
	case *bool:
		return yesNo(*at)
	case *int:
		if *at < 0 { // what was typed is no number
			return ""
		}
		return strconv.Itoa(*at)
	case *string:
		return *at
	}
	return ""
}

// set takes what was chosen or typed.
func (f field) set(a *state.Answers, v string) {
	if f.Key == "shape" {
		setShape(a, v)
		return
	}
	switch at := f.At(a).(type) {
	case *bool:
		*at = v == "yes"
	case *int:
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			n = -1 // not a number; the rules refuse it
		}
		*at = n
	case *string:
		*at = v
	}
}

// setShape sets the size that goes with a shape, too; both can be changed after.
func setShape(a *state.Answers, shape string) {
	a.Shape = shape
	a.Nodes, a.DiskGB = 1, 30
	if shape == state.Guide {
		a.Nodes, a.DiskGB = 3, 100
	}
}

// rules gives, by path, the rule that an answer breaks.
func rules(a state.Answers) map[string]string {
	broken := map[string]string{}
	for _, e := range state.Validate(a) {
		if _, ok := broken[e.Path]; !ok {
			broken[e.Path] = e.Rule
		}
	}
	return broken
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
