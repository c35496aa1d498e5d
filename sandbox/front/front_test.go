package front_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/journal"
)

const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"

// keys is a small part of Cloud KMS: enough to see what the front makes of requests and answers.
type keys struct {
	kmspb.UnimplementedKeyManagementServiceServer
	last any
}

func (k *keys) GetKeyRing(_ context.Context, r *kmspb.GetKeyRingRequest) (*kmspb.KeyRing, error) {
	k.last = r
	if strings.HasSuffix(r.GetName(), "/absent") {
		return nil, status.Errorf(codes.NotFound, "KeyRing %s not found.", r.GetName())
	}
	return &kmspb.KeyRing{Name: r.GetName(), CreateTime: timestamppb.New(time.Unix(1700000000, 0))}, nil
}

func (k *keys) CreateCryptoKey(_ context.Context, r *kmspb.CreateCryptoKeyRequest) (*kmspb.CryptoKey, error) {
	k.last = r
	key := r.GetCryptoKey()
	key.Name = r.GetParent() + "/cryptoKeys/" + r.GetCryptoKeyId()
	return key, nil
}

func (k *keys) ListKeyRings(_ context.Context, r *kmspb.ListKeyRingsRequest) (*kmspb.ListKeyRingsResponse, error) {
	k.last = r
	return &kmspb.ListKeyRingsResponse{KeyRings: []*kmspb.KeyRing{{Name: r.GetParent() + "/keyRings/a"}, {Name: r.GetParent() + "/keyRings/b"}}, TotalSize: 2}, nil
}

func (k *keys) AsymmetricSign(_ context.Context, r *kmspb.AsymmetricSignRequest) (*kmspb.AsymmetricSignResponse, error) {
	k.last = r
	return &kmspb.AsymmetricSignResponse{Name: r.GetName(), Signature: []byte("signed")}, nil
}

// world is a front with an iam store and the small KMS behind it.
type world struct {
	*front.Front
	iam     *iam.IAM
	journal *journal.Journal
	keys    *keys
}

func start(t testing.TB) *world {
	t.Helper()
	j, err := journal.Open("")
	check(t, err)
	k, err := iam.New(iam.Options{Journal: j})
	check(t, err)
	check(t, k.Enable("acme-demo", "cloudkms.googleapis.com"))
	f, err := front.New(front.Options{Journal: j})
	check(t, err)
	w := &world{Front: f, iam: k, journal: j, keys: &keys{}}
	srv, err := k.Server(keyRules(), func(s *grpc.Server) { kmspb.RegisterKeyManagementServiceServer(s, w.keys) })
	check(t, err)
	h, err := front.Google(srv, front.REST{})
	check(t, err)
	f.Handle("cloudkms.googleapis.com", h)
	f.Handle("oauth2.googleapis.com", front.OAuth(k))
	f.Handle("www.googleapis.com", front.OAuth(k))
	check(t, f.Start(context.Background()))
	t.Cleanup(func() {
		f.Close()
		srv.Stop()
	})
	return w
}

// keyRules let everybody with a role in, and serve every method.
func keyRules() []iam.Rule {
	rules := iam.Unserved(&kmspb.KeyManagementService_ServiceDesc, nil, "cloudkms.googleapis.com", "cloudkms.keyRings.get", "cloudkms.keyRings.create")
	for i := range rules {
		rules[i].Unserved = false
	}
	return rules
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) client() *http.Client {
	proxy, _ := url.Parse(w.ProxyURL())
	return &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: w.Pool()}, ForceAttemptHTTP2: true}}
}

// owner is a token of the owner.
func (w *world) owner() string {
	token, _ := w.iam.Mint("user:"+iam.Owner, []string{cloudPlatform}, time.Hour)
	return token
}

// call makes one REST call and returns the status and the body.
func (w *world) call(t testing.TB, c *http.Client, method, address, token, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	check(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(req)
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	return resp.StatusCode, string(text)
}

func compact(t testing.TB, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, text)
	}
	out, _ := json.Marshal(v)
	return string(out)
}

const (
	kms      = "https://cloudkms.googleapis.com"
	location = "/v1/projects/acme-demo/locations/global"
)

// refusal is that of a field, in compact JSON.
func refusal(words, field string) string {
	text := strings.ReplaceAll(words, `"`, `\"`)
	return `{"error":{"code":400,"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"` + text + `","field":"` + field + `"}]}],"message":"` + text + `","status":"INVALID_ARGUMENT"}}`
}

