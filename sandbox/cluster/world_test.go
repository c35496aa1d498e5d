package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	authnv1 "k8s.io/api/authentication/v1"
	authzv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/signgate/signgate/sandbox/cluster/config"
)

// reenter makes the test binary be signgate-cluster.
const reenter = "SIGNGATE_TEST_CLUSTER"

func TestMain(m *testing.M) {
	if os.Getenv(reenter) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const (
	owner       = "owner@example.com"
	ownerToken  = "ya29.owner"
	viewerToken = "ya29.viewer"
	nodeToken   = "ya29.node"
	bearer      = "control-secret"
	private     = "northamerica-northeast1-docker.pkg.dev"
)

// world is what a cluster lives in: a CA, a control server, a proxy with two
// registries behind it, one of which wants the node's token.
type world struct {
	t       *testing.T
	dir     string
	config  config.Config
	control *httptest.Server
	proxy   *httptest.Server

	mu      sync.Mutex
	reviews []authzv1.SubjectAccessReviewSpec
	pods    []string // "namespace/name account node" of metadata requests
	refuse  bool     // the private registry refuses the node
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: tempDir(t)}
	caCert, caKey, _ := w.authority("cluster-ca")
	proxyCert, _, sign := w.authority("proxy-ca")
	w.control = httptest.NewServer(http.HandlerFunc(w.controls))
	t.Cleanup(w.control.Close)
	w.serveProxy(sign)
	w.config = config.Config{
		Name: "test", Dir: filepath.Join(w.dir, "cluster"), Version: "1.35.4-gke.100", Endpoint: "203.0.113.10",
		PodCIDR: "10.48.0.0/14", ServiceCIDR: "34.118.224.0/20",
		Nodes: []config.Node{{
			Name: "gke-test-default-pool-1a2b3c4d-x1y2", Zone: "northamerica-northeast1-a", Region: "northamerica-northeast1",
			Pool: "default-pool", MachineType: "e2-medium", CPU: "940m", Memory: "2869548Ki", InternalIP: "10.162.0.2",
		}},
		CACert: caCert, CAKey: caKey, Control: w.control.URL, ControlToken: bearer, Proxy: w.proxy.URL, ProxyCA: proxyCert,
	}
	return w
}

// authority makes a CA in files, and a function that signs a server's name.
func (w *world) authority(name string) (certFile, keyFile string, sign func(string) *tls.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	w.check(err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	w.check(err)
	certFile, keyFile = filepath.Join(w.dir, name+".pem"), filepath.Join(w.dir, name+".key")
	w.check(os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	w.check(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	return certFile, keyFile, func(host string) *tls.Certificate {
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{host},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, template, key.Public(), key)
		w.check(err)
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// controls is the sandbox's control server, small but real.
func (w *world) controls(rw http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+bearer {
		http.Error(rw, "who are you", http.StatusUnauthorized)
		return
	}
	switch {
	case r.URL.Path == "/token-review":
		var in authnv1.TokenReview
		_ = json.NewDecoder(r.Body).Decode(&in)
		switch in.Spec.Token {
		case ownerToken:
			in.Status = authnv1.TokenReviewStatus{Authenticated: true, User: authnv1.UserInfo{Username: owner}}
		case viewerToken:
			in.Status = authnv1.TokenReviewStatus{Authenticated: true, User: authnv1.UserInfo{Username: "viewer@example.com"}}
		}
		_ = json.NewEncoder(rw).Encode(in)
	case r.URL.Path == "/access-review":
		var in authzv1.SubjectAccessReview
		_ = json.NewDecoder(r.Body).Decode(&in)
		in.Status.Allowed = in.Spec.User == owner
		w.mu.Lock()
		w.reviews = append(w.reviews, in.Spec)
		w.mu.Unlock()
		_ = json.NewEncoder(rw).Encode(in)
	case strings.HasPrefix(r.URL.Path, "/metadata/"):
		w.metadata(rw, r)
	default:
		http.NotFound(rw, r)
	}
}

func (w *world) metadata(rw http.ResponseWriter, r *http.Request) {
	if name := r.Header.Get("X-Pod-Name"); name != "" {
		w.mu.Lock()
		w.pods = append(w.pods, r.Header.Get("X-Pod-Namespace")+"/"+name+" "+r.Header.Get("X-Pod-Service-Account")+" "+r.Header.Get("X-Node")+" "+r.URL.String())
		w.mu.Unlock()
	}
	rw.Header().Set("Metadata-Flavor", "Google")
	if strings.HasSuffix(r.URL.Path, "/token") {
		_ = json.NewEncoder(rw).Encode(map[string]any{"access_token": nodeToken, "expires_in": 3600, "token_type": "Bearer"})
		return
	}
	switch r.URL.Path {
	case "/metadata/computeMetadata/v1/project/project-id":
		_, _ = io.WriteString(rw, "project")
	case "/metadata/computeMetadata/v1/instance/service-accounts/default/email":
		_, _ = io.WriteString(rw, "node@project.iam.gserviceaccount.com")
	default:
		http.NotFound(rw, r)
	}
}

// serveProxy answers CONNECT for the registries' names and refuses others.
func (w *world) serveProxy(sign func(string) *tls.Certificate) {
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	open, closed := registry.New(quiet), registry.New(quiet)
	hosts := map[string]http.Handler{
		"index.docker.io": open,
		private: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			refuse := w.refuse
			w.mu.Unlock()
			user, password, _ := r.BasicAuth()
			switch {
			case user != "oauth2accesstoken" && user != "_token" || password != nodeToken && password != ownerToken:
				rw.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				rw.WriteHeader(http.StatusUnauthorized)
			case refuse && r.URL.Path != "/v2/":
				rw.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(rw, `{"errors":[{"code":"DENIED","message":"Permission \"artifactregistry.repositories.downloadArtifacts\" denied"}]}`)
			default:
				closed.ServeHTTP(rw, r)
			}
		}),
	}
	w.proxy = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		h, ok := hosts[host]
		if r.Method != http.MethodConnect || !ok {
			http.Error(rw, host+" is not part of the sandbox", http.StatusForbidden)
			return
		}
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
		l := &once{conn: tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*sign(host)}})}
		_ = s.Serve(l)
	}))
	w.t.Cleanup(w.proxy.Close)
}

