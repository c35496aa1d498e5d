package sandbox_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	_ "embed"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/googleapis/gax-go/v2/apierror"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

// flow are the methods that a whole setup calls, from the first look to the last undoing:
// the journal of such a run says so (cmd/signgate, TestMethods holds it to this list).
//
//go:embed testdata/flow_methods.txt
var flow []byte

// tried is one method, called so that it succeeds and so that it is refused. The rows of a
// table are tried in order: a later one finds what an earlier one made.
type tried struct {
	method string // as the journal names it, without its package
	good   func() error
	bad    func() error
	code   int    // HTTP's, of the refusal
	why    string // its reason, or a part of its words
}

// TestClients calls every method that the flow uses with Google's own REST clients, of
// both kinds that there are for Go: those generated from discovery documents
// (google.golang.org/api) and those generated from the definitions (New…RESTClient).
func TestClients(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]func(*testing.T, *http.Client) []tried{
		"discovery": discovered,
		"gapic":     gapic,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, sandbox.Options{})
			rows := table(t, clientOf(t, s))
			var covered []string
			for _, r := range rows {
				covered = append(covered, r.method)
				if err := r.good(); err != nil {
					t.Errorf("%s: %v", r.method, err)
				}
				refusedAs(t, r)
			}
			if name == "gapic" {
				return // it has no REST client for IAM; the other table has everything
			}
			for _, m := range flowMethods() {
				if !slices.Contains(covered, m) {
					t.Errorf("%s is called by the flow, and not here", m)
				}
			}
		})
	}
}

// flowMethods are "Service/Method", sorted.
func flowMethods() []string {
	var all []string
	for lines := bufio.NewScanner(bytes.NewReader(flow)); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

func refusedAs(t *testing.T, r tried) {
	t.Helper()
	err := r.bad()
	code, reason := 0, ""
	var google *googleapi.Error
	if errors.As(err, &google) {
		code = google.Code
	}
	if api, ok := apierror.FromError(err); ok {
		reason = api.Reason()
		if code == 0 {
			code = api.HTTPCode()
		}
	}
	if err == nil || code != r.code || reason != r.why && !strings.Contains(err.Error(), r.why) {
		t.Errorf("%s: %d, reason %q, %v; want %d, %q", r.method, code, reason, err, r.code, r.why)
	}
}

// clientOf is an owner's, through the sandbox's proxy.
func clientOf(t *testing.T, s *sandbox.Sandbox) *http.Client {
	t.Helper()
	proxy, err := url.Parse(s.ProxyURL())
	if err != nil {
		t.Fatal(err)
	}
	token, _ := s.IAM().Mint("user:"+iam.Owner, []string{everything}, time.Hour)
	base := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: s.Roots()}}
	t.Cleanup(base.CloseIdleConnections)
	return &http.Client{Transport: &oauth2.Transport{Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}), Base: base}}
}

// second forgets what a call answered.
func second[T any](_ T, err error) error { return err }

// The world that the tables work in, and what is not there.
const (
	here    = "projects/" + sandbox.InUse
	place   = here + "/locations/europe-west1"
	ring    = place + "/keyRings/r"
	signer  = ring + "/cryptoKeys/k"
	first   = signer + "/cryptoKeyVersions/1"
	repo    = place + "/repositories/containers"
	node    = here + "/serviceAccounts/the-nodes@" + sandbox.InUse + ".iam.gserviceaccount.com"
	zone    = here + "/locations/europe-west1-b"
	cluster = zone + "/clusters/c"
	absent  = "projects/nobody-has-this"
)
