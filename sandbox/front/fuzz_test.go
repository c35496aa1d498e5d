package front_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"cloud.google.com/go/kms/apiv1/kmspb"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// handler is the small KMS behind the front's REST, without a network.
func handler(t testing.TB) (http.Handler, string) {
	t.Helper()
	k, err := iam.New(iam.Options{})
	check(t, err)
	check(t, k.Enable("acme-demo", "cloudkms.googleapis.com"))
	w := &world{iam: k, keys: &keys{}}
	srv, err := k.Server(keyRules(), func(s *grpc.Server) { kmspb.RegisterKeyManagementServiceServer(s, w.keys) })
	check(t, err)
	t.Cleanup(srv.Stop)
	h, err := front.Google(srv, front.REST{})
	check(t, err)
	return h, w.owner()
}

// FuzzREST: whatever a client sends, the answer is JSON; if it refuses, it has Google's
// envelope, whose code is the answer's; and no request is the sandbox's own fault.
func FuzzREST(f *testing.F) {
	for _, seed := range []struct{ method, path, query, body string }{
		{"GET", location + "/keyRings/r", "alt=json&prettyPrint=false", ""},
		{"GET", location + "/keyRings", "fields=keyRings(name,createTime),totalSize&$alt=json;enum-encoding=int", ""},
		{"GET", location + "/keyRings", "pageSize=many&pageSize=1&filter=%zz", ""},
		{"POST", location + "/keyRings/r/cryptoKeys", "cryptoKeyId=k", `{"purpose":"ASYMMETRIC_SIGN","versionTemplate":{"algorithm":12}}`},
		{"POST", location + "/keyRings/r/cryptoKeys", "cryptoKeyId=k", `{"labels":{"a":1},"versionTemplate":[{"x":`},
		{"POST", location + "/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1:asymmetricSign", "", `{"digest":{"sha256":"AAAA"}}`},
		{"POST", location + "/keyRings/r/cryptoKeys", "", "\"\\ud800\""},
		{"PATCH", "/v1/projects/%2e%2e/locations/global", "updateMask=a,b", `{}`},
		{"GET", "/v1/projects//locations/", "callback=x", ""},
		{"DELETE", "/", "", `[]`},
	} {
		f.Add(seed.method, seed.path, seed.query, seed.body)
	}
	h, token := handler(f)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		u, err := url.Parse(kms + path)
		if err != nil || u.Host != "cloudkms.googleapis.com" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || method == "" {
			t.Skip("net/http lets no such request in")
		}
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method, r.URL, r.Host = method, u, u.Host
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		lawful(t, method, w)
	})
}

func lawful(t *testing.T, method string, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 && w.Code != http.StatusNotImplemented {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	if method == http.MethodHead {
		return
	}
	if got := w.Header().Get("Content-Type"); got != "application/json; charset=UTF-8" {
		t.Errorf("content type %q", got)
	}
	var answer struct {
		Error *struct {
			Code            int
			Message, Status string
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, w.Body)
	}
	if refused := w.Code >= 300; refused != (answer.Error != nil) {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	if e := answer.Error; e != nil && (e.Code != w.Code || e.Message == "" || e.Status == "" || e.Status == "OK") {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
}

// FuzzToken: no form gets a token but one with a refresh token of this sandbox.
func FuzzToken(f *testing.F) {
	k, err := iam.New(iam.Options{})
	check(f, err)
	refresh := k.People()[iam.Owner]
	good := url.Values{"grant_type": {"refresh_token"}, "client_id": {front.ClientID}, "client_secret": {front.ClientSecret}, "refresh_token": {refresh}}.Encode()
	f.Add("application/x-www-form-urlencoded", good)
	f.Add("application/x-www-form-urlencoded", strings.Replace(good, "1%2F%2F", "1//x", 1))
	f.Add("application/x-www-form-urlencoded", good+"&scope=https://www.googleapis.com/auth/drive")
	f.Add("application/json", `{"grant_type":"refresh_token"}`)
	f.Add("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nrefresh_token\r\n--x--")
	f.Add("application/x-www-form-urlencoded", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c;%zz")
	h := front.OAuth(k)
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := httptest.NewRequest("POST", "https://oauth2.googleapis.com/token", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var answer struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
			Token       string `json:"access_token"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("not JSON: %v\n%s", err, w.Body)
		}
		form, _ := url.ParseQuery(body)
		if w.Code == http.StatusOK {
			if form.Get("refresh_token") != refresh || answer.Token == "" {
				t.Fatalf("a token for %q", body)
			}
			if c, err := k.Authenticate(answer.Token); err != nil || c.Email != iam.Owner {
				t.Fatalf("the token is %v's: %v", c, err)
			}
			return
		}
		if w.Code >= 500 || answer.Error == "" || answer.Description == "" || answer.Token != "" {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
	})
}

// FuzzFields: a selection is refused as a whole, or selects nothing that the answer had not.
func FuzzFields(f *testing.F) {
	for _, seed := range []string{"keyRings(name),totalSize", "a/b/c", "*", "((((", "keyRings/*/name,,)", "keyRings.name", "key_rings(create_time)", "nonsense"} {
		f.Add(seed)
	}
	h, token := handler(f)
	f.Fuzz(func(t *testing.T, fields string) {
		r := httptest.NewRequest("GET", kms+location+"/keyRings?fields="+url.QueryEscape(fields), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var answer struct {
			KeyRings  []map[string]string
			TotalSize *int
			Rest      json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 && w.Code != 400 || (w.Code == 200) != (answer.Rest == nil) {
			t.Fatalf("%d %v: %s", w.Code, err, w.Body)
		}
	})
}
