package kms

import (
	"strings"
	"testing"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/iam"
)

// FuzzFilter: no filter or order does more than to let versions through, or to be refused.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"state=ENABLED", "(name:1 OR -state!=x) AND create_time>2026-01-01", `name="a`, "NOT NOT (", "labels.a.b=*", "=", strings.Repeat("(", 100)} {
		f.Add(s, "name desc")
	}
	f.Fuzz(func(t *testing.T, filter, by string) {
		all := []*kmspb.CryptoKeyVersion{{Name: "a/1", State: enabled}, {Name: "a/2"}}
		page, _, total, err := list(all, &kmspb.ListCryptoKeyVersionsRequest{Filter: filter, OrderBy: by})
		if len(page) > 2 || total != len(page) || err != nil && status.Code(err) != codes.InvalidArgument {
			t.Errorf("%q, %q: %v, %v", filter, by, page, err)
		}
	})
}

// FuzzName: what is read as a name is written as it was read, and leaves its collections nowhere.
func FuzzName(f *testing.F) {
	for _, s := range []string{"projects/p/locations/global/keyRings/r", "projects/p/locations/global/keyRings/../cryptoKeys/k", "projects//locations/global", "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/01"} {
		f.Add(s)
	}
	k, err := iam.New(iam.Options{})
	if err != nil {
		f.Fatal(err)
	}
	s, err := New(k, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for depth := 2; depth <= 5; depth++ {
			n, err := s.parse(text, depth)
			if err != nil {
				continue
			}
			part := strings.Split(text, "/")
			part[1] = n.project // may be named by its number
			if n.String() != strings.Join(part, "/") {
				t.Errorf("%q was read as %q", text, n)
			}
		}
	})
}
