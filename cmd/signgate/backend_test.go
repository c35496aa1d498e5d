package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/connectivity"
)

// TestConnectingAgainClosesNothing: a session goes on working over what it was opened on.
func TestConnectingAgainClosesNothing(t *testing.T) {
	google := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"access_token":"token","token_type":"Bearer","expires_in":3600}`)
	}))
	defer google.Close()
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", serviceAccount(t, google.URL))
	b := &backend{app: &app{stateDir: t.TempDir(), env: readEnviron([]string{
		"HTTPS_PROXY=" + google.URL, // whose tunnels lead nowhere
	})}}
	for range 2 {
		if _, err := b.Connect(t.Context(), func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	first := b.sites[0].clients.KMSConn()
	if now, _ := b.at(); now != b.sites[1] {
		t.Error("what is asked is not what was connected to last")
	}
	if first.GetState() == connectivity.Shutdown {
		t.Error("connecting again has closed the connections of a session")
	}
	b.Close()
	if first.GetState() != connectivity.Shutdown {
		t.Error("a connection is left open at the end")
	}
}

// serviceAccount writes the credential of one whose tokens come from that address.
func serviceAccount(t *testing.T, tokens string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "credentials.json")
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "acme-demo", "client_email": "robot@acme-demo.iam.gserviceaccount.com", "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": tokens,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