// once is a listener of one connection.
type once struct {
	conn net.Conn
}

func (o *once) Accept() (net.Conn, error) {
	if o.conn == nil {
		return nil, io.EOF
	}
	c := o.conn
	o.conn = nil
	return c, nil
}
func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return &net.TCPAddr{} }

// push puts a small image into a registry and gives it by digest.
func (w *world) push(reference string, change func(*v1.Config)) string {
	w.t.Helper()
	img, err := random.Image(512, 2)
	w.check(err)
	cf, err := img.ConfigFile()
	w.check(err)
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = "linux", "amd64"
	if change != nil {
		change(&cf.Config)
	}
	img, err = mutate.ConfigFile(img, cf)
	w.check(err)
	ref, err := name.ParseReference(reference)
	w.check(err)
	o := []remote.Option{remote.WithTransport(w.transport())}
	if strings.HasPrefix(reference, private) {
		o = append(o, remote.WithAuth(&authn.Basic{Username: "oauth2accesstoken", Password: ownerToken}))
	}
	w.check(remote.Write(ref, img, o...))
	digest, err := img.Digest()
	w.check(err)
	return ref.Context().Name() + "@" + digest.String()
}

func (w *world) transport() http.RoundTripper {
	pool := x509.NewCertPool()
	data, err := os.ReadFile(w.config.ProxyCA)
	w.check(err)
	pool.AppendCertsFromPEM(data)
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(w.proxy.URL) }
	t.TLSClientConfig = &tls.Config{RootCAs: pool}
	w.t.Cleanup(t.CloseIdleConnections)
	return t
}

// running is a cluster's process.
type running struct {
	w     *world
	cmd   *exec.Cmd
	stdin io.Closer
	ready line
	lines []line
	rest  chan line
	ended chan struct{}
}

// start runs the cluster until it says ready or failed. Its binary is this
// test, or the one named.
func (w *world) start(binary string) *running {
	w.t.Helper()
	path := filepath.Join(w.dir, "config.json")
	data, err := json.Marshal(w.config)
	w.check(err)
	w.check(os.WriteFile(path, data, 0o600))
	r := &running{w: w, rest: make(chan line, 100), ended: make(chan struct{})}
	if binary == "" {
		binary, err = os.Executable()
		w.check(err)
	}
	r.cmd = exec.Command(binary, "run", "--config", path)
	r.cmd.Env = append(os.Environ(), reenter+"=1")
	r.cmd.Stderr = os.Stderr
	r.stdin, err = r.cmd.StdinPipe()
	w.check(err)
	out, err := r.cmd.StdoutPipe()
	w.check(err)
	w.check(r.cmd.Start())
	w.t.Cleanup(func() { _ = r.cmd.Process.Kill(); <-r.ended })
	go func() {
		s := bufio.NewScanner(out)
		for s.Scan() {
			var l line
			if json.Unmarshal(s.Bytes(), &l) == nil {
				r.rest <- l
			}
		}
		_ = r.cmd.Wait()
		close(r.rest)
		close(r.ended)
	}()
	for l := range r.rest {
		r.lines = append(r.lines, l)
		if l.Stage == "ready" || l.Stage == "failed" {
			r.ready = l
			break
		}
	}
	return r
}

// client is a user of the cluster with a Google token.
func (r *running) client(token string) *kubernetes.Clientset {
	r.w.t.Helper()
	ca, err := os.ReadFile(r.w.config.CACert)
	r.w.check(err)
	c, err := kubernetes.NewForConfig(&rest.Config{
		Host: "https://" + r.ready.APIServer, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: ca}, QPS: 100, Burst: 100,
	})
	r.w.check(err)
	return c
}

// await waits for a condition; what it waits for is in the failure.
func await(t *testing.T, what string, ok func() (bool, string)) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		done, seen := ok()
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s; last seen: %s", what, seen)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// tempDir is removed when the test passes, and kept when it fails.
func tempDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "cluster-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what is left to look at is in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}
