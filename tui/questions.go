package tui

import (
	"strconv"

	"github.com/signgate/signgate/state"
)

// field is one question of the form. A field with options is a choice.
type field struct {
	path    string // as in the config file, and in state.FieldError
	label   string
	help    string
	options []option
	get     func(state.Answers) string
	set     func(*state.Answers, string)
}

// option is one of a choice.
type option struct{ value, label string }

// fields are the questions that have defaults, in the order they are asked.
func fields() []field {
	text := func(path, label, help string, at func(*state.Answers) *string) field {
		return field{path: path, label: label, help: help,
			get: func(a state.Answers) string { return *at(&a) },
			set: func(a *state.Answers, v string) { *at(a) = v }}
	}
	return []field{
		{path: "shape", label: "Shape", help: "of the cluster: regional survives the loss of a zone; all of it can be removed again",
			options: []option{{state.Zonal, "zonal, one machine"}, {state.Regional, "regional, a machine in each of three zones"},
				{state.Guide, "as in the guide: regional, nine machines"}, {state.Autopilot, "Autopilot: regional, Google keeps the machines"}},
			get: func(a state.Answers) string { return a.Shape }, set: setShape},
		text("image", "Image to sign", "copied into your registry, then signed by its digest",
			func(a *state.Answers) *string { return &a.Image }),
		text("namespace", "Protect", "the Kubernetes namespace in which only signed images may run",
			func(a *state.Answers) *string { return &a.Namespace }),
		{path: "publicLog", label: "Public log", help: "Sigstore's public log would show the image's digest, the signature and your public key to everybody, for ever",
			options: []option{{"no", "no, nothing becomes public"}, {"yes", "yes, record signatures in Sigstore's log"}},
			get:     func(a state.Answers) string { return yesNo(a.PublicLog) },
			set:     func(a *state.Answers, v string) { a.PublicLog = v == "yes" }},
		text("cluster", "Cluster", "the name of the Kubernetes cluster; its nodes sign in as NAME-sa",
			func(a *state.Answers) *string { return &a.Cluster }),
		{path: "workloadIdentity", label: "Controller", help: "as in the guide it signs in as its node; as itself it needs fewer rights, and nothing else has them; on Autopilot always as itself",
			options: []option{{"no", "signs in as its node, as in the guide"}, {"yes", "signs in as itself, with fewer rights"}},
			get:     func(a state.Answers) string { return yesNo(a.Federated()) },
			set:     func(a *state.Answers, v string) { a.WorkloadIdentity = v == "yes" }},
		text("keyRing", "Key ring", "a drawer for keys, in the region you chose; used as it is if it is there",
			func(a *state.Answers) *string { return &a.KeyRing }),
		text("key", "Key", "the signing key in Cloud KMS; it never leaves it",
			func(a *state.Answers) *string { return &a.Key }),
		text("repository", "Repository", "the private image repository in Artifact Registry",
			func(a *state.Answers) *string { return &a.Repository }),
		text("policy", "Policy", "the ClusterImagePolicy: which images must be signed by which key",
			func(a *state.Answers) *string { return &a.Policy }),
		text("suffix", "Suffix", "ends every name, so that several people can share a project; may be empty",
			func(a *state.Answers) *string { return &a.Suffix }),
		text("machineType", "Machine type", "of the cluster's nodes",
			func(a *state.Answers) *string { return &a.MachineType }),
		number("nodes", "Nodes", "in each zone", func(a *state.Answers) *int { return &a.Nodes }),
		number("diskGB", "Disk (GB)", "of each node", func(a *state.Answers) *int { return &a.DiskGB }),
		text("zone", "Zone", "of a zonal cluster; empty is the region's first",
			func(a *state.Answers) *string { return &a.Zone }),
	}
}

func number(path, label, help string, at func(*state.Answers) *int) field {
	return field{path: path, label: label, help: help,
		get: func(a state.Answers) string {
			if n := *at(&a); n >= 0 {
				return strconv.Itoa(n)
			}
			return ""
		},
		set: func(a *state.Answers, v string) {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				n = -1 // not a number; the rules refuse it
			}
			*at(a) = n
		}}
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
