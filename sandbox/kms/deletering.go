package kms

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// withDeletion answers what the generated server does not know yet: deleting a key ring,
// which Google has in REST since 2026.
func (s *Service) withDeletion(h http.Handler) (http.Handler, error) {
	deletion, err := front.Google(grpc.NewServer(), front.REST{Besides: http.HandlerFunc(s.serveDeletion)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if part := strings.Split(r.URL.Path, "/"); r.Method == http.MethodDelete && len(part) == 8 && part[1] == "v1" && part[6] == "keyRings" {
			deletion.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	}), err
}

func (s *Service) serveDeletion(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/v1/")
	rule := iam.Rule{Method: "/google.cloud.kms.v1.KeyManagementService/DeleteKeyRing", API: Host, Permission: "cloudkms.keyRings.delete", Changes: true,
		Scopes: []string{"https://www.googleapis.com/auth/cloudkms"}}
	front.ServeBesides(s.iam, w, r, rule, name, func(context.Context) (any, error) { return s.deleteKeyRing(name) })
}

// deleteKeyRing forgets a key ring without keys. Its name stays taken: the names of keys that
// were deleted in it must not come back.
func (s *Service) deleteKeyRing(text string) (*longrunningpb.Operation, error) {
	n, err := s.parse(text, 3)
	if err != nil {
		return nil, err
	}
	var out *longrunningpb.Operation
	err = s.change(func(now time.Time) error {
		r, err := s.findRing(n)
		if err != nil {
			return err
		}
		if len(r.Keys) > 0 {
			return precondition("KeyRing "+n.String()+" still has CryptoKeys: delete them first.", "key_ring.crypto_keys", n)
		}
		delete(s.state.Rings, n.String())
		s.state.Gone = append(s.state.Gone, n.String())
		out, err = s.begin(n, now, &operation{Ring: true})
		return err
	})
	if err == nil {
		err = s.iam.DropPolicy(n.String())
	}
	return out, err
}

// gone says whether a key ring of that name was deleted; the caller holds the lock.
func (s *Service) gone(n name) bool { return slices.Contains(s.state.Gone, n.String()) }
