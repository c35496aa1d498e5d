package fault_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"golang.org/x/oauth2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/fault"
	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/kms"
)

const place = "projects/acme-demo/locations/global"

// world is Cloud KMS and the token endpoint behind a front that has faults.
type world struct {
	t      *testing.T
	faults fault.Set
	front  *front.Front
	iam    *iam.IAM
	keys   kmspb.KeyManagementServiceClient
	http   *http.Client
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	var err error
	w.iam, err = iam.New(iam.Options{})
	check(t, err)
	check(t, w.iam.Enable("acme-demo", "cloudkms.googleapis.com"))
	svc, err := kms.New(w.iam, kms.Options{})
	check(t, err)
	handlers, err := svc.Handlers()
	check(t, err)
	w.front, err = front.New(front.Options{Faults: &w.faults, Journal: w.iam.Journal()})
	check(t, err)
	for host, h := range handlers {
		w.front.Handle(host, h)
	}
	w.front.Handle("oauth2.googleapis.com", front.OAuth(w.iam))
	w.front.Handle("*-docker.pkg.dev", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "a layer") }))
	check(t, w.front.Start(t.Context()))
	token, _ := w.iam.Mint("user:"+iam.Owner, []string{"https://www.googleapis.com/auth/cloud-platform"}, time.Hour)
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})
	conn, err := grpc.NewClient("passthrough:///"+kms.Host+":443", grpc.WithContextDialer(w.tunnel),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: w.front.Pool(), ServerName: kms.Host})),
		grpc.WithPerRPCCredentials(oauth.TokenSource{TokenSource: source}), grpc.WithDisableRetry())
	check(t, err)
	w.keys = kmspb.NewKeyManagementServiceClient(conn)
	proxy, err := url.Parse(w.front.ProxyURL())
	check(t, err)
	base := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: w.front.Pool()}}
	w.http = &http.Client{Transport: &oauth2.Transport{Source: source, Base: base}}
	t.Cleanup(func() {
		_ = conn.Close()
		base.CloseIdleConnections()
		check(t, w.front.Close())
		check(t, svc.Close())
	})
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) tunnel(ctx context.Context, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(w.front.ProxyURL(), "http://"))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return conn, err
}

func (w *world) add(f fault.Fault) string {
	w.t.Helper()
	id, err := w.faults.Add(f)
	check(w.t, err)
	return id
}

// ring creates a key ring.
func (w *world) ring(ctx context.Context, id string) error {
	_, err := w.keys.CreateKeyRing(ctx, &kmspb.CreateKeyRingRequest{Parent: place, KeyRingId: id})
	return err
}

// there says whether a key ring exists.
func (w *world) there(id string) bool {
	w.t.Helper()
	_, err := w.keys.GetKeyRing(w.t.Context(), &kmspb.GetKeyRingRequest{Name: place + "/keyRings/" + id})
	if err != nil && status.Code(err) != codes.NotFound {
		w.t.Fatal(err)
	}
	return err == nil
}

