package matrix

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/journal"
)

// Call is one of the calls that a run made, as a fault finds it again in another run:
// the nth that matches a target.
type Call struct {
	Target string // as sandbox/fault has it
	Nth    int
	Time   time.Time
	Writes bool // it changes something
}

// String names a call for people: its target without what goes without saying.
func (c Call) String() string {
	name := strings.TrimPrefix(c.Target, "google.")
	if i := strings.LastIndexByte(name, '.'); i >= 0 && !strings.Contains(name, " ") {
		name = name[i+1:]
	}
	return fmt.Sprintf("%s#%d", name, c.Nth)
}

// Calls are all that the program has called so far, in their order: Google's APIs and the
// registries by the sandbox's journal, writes to the cluster by its API server's audit log.
// Neither has what others called: nodes, controllers, Kubernetes itself.
func (w *World) Calls() ([]Call, error) {
	google, err := w.journaled()
	if err != nil {
		return nil, err
	}
	kubernetes, err := w.audited()
	if err != nil {
		return nil, err
	}
	all := append(google, kubernetes...)
	slices.SortStableFunc(all, func(a, b Call) int { return a.Time.Compare(b.Time) })
	return all, nil
}

// owner is who the program is.
const owner = iam.Owner

// journaled reads the sandbox's journal.
func (w *World) journaled() ([]Call, error) {
	data, err := os.ReadFile(filepath.Join(w.box.Status.Dir, "calls.jsonl"))
	if err != nil {
		return nil, err
	}
	var all []Call
	seen := map[string]int{}
	err = journal.Read(bytes.NewReader(data), func(c journal.Call) bool {
		if c.Method == "" || c.Host == "" || c.Principal != "" && c.Principal != "user:"+owner || c.Host == "oauth2.googleapis.com" || c.Host == "ghcr.io" {
			return true // what Kubernetes asked of IAM, what others did, signing in, and what only nodes pull
		}
		target := c.Host + pathOf(c.Method)
		if verb, _, http := strings.Cut(c.Method, " "); http {
			target = verb + " " + target
		} else {
			target = strings.TrimPrefix(c.Method, "/")
		}
		seen[target]++
		// Signing changes nothing in Google's books; a signature that is lost or made twice is what this is about.
		writes := c.Changes || strings.HasSuffix(c.Method, "/AsymmetricSign")
		all = append(all, Call{Target: target, Nth: seen[target], Time: c.Time, Writes: writes})
		return true
	})
	return all, err
}

// upload is a path with the random name of an upload in it.
var upload = regexp.MustCompile(`/artifacts-uploads/.*`)

// pathOf is an HTTP call's path, with a star for what is another in each run.
func pathOf(method string) string {
	_, path, _ := strings.Cut(method, " ")
	return upload.ReplaceAllString(path, "/artifacts-uploads/*")
}

// endpoints are all that clusters can have.
const endpoints = "203.0.113.*"

// audited reads the audit logs of all clusters: they hold writes, and no reads.
func (w *World) audited() ([]Call, error) {
	logs, err := filepath.Glob(filepath.Join(w.box.Status.Dir, "gke", "clusters", "*", "audit.log"))
	if err != nil {
		return nil, err
	}
	var all []Call
	for _, path := range logs {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		calls, err := audited(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, calls...)
	}
	return all, nil
}

func audited(log []byte) ([]Call, error) {
	verbs := map[string]string{"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETE"}
	seen := map[string]int{}
	var all []Call
	log = log[:bytes.LastIndexByte(log, '\n')+1] // the last line may be half written
	lines := bufio.NewScanner(bytes.NewReader(log))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var a struct {
			Verb, RequestURI         string
			RequestReceivedTimestamp time.Time
			User                     struct{ Username string }
		}
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return nil, err
		}
		verb := verbs[a.Verb]
		if a.User.Username != owner || verb == "" {
			continue
		}
		target := verb + " " + endpoints + a.RequestURI
		bare, _, _ := strings.Cut(target, "?")
		if seen[target]++; bare != target {
			seen[bare]++ // a target without a query is about all queries
		}
		all = append(all, Call{Target: target, Nth: seen[target], Time: a.RequestReceivedTimestamp, Writes: !strings.Contains(a.RequestURI, "dryRun=All")})
	}
	return all, lines.Err()
}

// writes are those of the calls that change something.
func writes(all []Call) []Call {
	return slices.DeleteFunc(slices.Clone(all), func(c Call) bool { return !c.Writes })
}
