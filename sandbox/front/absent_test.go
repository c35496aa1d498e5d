package front_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"testing"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/front"
)

// A host of Google that is not there refuses in its API's own shape, over REST and gRPC.
func TestAbsent(t *testing.T) {
	w := start(t)
	w.Handle("*.googleapis.com", front.Absent(w.journal))
	const words = "compute.googleapis.com is not part of the sandbox, and nothing leaves this machine."
	code, text := w.call(t, w.client(), "GET", "https://compute.googleapis.com/compute/v1/projects/p/zones", "", "")
	if want := `{"error":{"code":403,"message":"` + words + `","status":"PERMISSION_DENIED"}}`; code != http.StatusForbidden || compact(t, text) != want {
		t.Errorf("%d %s", code, text)
	}
	conn, err := grpc.NewClient("passthrough:///compute.googleapis.com:443", grpc.WithContextDialer(w.dial),
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(w.Pool(), "")))
	check(t, err)
	defer conn.Close()
	_, err = kmspb.NewKeyManagementServiceClient(conn).GetKeyRing(t.Context(), &kmspb.GetKeyRingRequest{})
	if s := status.Convert(err); s.Code() != codes.PermissionDenied || s.Message() != words {
		t.Errorf("gRPC: %v", err)
	}
}

// dial asks the proxy for a tunnel, as gRPC's clients do.
func (w *world) dial(ctx context.Context, address string) (net.Conn, error) {
	proxy, err := url.Parse(w.ProxyURL())
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", proxy.Host)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte("CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n")); err != nil {
		return nil, err
	}
	answer := make([]byte, len("HTTP/1.1 200 Connection established\r\n\r\n"))
	_, err = conn.Read(answer)
	return conn, err
}
