package gke

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets this test's own binary stand in for signgate-cluster: it speaks the
// same protocol in milliseconds, and its cluster's name says how it behaves.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "run" && os.Args[2] == "--config" {
		fakeCluster(os.Args[3])
		return
	}
	os.Exit(m.Run())
}

// fakeCluster answers every connection with its name. It leaves a file "starts" with a
// line for each time that it was started, and "alive" while it runs.
func fakeCluster(file string) {
	var c config
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		say(event{Stage: "failed", Error: err.Error()})
		os.Exit(1)
	}
	starts, _ := os.OpenFile(filepath.Join(c.Dir, "starts"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	fmt.Fprintln(starts, os.Getpid())
	starts.Close()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	for _, stage := range []string{"etcd", "apiserver", "controllers", "node"} {
		say(event{Stage: stage, Done: true})
		if strings.HasPrefix(c.Name, "fails-at-"+stage) {
			say(event{Stage: "failed", Error: "no room for " + stage})
			os.Exit(1)
		}
		if strings.HasPrefix(c.Name, "hangs-at-"+stage) {
			<-term
			return
		}
		if strings.HasPrefix(c.Name, "crashes-at-"+stage) {
			os.Exit(3)
		}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	var child *exec.Cmd
	if strings.HasPrefix(c.Name, "stubborn") {
		signal.Ignore(syscall.SIGTERM)
		child = exec.Command("sleep", "600")
		_ = child.Start()
		fmt.Fprintln(os.Stderr, child.Process.Pid)
	}
	fmt.Println("a line that is no event")
	say(event{Stage: "ready", APIServer: l.Addr().String(), Egress: filepath.Join(c.Dir, "egress.sock")})
	secure := make(handedOver)
	go serveTLS(secure, c)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.answer(conn, secure)
		}
	}()
	if _, err := os.Stat(filepath.Join(c.Dir, "dead")); err == nil {
		os.Exit(9)
	}
	gone := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		if child == nil {
			close(gone)
		}
	}()
	select {
	case <-term:
	case <-gone:
	}
}

// answer takes a line, or hands over what begins as TLS does.
func (c config) answer(conn net.Conn, secure handedOver) {
	in := bufio.NewReader(conn)
	if first, err := in.Peek(1); err == nil && first[0] == 0x16 {
		secure <- eager{conn, in}
		return
	}
	line, _ := in.ReadString('\n')
	switch strings.TrimSpace(line) {
	case "die":
		os.Exit(7)
	case "die for good":
		os.WriteFile(filepath.Join(c.Dir, "dead"), nil, 0o600)
		os.Exit(7)
	}
	fmt.Fprintf(conn, "%s %d\n", c.Name, len(c.Nodes))
	conn.Close()
}

// handedOver is a listener of connections that come from another one.
type handedOver chan net.Conn

func (h handedOver) Accept() (net.Conn, error) { return <-h, nil }
func (h handedOver) Close() error              { return nil }
func (h handedOver) Addr() net.Addr            { return &net.TCPAddr{} }

type eager struct {
	net.Conn
	in *bufio.Reader
}

func (e eager) Read(b []byte) (int, error) { return e.in.Read(b) }

// serveTLS answers over HTTPS, with a certificate of the cluster's CA for its endpoint.
// What clients with a certificate change is noted in the file "tended".
func serveTLS(l net.Listener, c config) {
	ca, err := tls.LoadX509KeyPair(c.CACert, c.CAKey)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP(c.Endpoint)}}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, ca.PrivateKey.(crypto.Signer).Public(), ca.PrivateKey)
	if err != nil {
		panic(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(ca.Leaf)
	server := &http.Server{TLSConfig: &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: clients, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: ca.PrivateKey}}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if (r.Method == http.MethodDelete || r.Method == http.MethodPatch) && len(r.TLS.VerifiedChains) > 0 && r.TLS.PeerCertificates[0].Subject.Organization[0] == "system:masters" {
				tended, _ := os.OpenFile(filepath.Join(c.Dir, "tended"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
				body, _ := io.ReadAll(r.Body)
				fmt.Fprintln(tended, r.Method, r.URL.Path, string(body))
				tended.Close()
			}
			token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			fmt.Fprintf(w, `{"message":"%s %s %s %.5s"}`, c.Name, r.Method, r.URL.Path, token)
		})}
	server.ServeTLS(l, "", "")
}

func say(e event) {
	out, _ := json.Marshal(e)
	fmt.Println(string(out))
}
