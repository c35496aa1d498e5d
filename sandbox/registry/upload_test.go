package registry_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/registry"
)

const uploads = "https://" + garHost + "/v2/" + project + "/containers/app/blobs/uploads/"

// begin starts an upload and returns where it goes on.
func (w *world) begin(t testing.TB) string {
	t.Helper()
	resp, text := w.ask(t, "POST", uploads, w.bearer(iam.Owner), "", "")
	at := resp.Header.Get("Location")
	if resp.StatusCode != 202 || resp.Header.Get("Range") != "0-0" || resp.Header.Get("Docker-Upload-Uuid") == "" || !strings.HasPrefix(at, "/artifacts-uploads/namespaces/"+project+"/repositories/containers/uploads/") {
		t.Fatalf("an upload began: %d %v %s", resp.StatusCode, resp.Header, text)
	}
	return "https://" + garHost + at
}

// piece sends a part of a blob.
func (w *world) piece(t testing.TB, method, address, span, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	check(t, err)
	req.Header.Set("Authorization", w.bearer(iam.Owner))
	if span != "" {
		req.Header.Set("Content-Range", span)
	}
	resp, err := w.client.Do(req)
	check(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp
}

func TestPieces(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	at := w.begin(t)
	for _, c := range []struct {
		method, span, body string
		status             int
		has                string // Range afterwards
	}{
		{"PATCH", "0-4", "first", 202, "0-4"},
		{"PATCH", "0-4", "first", 416, "0-4"},  // again
		{"PATCH", "6-9", "late", 416, "0-4"},   // a gap
		{"PATCH", "5-9", "sec", 416, "0-4"},    // fewer bytes than said
		{"PATCH", "5-x", "second", 416, "0-4"}, // no number
		{"GET", "", "", 204, "0-4"},            // where are we
		{"PATCH", "5-10", "second", 202, "0-10"},
	} {
		if resp := w.piece(t, c.method, at, c.span, c.body); resp.StatusCode != c.status || resp.Header.Get("Range") != c.has {
			t.Errorf("%s %s: %d, at %s; want %d, %s", c.method, c.span, resp.StatusCode, resp.Header.Get("Range"), c.status, c.has)
		}
	}
	digest := sha("firstsecondlast")
	if resp := w.piece(t, "PUT", at+"?digest="+url.QueryEscape(digest), "11-14", "last"); resp.StatusCode != 201 || resp.Header.Get("Docker-Content-Digest") != digest {
		t.Errorf("end: %d %v", resp.StatusCode, resp.Header)
	}
	if resp := w.piece(t, "GET", at, "", ""); resp.StatusCode != 404 {
		t.Errorf("after the end: %d", resp.StatusCode)
	}
	blob := "https://" + garHost + "/v2/" + project + "/containers/app/blobs/" + digest
	for span, want := range map[string]string{"": "firstsecondlast", "bytes=5-10": "second", "bytes=-4": "last"} {
		req, _ := http.NewRequest("GET", blob, nil)
		req.Header.Set("Authorization", w.bearer(iam.Viewer))
		if span != "" {
			req.Header.Set("Range", span)
		}
		resp, err := w.client.Do(req)
		check(t, err)
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != want || (span != "") != (resp.StatusCode == 206) {
			t.Errorf("%q: %d %s", span, resp.StatusCode, body)
		}
	}
	resp, text := w.ask(t, "HEAD", blob, w.bearer(iam.Viewer), "", "")
	if resp.StatusCode != 200 || resp.ContentLength != 15 || text != "" || resp.Header.Get("Docker-Content-Digest") != digest {
		t.Errorf("HEAD: %d %v", resp.StatusCode, resp.Header)
	}
	other := w.begin(t)
	if resp := w.piece(t, "DELETE", other, "", ""); resp.StatusCode != 204 {
		t.Errorf("an upload is given up: %d", resp.StatusCode)
	}
}

func TestAtOnceAndMounted(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	w.create(t, "others", false)
	digest := sha("blob")
	if resp := w.piece(t, "POST", uploads+"?digest="+digest, "", "blob"); resp.StatusCode != 201 {
		t.Errorf("at once: %d", resp.StatusCode)
	}
	mount := strings.Replace(uploads, "/containers/", "/others/", 1) + "?mount=" + digest + "&from=" + project
	for from, want := range map[string]int{"/containers/app": 201, "/containers/other-name": 201, "/nothing/app": 202, "/containers": 202, "/../x": 202} {
		if resp := w.piece(t, "POST", mount+url.QueryEscape(from), "", ""); resp.StatusCode != want {
			t.Errorf("mount from %s: %d, want %d", from, resp.StatusCode, want)
		}
	}
	resp, _ := w.ask(t, "HEAD", "https://"+garHost+"/v2/"+project+"/others/app/blobs/"+digest, w.bearer(iam.Owner), "", "")
	if resp.StatusCode != 200 {
		t.Errorf("mounted: %d", resp.StatusCode)
	}
}

// TestCutUpload: of a body that ends before it should nothing is kept.
func TestCutUpload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, dir, registry.Options{})
	cut := func(method, address string) {
		u, err := url.Parse(address)
		check(t, err)
		conn := w.dial(t)
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Length: 1000\r\n\r\nonly this", method, u.RequestURI(), garHost, w.bearer(iam.Owner))
		check(t, conn.CloseWrite())
		_, _ = io.Copy(io.Discard, conn) // until the server has answered and closed
		conn.Close()
	}
	cut("POST", uploads+"?digest="+sha("only this"))
	if left, _ := filepath.Glob(filepath.Join(dir, "uploads", "*")); len(left) > 0 {
		t.Errorf("a cut upload left %v", left)
	}
	at := w.begin(t)
	cut("PATCH", at)
	if resp := w.piece(t, "PATCH", at, "0-4", "whole"); resp.StatusCode != 202 {
		t.Errorf("after the cut: %d", resp.StatusCode)
	}
	if resp := w.piece(t, "PUT", at+"?digest="+sha("whole"), "", ""); resp.StatusCode != 201 {
		t.Errorf("end: %d", resp.StatusCode)
	}
	resp, _ := w.ask(t, "HEAD", "https://"+garHost+"/v2/"+project+"/containers/app/blobs/"+sha("only this"), w.bearer(iam.Owner), "", "")
	if resp.StatusCode != 404 {
		t.Errorf("the cut blob is there: %d", resp.StatusCode)
	}
}

