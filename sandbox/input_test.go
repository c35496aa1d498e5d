package sandbox_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

// TestBadInput: what is malformed, oversized, anonymous, for another project or for no
// method at all gets Google's refusal in Google's shape, on every API's host; and the
// sandbox goes on.
func TestBadInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, sandbox.Options{Dir: filepath.Join(dir, "sandbox")})
	signedIn := clientOf(t, s)
	stranger := &http.Client{Transport: signedIn.Transport.(*oauth2.Transport).Base}
	for _, c := range []struct {
		what, host, list, create string
	}{
		{"KMS", "cloudkms", "/v1/" + place + "/keyRings", "/v1/" + place + "/keyRings?keyRingId=r"},
		{"Artifact Registry", "artifactregistry", "/v1/" + place + "/repositories", "/v1/" + place + "/repositories?repositoryId=r"},
		{"GKE", "container", "/v1/" + zone + "/clusters", "/v1/" + zone + "/clusters"},
		{"IAM", "iam", "/v1/" + here + "/serviceAccounts", "/v1/" + here + "/serviceAccounts"},
		{"Service Usage", "serviceusage", "/v1/" + here + "/services", "/v1/" + here + "/services:batchEnable"},
		{"Resource Manager", "cloudresourcemanager", "/v3/projects:search", "/v3/projects"},
		{"Resource Manager v1", "cloudresourcemanager", "/v1/projects", "/v1/projects"},
		{"Billing", "cloudbilling", "/v1/billingAccounts", "/v1/billingAccounts"},
	} {
		at := "https://" + c.host + ".googleapis.com"
		for _, bad := range []struct {
			name   string
			client *http.Client
			method string
			url    string
			body   io.Reader
			code   int
			status string
		}{
			{"no token", stranger, "GET", at + c.list, nil, 401, "UNAUTHENTICATED"},
			{"no JSON", signedIn, "POST", at + c.create, strings.NewReader(`{"a":`), 400, "INVALID_ARGUMENT"},
			{"an unknown field", signedIn, "POST", at + c.create, strings.NewReader(`{"colour":"red"}`), 400, "INVALID_ARGUMENT"},
			{"oversized", signedIn, "POST", at + c.create, io.LimitReader(blanks{}, 64<<20), 400, "INVALID_ARGUMENT"},
			{"no such method", signedIn, "GET", at + "/v1/nothing/at/all", nil, 404, "NOT_FOUND"},
			{"a way out", signedIn, "GET", at + "/v1/projects/%2e%2e/%2e%2e/etc/passwd", nil, 404, "NOT_FOUND"},
		} {
			t.Run(c.what+"/"+bad.name, func(t *testing.T) {
				code, status := answered(t, bad.client, bad.method, bad.url, bad.body)
				if code != bad.code || status != bad.status {
					t.Errorf("%d %s, want %d %s", code, status, bad.code, bad.status)
				}
			})
		}
		if code, _ := answered(t, signedIn, "GET", at+c.list, nil); code != 200 {
			t.Errorf("%s: after all that, a list answers %d", c.what, code)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("outside the sandbox's folder: %v", entries)
	}
}

// blanks are white space without an end.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func answered(t *testing.T, c *http.Client, method, url string, body io.Reader) (code int, status string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error struct {
			Code    int
			Message string
			Status  string
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s: %d, not JSON: %v", method, url, resp.StatusCode, err)
	}
	if resp.StatusCode >= 400 && (answer.Error.Code != resp.StatusCode || answer.Error.Message == "") {
		t.Errorf("%s %s: %d with %+v", method, url, resp.StatusCode, answer.Error)
	}
	return resp.StatusCode, answer.Error.Status
}

// TestBrowser: a page in a browser that finds the proxy's port gets nothing out of it: not
// as a server, whatever name it gives it, nor as a proxy for http, nor a token.
func TestBrowser(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Options{})
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\n\r\n",
		"GET /v1/projects HTTP/1.1\r\nHost: cloudresourcemanager.googleapis.com\r\n\r\n", // its name made to mean loopback
		"POST /token HTTP/1.1\r\nHost: oauth2.googleapis.com\r\nContent-Length: 0\r\n\r\n",
		"GET http://oauth2.googleapis.com/token HTTP/1.1\r\nHost: oauth2.googleapis.com\r\n\r\n",
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
		"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n",
		"CONNECT cloudkms.googleapis.com:22 HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.ProxyURL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, request)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusForbidden || !strings.Contains(resp.Status, "signgate sandbox: ") || resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%q: %v %v", request, resp, err)
		}
		conn.Close()
	}
	c := clientOf(t, s)
	req, err := http.NewRequestWithContext(t.Context(), "POST", "https://oauth2.googleapis.com/token", strings.NewReader("grant_type=refresh_token&refresh_token="+s.IAM().People()[iam.Owner]))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "https://evil.example")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode < 400 || strings.Contains(string(body), "ya29.") {
		t.Errorf("a page is given a token: %d %s", resp.StatusCode, body)
	}
}
