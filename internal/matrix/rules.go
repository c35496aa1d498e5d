package matrix

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Rule names a part of the state in which two undisturbed runs differ, and why they do.
type Rule struct {
	Path string // regular expression for the whole path
	Why  string
	Left bool // it is left out; else that it is there is compared, and not what it is
}

// Rules are the named list: nothing else of a state is left out of a comparison.
func Rules() []Rule {
	return []Rule{
		{`iam\.json/(key|refreshTokens)`, "secrets of the sandbox itself", true},
		{`iam\.json/.*/(Serial|serial)`, "how often something was written: the etag", false},
		{`gke/gke\.json/.*/(etag|labelFingerprint|resourceVersion)`, "etags", false},
		{`gke/gke\.json/clusters/.*/instance`, "the number of a node's machine", false},
		{`gke/gke\.json/operations/.*/progress`, "how far an operation says it was", true},
		{`kms\.json/.*/(id|material)`, "key material, and the random id of a version", false},
		{`setups/.*/record/(serial|lineage)`, "how often the record was saved, and its random id", false},
		{`setups/.*/sha256`, "the record's checksum, that of cosign.pub", false},
		{`setups/[^/]*/(lock|cosign\.pub|events\.jsonl)`, "the process that held the lock, the public key, the last run's events", false},
		{`registry/index\.json/.*‹digest of .*\.sig›/(size|imageSize)`, "a signature's size: some are a byte shorter", false},
		{`registry/.*/dev\.cosignproject\.cosign/signature`, "a signature's bytes: ECDSA has another each time", false},

		{`cluster/(events|leases|componentstatuses|ipaddresses|csinodes|controllerrevisions|endpoints)\.?[^/]*/.*`, "what Kubernetes keeps for itself: events, locks, addresses", true},
		{`cluster/.*/metadata/(uid|resourceVersion|generation|creationTimestamp|managedFields|selfLink)`, "what the API server numbers", true},
		{`cluster/.*/(observedGeneration|uid)`, "what the API server numbers", false},
		{`cluster/.*/(clusterIP|clusterIPs|podIP|podIPs|hostIP|hostIPs|addresses|ip)`, "addresses", false},
		{`cluster/secrets/.*/metadata/labels/(createdAt|modifiedAt)`, "when Helm wrote its record", false},
		{`cluster/services/default/kubernetes/spec/ports/https/targetPort`, "the port that this API server got on this machine", false},
		{`cluster/pods/cosign-system/.*/(restartCount|lastState(/.*)?)`, "how often the controller started: Helm goes on after an object that it could not make, so a controller can be there before its configuration, and starts until that is", true},
		{`cluster/.*/caBundle`, "certificates", false},
		{`cluster/secrets/cosign-system/webhook-certs/data/.*`, "certificates and keys", false},
	}
}

// compiled are the rules, ready to match.
var compiled = sync.OnceValue(func() (all []struct {
	Rule
	*regexp.Regexp
}) {
	for _, r := range Rules() {
		all = append(all, struct {
			Rule
			*regexp.Regexp
		}{r, regexp.MustCompile("^(?:" + r.Path + ")$")})
	}
	return all
})

// ruleFor is the rule that a path falls under; nil for none.
func ruleFor(path string) *Rule {
	for _, r := range compiled() {
		if r.MatchString(path) {
			return &r.Rule
		}
	}
	return nil
}

// Words that are another in each run, wherever they stand.
var (
	moments = regexp.MustCompile(`\b20\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d:[0-6]\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d)( UTC)?)?`)
	pem     = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?`)
	uuids   = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	inside  = regexp.MustCompile(`"resourceVersion":"\d+"`) // of an object that is kept as text
	volumes = regexp.MustCompile(`kube-api-access-[a-z0-9]{5}`)
	boxes   = regexp.MustCompile(`sandbox://[0-9a-f]{64}`) // containers
	pem64   = regexp.MustCompile(`LS0tLS1CRUdJTi[A-Za-z0-9+/=]+`)
)

// masked replaces points in time, random ids, certificates and public keys.
func masked(text string) string {
	for pattern, by := range map[*regexp.Regexp]string{uuids: "‹uid›", inside: "‹version›", volumes: "kube-api-access-*", boxes: "‹container›"} {
		text = pattern.ReplaceAllString(text, by)
	}
	text = moments.ReplaceAllString(text, "‹time›")
	text = pem.ReplaceAllString(text, "‹pem›")
	return pem64.ReplaceAllString(text, "‹pem›")
}

// aliases give the random names of a run a name that they have in every run: the setup's id,
// numbers of projects and accounts, a cluster's id and its nodes, digests of signatures.
func aliases(files map[string]string) (*strings.Replacer, error) {
	var pairs []string
	times := map[string]int{}
	call := func(random any, name string) {
		text := fmt.Sprint(random)
		if len(text) < 4 {
			return
		}
		if times[name]++; times[name] > 1 { // two of one name are two
			name += fmt.Sprintf(" (%d)", times[name])
		}
		pairs = append(pairs, text, "‹"+name+"›")
	}
	for _, collect := range []func(map[string]string, func(any, string)) error{people, clusters, signatures, setups} {
		if err := collect(files, call); err != nil {
			return nil, err
		}
	}
	return strings.NewReplacer(pairs...), nil
}

func people(files map[string]string, call func(any, string)) error {
	var iam struct {
		Organization    struct{ Name string }
		Projects        map[string]struct{ Number string }
		ServiceAccounts map[string]struct{ Email, UniqueID, ClientID string }
	}
	if err := json.Unmarshal([]byte(files["iam.json"]), &iam); err != nil {
		return err
	}
	call(iam.Organization.Name, "organization")
	for id, p := range iam.Projects {
		call(p.Number, "number of "+id)
	}
	for _, a := range iam.ServiceAccounts {
		call(a.UniqueID, "unique id of "+a.Email)
		call(a.ClientID, "client id of "+a.Email)
	}
	return nil
}

func clusters(files map[string]string, call func(any, string)) error {
	var gke struct {
		Clusters []struct {
			UID   string
			Nodes []struct{ Name string }
			Shown struct{ Name string }
		}
	}
	if err := json.Unmarshal([]byte(files["gke/gke.json"]), &gke); err != nil {
		return err
	}
	for _, c := range gke.Clusters {
		for _, n := range []int{len(c.UID), 36, 32, 8} { // as it stands in names of ranges and endpoints
			call(c.UID[:min(n, len(c.UID))], fmt.Sprintf("id of %s, %d", c.Shown.Name, n))
		}
		for i, n := range c.Nodes {
			call(n.Name, fmt.Sprintf("node %d of %s", i, c.Shown.Name))
			if words := strings.Split(n.Name, "-"); len(words) > 2 {
				call(words[len(words)-2], "group of "+c.Shown.Name)
			}
		}
	}
	return nil
}

func signatures(files map[string]string, call func(any, string)) error {
	all, err := registryIndex(files)
	for _, r := range all.Repositories {
		for _, p := range r.Packages {
			for tag, at := range p.Tags {
				if strings.HasSuffix(tag, ".sig") {
					call(at.Digest, "digest of "+tag)
				}
			}
		}
	}
	return err
}

func setups(files map[string]string, call func(any, string)) error {
	for name, text := range files {
		if !strings.HasSuffix(name, "/record.json") {
			continue
		}
		var record struct{ Record struct{ Setup string } }
		if err := json.Unmarshal([]byte(text), &record); err != nil {
			return err
		}
		call(record.Record.Setup, "setup")
	}
	return nil
}