func TestREST(t *testing.T) {
	w := start(t)
	c, owner := w.client(), w.owner()
	for _, test := range []struct {
		name, method, path, body string
		code                     int
		want                     string // compact JSON
	}{
		{"get", "GET", location + "/keyRings/r?alt=json&prettyPrint=false&key=k&quotaUser=q&$.xgafv=1", "", 200,
			`{"createTime":"2023-11-14T22:13:20Z","name":"projects/acme-demo/locations/global/keyRings/r"}`},
		{"fields", "GET", location + "/keyRings?fields=keyRings/name,totalSize", "", 200,
			`{"keyRings":[{"name":"projects/acme-demo/locations/global/keyRings/a"},{"name":"projects/acme-demo/locations/global/keyRings/b"}],"totalSize":2}`},
		{"fields by their names in definitions", "GET", location + "/keyRings?fields=key_rings(name),total_size,next_page_token", "", 200,
			`{"keyRings":[{"name":"projects/acme-demo/locations/global/keyRings/a"},{"name":"projects/acme-demo/locations/global/keyRings/b"}],"totalSize":2}`},
		{"fields that are not there", "GET", location + "/keyRings?fields=keyRings(name,colour)", "", 400,
			`{"error":{"code":400,"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"Error expanding 'fields' parameter. Cannot find matching fields for path 'keyRings.colour'.","field":"keyRings.colour"}]}],"message":"Request contains an invalid argument.","status":"INVALID_ARGUMENT"}}`},
		{"enums by name", "POST", location + "/keyRings/r/cryptoKeys?cryptoKeyId=k", `{"purpose":"ASYMMETRIC_SIGN","version_template":{"algorithm":12}}`, 200,
			`{"name":"projects/acme-demo/locations/global/keyRings/r/cryptoKeys/k","purpose":"ASYMMETRIC_SIGN","versionTemplate":{"algorithm":"EC_SIGN_P256_SHA256"}}`},
		{"enums by number", "POST", location + "/keyRings/r/cryptoKeys?cryptoKeyId=k&%24alt=json%3Benum-encoding%3Dint", `{"purpose":5}`, 200,
			`{"name":"projects/acme-demo/locations/global/keyRings/r/cryptoKeys/k","purpose":5}`},
		{"a bare semicolon", "POST", location + "/keyRings/r/cryptoKeys?cryptoKeyId=k&$alt=json;enum-encoding=int", `{"purpose":5}`, 200,
			`{"name":"projects/acme-demo/locations/global/keyRings/r/cryptoKeys/k","purpose":5}`},
		{"not found", "GET", location + "/keyRings/absent", "", 404,
			`{"error":{"code":404,"message":"KeyRing projects/acme-demo/locations/global/keyRings/absent not found.","status":"NOT_FOUND"}}`},
		{"unknown path", "GET", "/v1/nothing", "", 404, `{"error":{"code":404,"message":"Method not found.","status":"NOT_FOUND"}}`},
		{"wrong method", "DELETE", location + "/keyRings", "", 404, `{"error":{"code":404,"message":"Method not found.","status":"NOT_FOUND"}}`},
		{"malformed", "POST", location + "/keyRings/r/cryptoKeys", `{"purpose" 1}`, 400,
			`{"error":{"code":400,"message":"Invalid JSON payload received. Expected : between key:value pair.\n{\"purpose\" 1}\n           ^","status":"INVALID_ARGUMENT"}}`},
		{"no message", "POST", location + "/keyRings/r/cryptoKeys", `5`, 400,
			`{"error":{"code":400,"message":"Invalid JSON payload received. Root element must be a message.","status":"INVALID_ARGUMENT"}}`},
		{"unknown field", "POST", location + "/keyRings/r/cryptoKeys", `{"versionTemplate":{"colour":"red"}}`, 400,
			`{"error":{"code":400,"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"Invalid JSON payload received. Unknown name \"colour\" at 'crypto_key.version_template': Cannot find field.","field":"crypto_key.version_template"}]}],"message":"Invalid JSON payload received. Unknown name \"colour\" at 'crypto_key.version_template': Cannot find field.","status":"INVALID_ARGUMENT"}}`},
		{"unknown enum", "POST", location + "/keyRings/r/cryptoKeys", `{"purpose":"DANCING"}`, 400,
			`{"error":{"code":400,"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"Invalid value at 'crypto_key.purpose' (type.googleapis.com/google.cloud.kms.v1.CryptoKey.CryptoKeyPurpose), \"DANCING\"","field":"crypto_key.purpose"}]}],"message":"Invalid value at 'crypto_key.purpose' (type.googleapis.com/google.cloud.kms.v1.CryptoKey.CryptoKeyPurpose), \"DANCING\"","status":"INVALID_ARGUMENT"}}`},
		{"a list", "POST", location + "/keyRings/r/cryptoKeys", `[]`, 400,
			`{"error":{"code":400,"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"Invalid JSON payload received. Unknown name \"\": Root element must be a message."}]}],"message":"Invalid JSON payload received. Unknown name \"\": Root element must be a message.","status":"INVALID_ARGUMENT"}}`},
		{"no base64", "POST", location + "/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1:asymmetricSign", `{"digest":{"sha256":"!!"}}`, 400,
			refusal(`Invalid value at 'digest.sha256' (TYPE_BYTES), Base64 decoding failed for "!!"`, "digest.sha256")},
		{"a number for text", "POST", location + "/keyRings/r/cryptoKeys", `{"labels":{"a":5}}`, 400,
			refusal(`Invalid value at 'crypto_key.labels.a' (TYPE_STRING), 5`, "crypto_key.labels.a")},
		{"text for a message", "POST", location + "/keyRings/r/cryptoKeys", `{"versionTemplate":"x"}`, 400,
			refusal(`Invalid value at 'crypto_key.version_template' (type.googleapis.com/google.cloud.kms.v1.CryptoKeyVersionTemplate), "x"`, "crypto_key.version_template")},
		{"unknown parameter", "GET", location + "/keyRings?colour=red", "", 400,
			`{"error":{"code":400,"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"Invalid JSON payload received. Unknown name \"colour\": Cannot bind query parameter. Field 'colour' could not be found in request message."}]}],"message":"Invalid JSON payload received. Unknown name \"colour\": Cannot bind query parameter. Field 'colour' could not be found in request message.","status":"INVALID_ARGUMENT"}}`},
		{"parameter of another type", "GET", location + "/keyRings?pageSize=many", "", 400,
			`{"error":{"code":400,"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"Invalid value at 'page_size'","field":"page_size"}]}],"message":"Invalid value at 'page_size'","status":"INVALID_ARGUMENT"}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, text := w.call(t, c, test.method, kms+test.path, owner, test.body)
			if code != test.code || compact(t, text) != test.want {
				t.Errorf("%d, want %d\n got %s\nwant %s", code, test.code, compact(t, text), test.want)
			}
		})
	}
}

// A body may come as gzip; one that grows beyond the limit is refused.
func TestGzip(t *testing.T) {
	w := start(t)
	c, owner := w.client(), w.owner()
	zipped := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, text)
		check(t, z.Close())
		return b.String()
	}
	for _, test := range []struct {
		name, encoding, body string
		code                 int
		words                string
	}{
		{"gzip", "gzip", zipped(`{"purpose":"MAC"}`), 200, `"purpose": "MAC"`},
		{"a bomb", "gzip", zipped(strings.Repeat(" ", 64<<20) + "{}"), 400, "Request payload size exceeds the limit: 10485760 bytes."},
		{"no gzip", "gzip", `{"purpose":"MAC"}`, 400, "Invalid request payload"},
		{"cut short", "gzip", zipped(`{"purpose":"MAC"}`)[:20], 400, "Invalid request payload"},
		{"another", "br", `{}`, 400, "or as gzip"},
		{"as it is", "identity", `{"purpose":"MAC"}`, 200, `"purpose": "MAC"`},
	} {
		req, err := http.NewRequest("POST", kms+location+"/keyRings/r/cryptoKeys?cryptoKeyId=k", strings.NewReader(test.body))
		check(t, err)
		req.Header.Set("Authorization", "Bearer "+owner)
		req.Header.Set("Content-Encoding", test.encoding)
		resp, err := c.Do(req)
		check(t, err)
		text, err := io.ReadAll(resp.Body)
		check(t, err)
		resp.Body.Close()
		if resp.StatusCode != test.code || !strings.Contains(string(text), test.words) {
			t.Errorf("%s: %d %s, want %d %s", test.name, resp.StatusCode, text, test.code, test.words)
		}
	}
}
