package kms

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// withDeletion answers what the generated server does not know yet: deleting a key ring,
// which Google has in REST since 2026.
func (s *Service) withDeletion(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, "/v1/")
		if part := strings.Split(name, "/"); r.Method != http.MethodDelete || !ok || len(part) != 6 || part[4] != "keyRings" {
			h.ServeHTTP(w, r)
			return
		}
		op, err := s.deleteKeyRing(r.Header.Get("Authorization"), name)
		var body []byte
		if err == nil {
			body, err = protojson.Marshal(op)
		}
		if err != nil {
			front.WriteError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_, _ = w.Write(body)
	})
}

// deleteKeyRing forgets a key ring without keys. Its name stays taken: the names of keys that
// were deleted in it must not come back.
func (s *Service) deleteKeyRing(authorization, text string) (*longrunningpb.Operation, error) {
	caller, err := s.iam.Authenticate(strings.TrimPrefix(authorization, "Bearer "))
	if err != nil {
		return nil, err
	}
	rule := iam.Rule{Method: "google.cloud.kms.v1.KeyManagementService.DeleteKeyRing", API: Host, Permission: "cloudkms.keyRings.delete", Changes: true,
		Scopes: []string{"https://www.googleapis.com/auth/cloudkms"}}
	if err := s.iam.Admit(caller, rule, text); err != nil {
		return nil, err
	}
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