func (w *world) call(method, address string) (int, string, error) {
	req, err := http.NewRequestWithContext(w.t.Context(), method, address, nil)
	check(w.t, err)
	resp, err := w.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func TestBefore(t *testing.T) {
	t.Parallel()
	w := start(t)
	id := w.add(fault.Fault{Target: "CreateKeyRing", Nth: 2, Code: "UNAVAILABLE"})
	check(t, w.ring(t.Context(), "a"))
	err := w.ring(t.Context(), "b")
	if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "The service is currently unavailable." {
		t.Errorf("the second call: %v", err)
	}
	if w.there("b") {
		t.Error("the refused call took effect")
	}
	check(t, w.ring(t.Context(), "b"))
	if s := w.faults.List(); len(s) != 1 || s[0].ID != id || s[0].Calls != 3 || s[0].Hits != 1 {
		t.Errorf("listed %+v", s)
	}
	check(t, w.faults.Clear(id))
	if err := w.faults.Clear(id); err == nil {
		t.Error("cleared twice")
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.add(fault.Fault{Target: "KeyManagementService/Create*", Times: 1, After: true, Code: "DEADLINE_EXCEEDED"})
	if err := w.ring(t.Context(), "a"); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v", err)
	}
	if !w.there("a") {
		t.Error("the call had no effect")
	}
	if err := w.ring(t.Context(), "a"); status.Code(err) != codes.AlreadyExists {
		t.Errorf("again: %v", err)
	}
}

func TestQuotaOverREST(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.add(fault.Fault{Target: "google.cloud.kms.v1.KeyManagementService/ListKeyRings", Code: "RESOURCE_EXHAUSTED", Message: "Quota exceeded.", RetryAfter: 3 * time.Second})
	code, text, err := w.call("GET", "https://"+kms.Host+"/v1/"+place+"/keyRings")
	check(t, err)
	var body struct {
		Error struct {
			Code            int
			Message, Status string
			Details         []map[string]any
		}
	}
	check(t, json.Unmarshal([]byte(text), &body))
	if code != 429 || body.Error.Code != 429 || body.Error.Status != "RESOURCE_EXHAUSTED" || body.Error.Message != "Quota exceeded." ||
		len(body.Error.Details) != 2 || body.Error.Details[1]["retryDelay"] != "3s" {
		t.Errorf("%d: %s", code, text)
	}
	_, err = w.keys.ListKeyRings(t.Context(), &kmspb.ListKeyRingsRequest{Parent: place})
	var retry *errdetails.RetryInfo
	for _, d := range status.Convert(err).Details() {
		if r, ok := d.(*errdetails.RetryInfo); ok {
			retry = r
		}
	}
	if status.Code(err) != codes.ResourceExhausted || retry.GetRetryDelay().GetSeconds() != 3 {
		t.Errorf("over gRPC: %v", err)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	w := start(t)
	id := w.add(fault.Fault{Target: "CreateKeyRing", Cut: true})
	if err := w.ring(t.Context(), "before"); status.Code(err) != codes.Unavailable {
		t.Errorf("cut before: %v", err)
	}
	check(t, w.faults.Clear(id))
	if w.there("before") {
		t.Error("a call that was cut off before took effect")
	}
	id = w.add(fault.Fault{Target: "CreateKeyRing", Cut: true, After: true})
	if err := w.ring(t.Context(), "after"); status.Code(err) != codes.Unavailable {
		t.Errorf("cut after: %v", err)
	}
	if _, _, err := w.call("POST", "https://"+kms.Host+"/v1/"+place+"/keyRings?keyRingId=rest"); err == nil {
		t.Error("an answer that was cut off arrived")
	}
	check(t, w.faults.Clear(id))
	if !w.there("after") || !w.there("rest") {
		t.Error("calls that were cut off after had no effect")
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, after := range []bool{false, true} {
		ring := fmt.Sprint("after-", after)
		id := w.add(fault.Fault{Target: "CreateKeyRing", Hold: true, After: after})
		done := make(chan error, 1)
		go func() { done <- w.ring(t.Context(), ring) }()
		check(t, w.faults.Wait(t.Context(), id))
		if w.there(ring) != after {
			t.Errorf("held, and the key ring is there: %v", !after)
		}
		select {
		case err := <-done:
			t.Errorf("it was not held: %v", err)
		default:
		}
		check(t, w.faults.Release(id))
		check(t, <-done)
		if !w.there(ring) {
			t.Error("a call that was released had no effect")
		}
		// One whose client goes away is not held for ever; before its effect it has none.
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- w.ring(ctx, ring+"-gone") }()
		check(t, w.faults.Wait(t.Context(), id))
		cancel()
		if err := <-done; status.Code(err) != codes.Canceled {
			t.Errorf("cancelled: %v", err)
		}
		for w.faults.List()[0].Held > 0 { // until the server has heard of it
			runtime.Gosched()
		}
		check(t, w.faults.Clear(id))
		if w.there(ring+"-gone") != after {
			t.Errorf("after its client had gone the key ring is there: %v", !after)
		}
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := start(t)
	cred := map[string]string{}
	check(t, json.Unmarshal(front.Credentials(iam.Owner, w.iam.People()[iam.Owner]), &cred))
	ask := func() (int, map[string]string) {
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {cred["client_id"]}, "client_secret": {cred["client_secret"]}, "refresh_token": {cred["refresh_token"]}}
		resp, err := w.http.PostForm("https://oauth2.googleapis.com/token", form)
		check(t, err)
		defer resp.Body.Close()
		body := map[string]any{}
		check(t, json.NewDecoder(resp.Body).Decode(&body))
		words := map[string]string{}
		for k, v := range body {
			words[k] = fmt.Sprint(v)
		}
		return resp.StatusCode, words
	}
	w.add(fault.Fault{Target: "POST oauth2.googleapis.com/token", Nth: 1, Code: "invalid_rapt"})
	w.add(fault.Fault{Target: "oauth2.googleapis.com/token", Nth: 2, Code: "invalid_grant"})
	if code, body := ask(); code != 400 || body["error"] != "invalid_grant" || body["error_subtype"] != "invalid_rapt" {
		t.Errorf("%d %v", code, body)
	}
	if code, body := ask(); code != 400 || body["error"] != "invalid_grant" || body["error_description"] != "Token has been expired or revoked." {
		t.Errorf("%d %v", code, body)
	}
	if code, body := ask(); code != 200 || body["access_token"] == "" {
		t.Errorf("%d %v", code, body)
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.add(fault.Fault{Target: "GET *-docker.pkg.dev/v2/*/blobs/*", Times: 1, Code: "UNAVAILABLE"})
	for _, want := range []int{200, 503, 200} {
		path := "/v2/p/r/i/blobs/sha256:0"
		if want == 200 {
			path = "/v2/p/r/i/manifests/v1"
		}
		code, text, err := w.call("GET", "https://europe-docker.pkg.dev"+path)
		check(t, err)
		if code != want || want == 503 && !strings.HasPrefix(text, `{"errors":[{"code":"UNKNOWN","message":"The service is currently unavailable."}]}`) {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	var s fault.Set
	for _, f := range []fault.Fault{
		{}, {Target: "CreateKeyRing"}, {Target: "CreateKeyRing", Code: "SOMETIMES"}, {Target: "CreateKeyRing", Code: "OK"}, {Target: "CreateKeyRing", Code: "UNAVAILABLE", Cut: true},
		{Target: "a b c", Cut: true}, {Target: "get example.com", Cut: true}, {Target: "GET CreateKeyRing", Cut: true},
		{Target: "CreateKeyRing", Code: "invalid_rapt"}, {Target: "CreateKeyRing", Delay: -1}, {Target: "CreateKeyRing", Cut: true, Nth: -1},
	} {
		if _, err := s.Add(f); err == nil {
			t.Errorf("%+v was taken", f)
		}
	}
	if len(s.List()) != 0 {
		t.Error("a refused fault is there")
	}
	var none *fault.Set
	if none.Armed() {
		t.Error("no set has faults")
	}
}
