package state

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Answers are what a person decided. Every name a step needs is a function of them.
type Answers struct {
	Project         string `json:"project"`
	NewProject      bool   `json:"newProject,omitempty"`     // make the project, and link it to BillingAccount
	BillingAccount  string `json:"billingAccount,omitempty"` // "billingAccounts/XXXXXX-XXXXXX-XXXXXX"
	Region          string `json:"region"`
	Suffix          string `json:"suffix,omitempty"` // "-SUFFIX" ends the names of key ring, repository, cluster and so account: several people can share a project
	KeyRing         string `json:"keyRing"`
	Key             string `json:"key"`
	Repository      string `json:"repository"`
	Image           string `json:"image"` // the public image that is copied and signed
	Cluster         string `json:"cluster"`
	ExistingCluster bool   `json:"existingCluster,omitempty"` // use the cluster of that name that somebody made
	Shape           string `json:"shape"`                     // zonal, regional, guide (regional, 3 nodes a zone, 100 GB), autopilot
	Zone            string `json:"zone,omitempty"`            // of a zonal cluster; empty: the region's first
	MachineType     string `json:"machineType"`
	DiskGB          int    `json:"diskGB"`
	Nodes           int    `json:"nodes"` // per zone
	Namespace       string `json:"namespace"`
	Policy          string `json:"policy"`
	PublicLog       bool   `json:"publicLog,omitempty"` // also record signatures in Sigstore's public transparency log

	WorkloadIdentity bool `json:"workloadIdentity,omitempty"` // pods have identities of their own; always so with autopilot
}

// The shapes of a cluster.
const (
	Zonal    = "zonal"
	Regional = "regional"
	Guide    = "guide"

	Autopilot = "autopilot" // Google keeps the nodes
)

// Federated says whether pods have identities of their own, and so policy-controller rights
// of its own; otherwise it acts as its node's account.
func (a Answers) Federated() bool { return a.WorkloadIdentity || a.Shape == Autopilot }

// Defaults are the guide's own names on the smallest shape.
func Defaults() Answers {
	return Answers{
		Region: "northamerica-northeast1", KeyRing: "cosign", Key: "cosign", Repository: "containers",
		Image: "nginx", Cluster: "cosign-test-cluster", Shape: Zonal, MachineType: "e2-medium",
		DiskGB: 30, Nodes: 1, Namespace: "default", Policy: "private-signed-images-cip",
	}
}

// FieldError is one answer that cannot be: Path is its key in the config file, Rule what it must be.
type FieldError struct {
	Path string `json:"path,omitempty"` // "" where it is about the file as a whole
	Line int    `json:"line,omitempty"` // in the config file, 0 where it is not from one
	Rule string `json:"rule"`
}

func (e FieldError) Error() string {
	text := e.Rule
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	if e.Line > 0 {
		text = fmt.Sprintf("line %d: %s", e.Line, text)
	}
	return text
}

// FirstZone is a region's first zone: "-a", except in the two that Google has numbered
// differently (compute.zones.list: b, c, d).
func FirstZone(region string) string {
	if region == "europe-west1" || region == "us-east1" {
		return region + "-b"
	}
	return region + "-a"
}

// Named puts the suffix behind a name.
func (a Answers) Named(name string) string {
	if a.Suffix == "" {
		return name
	}
	return name + "-" + a.Suffix
}

// Validate returns every answer that Google or Kubernetes would refuse, in the
// order of the fields; none if all can be. Lengths count the suffix. The rules
// are those of the services' own references.
func Validate(a Answers) []FieldError {
	var all []FieldError
	must := func(path, value, pattern, rule string) {
		if !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(value) {
			all = append(all, FieldError{Path: path, Rule: rule})
		}
	}
	check := func(path string, ok bool, rule string) {
		if !ok {
			all = append(all, FieldError{Path: path, Rule: rule})
		}
	}

	// A project made long ago may carry its organisation's domain: "example.com:my-project".
	must("project", a.Project, `(?:[a-z0-9.-]+\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]`,
		"6 to 30 lower-case letters, digits and dashes; a letter first, no dash last")
	if a.NewProject || a.BillingAccount != "" {
		must("billingAccount", a.BillingAccount, `billingAccounts/[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}`,
			"a billing account such as billingAccounts/012345-6789AB-CDEF01")
	}
	must("region", a.Region, `[a-z]+-[a-z]+[0-9]+`, "a region such as europe-west1 (for a zone there is a question of its own)")
	must("suffix", a.Suffix, suffixPattern, suffixRule)
	must("keyRing", a.Named(a.KeyRing), `[a-zA-Z0-9_-]{1,63}`, "1 to 63 letters, digits, dashes and underscores, with the suffix")
	must("key", a.Key, `[a-zA-Z0-9_-]{1,63}`, "1 to 63 letters, digits, dashes and underscores")
	must("repository", a.Named(a.Repository), `[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?`,
		"1 to 63 lower-case letters, digits and dashes, with the suffix; a letter first, no dash last")
	must("image", a.Image, imagePattern, "an image such as nginx, nginx:1.29 or ghcr.io/owner/name@sha256:…")
	// The node account is called CLUSTER-sa, and an account id has 6 to 30 characters.
	must("cluster", a.Named(a.Cluster), `[a-z][-a-z0-9]{1,25}[a-z0-9]`,
		"3 to 27 lower-case letters, digits and dashes, with the suffix; a letter first, no dash last")
	check("shape", slices.Contains([]string{Zonal, Regional, Guide, Autopilot}, a.Shape), "one of zonal, regional, guide, autopilot")
	if a.Zone != "" {
		check("zone", a.Shape != Autopilot, "left empty: an Autopilot cluster is in the whole region")
		must("zone", a.Zone, regexp.QuoteMeta(a.Region)+`-[a-z]`, "a zone of the region, such as "+FirstZone(a.Region))
	}
	must("machineType", a.MachineType, `[a-z][a-z0-9-]{1,61}[a-z0-9]`, "a machine type such as e2-medium")
	check("diskGB", a.DiskGB >= 10 && a.DiskGB <= 65536, "10 to 65536 (GB)")
	check("nodes", a.Nodes >= 1 && a.Nodes <= 1000, "1 to 1000, per zone")
	must("namespace", a.Namespace, `[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?`, "1 to 63 lower-case letters, digits and dashes; no dash first or last")
	check("namespace", a.Namespace != "cosign-system" && !strings.HasPrefix(a.Namespace, "kube-"),
		"not one of the cluster's own (kube-*, cosign-system): enforcing there locks the cluster out of itself")
	must("policy", a.Policy, `[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*`,
		"lower-case letters, digits and dashes, and dots between such parts; no dash first or last in a part")
	check("policy", len(a.Policy) <= 253, "at most 253 characters")
	return all
}

// imagePattern is the OCI distribution grammar of a reference: [host[:port]/]path[:tag][@digest].
const imagePattern = `(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]+)?/)?` +
	`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*` +
	`(?::[\w][\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?`
