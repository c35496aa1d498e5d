package state

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/agext/levenshtein"
)

// Question is one thing that a person decides: a key of the config file, a flag,
// and what it is about. Flags, config file and its schema are made of this list. The
// wizard has its own words for a question and its own place to ask it; a test in tui
// holds that each has one.
type Question struct {
	Key  string   // in the config file and in the record: "keyRing"
	Flag string   // on the command line: "key-ring"
	Ask  string   // one line; `quoted` is the name of the flag's value
	More string   // what else to know before answering, "" if nothing
	Of   []string // the values that there are, nil if any that the rules let through
}

// Questions are all of them, one for each field of Answers, in its order.
func Questions() []Question {
	return []Question{
		{Key: "project", Flag: "project", Ask: "project `id`"},
		{Key: "newProject", Flag: "new-project", Ask: "make the project, and link it to --billing-account"},
		{Key: "billingAccount", Flag: "billing-account", Ask: "`account` of a new project", More: "as billingAccounts/012345-6789AB-CDEF01; gcloud billing accounts list shows yours"},
		{Key: "region", Flag: "region", Ask: "`region` of everything", More: "a key ring is bound to its region for ever"},
		{Key: "suffix", Flag: "suffix", Ask: "`text` after every name, where several people share a project"},
		{Key: "keyRing", Flag: "key-ring", Ask: "`name` of the key ring", More: "one that is there is used as it is"},
		{Key: "key", Flag: "key", Ask: "`name` of the signing key"},
		{Key: "repository", Flag: "repository", Ask: "`name` of the private repository"},
		{Key: "image", Flag: "image", Ask: "public `image` to copy and sign"},
		{Key: "cluster", Flag: "cluster", Ask: "`name` of the cluster", More: "its nodes sign in as NAME-sa"},
		{Key: "existingCluster", Flag: "existing-cluster", Ask: "use the cluster of that name that is there already, and leave it when the setup goes", More: "it gets a node pool of the setup's own where its pods have no identities of their own, since account and scopes of a pool cannot be changed"},
		{Key: "shape", Flag: "shape", Ask: "`shape` of the cluster: zonal, regional, guide, autopilot", More: "guide is regional with three nodes of 100 GB in each zone: more than a new project's quota; of autopilot Google keeps the nodes", Of: []string{Zonal, Regional, Guide, Autopilot}},
		{Key: "zone", Flag: "zone", Ask: "`zone` of a zonal cluster (default: the region's first)"},
		{Key: "machineType", Flag: "machine-type", Ask: "machine `type` of its nodes"},
		{Key: "diskGB", Flag: "disk-gb", Ask: "disk of a node in `GB`"},
		{Key: "nodes", Flag: "nodes", Ask: "nodes a zone"},
		{Key: "namespace", Flag: "namespace", Ask: "`namespace` to protect", More: "only signed images run in it from then on"},
		{Key: "policy", Flag: "policy", Ask: "`name` of the image policy"},
		{Key: "publicLog", Flag: "public-log", Ask: "record signatures in Sigstore's public transparency log as well", More: "what is in it stays there for ever"},
		{Key: "workloadIdentity", Flag: "workload-identity", Ask: "let policy-controller sign in as itself, with fewer rights; otherwise it does as its node, as in the guide, which needs no right to change the key's access policy (always as itself on Autopilot)"},
	}
}

// At is the place of a question's answer: a *string, *int or *bool in a.
func (q Question) At(a *Answers) any {
	v := reflect.ValueOf(a).Elem()
	for i := range v.NumField() {
		if key(v.Type().Field(i)) == q.Key {
			return v.Field(i).Addr().Interface()
		}
	}
	panic(fmt.Sprintf("no answer has the key %q", q.Key)) // a test asks for each
}

// key is a field's name in JSON and YAML.
func key(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// nearest is the question whose key is most like a word that is none: the same
// letters, or one or two letters off. "" if none is.
func nearest(word string) string {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s))
	}
	best, at := "", 3
	for _, q := range Questions() {
		if d := levenshtein.Distance(plain(word), plain(q.Key), nil); d < at && d < len(q.Key)-1 {
			best, at = q.Key, d
		}
	}
	return best
}