// dial opens a connection to the registry that can be closed half way.
func (w *world) dial(t testing.TB) *tls.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.ProxyURL(), "http://"))
	check(t, err)
	fmt.Fprintf(conn, "CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n", garHost, garHost)
	line, err := bufio.NewReaderSize(oneByte{conn}, 16).ReadString('\n')
	if err != nil || !strings.Contains(line, "200") {
		t.Fatalf("CONNECT: %q, %v", line, err)
	}
	for end := []byte{}; !bytes.HasSuffix(end, []byte("\r\n")); {
		b := make([]byte, 1)
		_, err := conn.Read(b)
		check(t, err)
		end = append(end, b...)
	}
	secure := tls.Client(conn, &tls.Config{RootCAs: w.Pool(), ServerName: garHost, NextProtos: []string{"http/1.1"}})
	check(t, secure.HandshakeContext(context.Background()))
	return secure
}

// oneByte keeps a reader from taking more than its line.
type oneByte struct{ io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:1]) }

// TestRestart: what was pushed is there again, what was not finished is gone, and no
// file is left that nobody has.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, err := iam.New(iam.Options{})
	check(t, err)
	w := start(t, dir, registry.Options{})
	check(t, crane.Copy("hello-world", containers+"/hello:v1", w.crane(iam.Owner)...))
	w.begin(t)
	if resp := w.piece(t, "POST", uploads+"?digest="+sha("unused"), "", "unused"); resp.StatusCode != 201 {
		t.Fatal(resp.StatusCode)
	}
	again, err := registry.Open(dir, k.Now)
	check(t, err)
	if left, _ := os.ReadDir(filepath.Join(dir, "uploads")); len(left) > 0 {
		t.Errorf("uploads: %v", left)
	}
	if _, err := os.Stat(filepath.Join(dir, "sha256", strings.TrimPrefix(sha("unused"), "sha256:"))); err == nil {
		t.Error("a blob that nobody has was kept")
	}
	packages := again.Packages(resource)
	if len(packages) != 1 || packages[0].Name != "hello" || len(packages[0].Tags) != 1 || len(packages[0].Versions) != 5 {
		t.Errorf("packages: %+v", packages)
	}
	check(t, again.Drop(resource))
	if left, _ := os.ReadDir(filepath.Join(dir, "sha256")); len(left) > 0 {
		t.Errorf("%d files of a repository that is gone", len(left))
	}
	check(t, os.WriteFile(filepath.Join(dir, "index.json"), []byte(`{"version":9}`), 0o600))
	if _, err := registry.Open(dir, nil); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Errorf("a newer index: %v", err)
	}
}

// TestNames: no name leaves the store's folder.
func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "store"), 0o700))
	w := start(t, filepath.Join(dir, "store"), registry.Options{})
	for _, path := range []string{
		"/v2/" + project + "/containers/../../../etc/blobs/uploads/", "/v2/" + project + "/containers/%2e%2e/x/blobs/uploads/",
		"/v2/" + project + "/containers/a%2f..%2fb/blobs/uploads/", "/v2/" + project + "/containers//blobs/uploads/", "/v2/" + project + "/containers/a%00b/blobs/uploads/",
		"/v2/" + project + "/containers/a\\b/blobs/uploads/", "/v2/" + project + "/%2e%2e/a/blobs/uploads/", "/v2/" + strings.Repeat("a/", 130) + "a/blobs/uploads/",
	} {
		u := &url.URL{Scheme: "https", Host: garHost, Opaque: "//" + garHost + path}
		req := &http.Request{Method: "POST", URL: u, Host: garHost, Header: http.Header{"Authorization": {w.bearer(iam.Owner)}}}
		resp, err := w.transport().RoundTrip(req)
		check(t, err)
		resp.Body.Close()
		if resp.StatusCode != 400 && resp.StatusCode != 404 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("outside the store: %v", entries)
	}
}
