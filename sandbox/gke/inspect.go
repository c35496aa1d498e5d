package gke

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/sandbox/journal"
)

// Identity is a certificate for a cluster's endpoint that its clients trust, of the
// cluster's own CA: for the front, where faults are to happen to single requests.
func (s *Service) Identity(host string) (*tls.Certificate, error) {
	c, err := s.at(host)
	if err != nil {
		return nil, err
	}
	cert, err := issue(s.folder(c.UID), 24*time.Hour, x509.Certificate{
		Subject: pkix.Name{CommonName: host}, IPAddresses: []net.IP{net.ParseIP(host)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return &cert, err
}

// Requests serves single requests to clusters' endpoints, which otherwise pass unseen, and
// journals them: who asked what, without the query. The certificate of a client does not come
// through: clusters know their clients by token.
func (s *Service) Requests() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := s.at(r.Host)
		if err != nil {
			kubernetesError(w, http.StatusNotFound, "NotFound", err.Error())
			return
		}
		start, told := time.Now(), &told{ResponseWriter: w}
		caller, _ := s.iam.Authenticate(bearer(r)) // a service account of Kubernetes is none of ours
		s.pass(told, r, c)
		s.iam.Journal().Add(journal.Call{
			Time: s.iam.Now(), Host: r.Host, Method: r.Method + " " + r.URL.Path, Principal: caller.Member, Code: told.code().String(),
			Millis:  float64(time.Since(start).Microseconds()) / 1000,
			Changes: r.Method != http.MethodGet && r.Method != http.MethodHead && r.URL.Query().Get("dryRun") == "",
		})
	})
}

func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

// told remembers the status of an answer.
type told struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status on its way.
func (t *told) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController see through.
func (t *told) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// code is the status in the journal's words.
func (t *told) code() codes.Code {
	switch {
	case t.status < 300:
		return codes.OK
	case t.status == http.StatusUnauthorized:
		return codes.Unauthenticated
	case t.status == http.StatusForbidden:
		return codes.PermissionDenied
	case t.status == http.StatusNotFound:
		return codes.NotFound
	case t.status == http.StatusConflict:
		return codes.AlreadyExists
	case t.status < 500:
		return codes.InvalidArgument
	}
	return codes.Unavailable
}
