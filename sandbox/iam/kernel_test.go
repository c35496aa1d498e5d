package iam

import (
	"testing"
	"time"
)

func TestFirstWorld(t *testing.T) {
	k, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	token, _ := k.Mint("user:"+Owner, []string{cloudPlatform}, time.Hour)
	c, err := k.Authenticate(token)
	if err != nil || c.Email != Owner {
		t.Fatalf("authenticate: %+v, %v", c, err)
	}
	if err := k.Check(c, "cloudkms.keyRings.create", "projects/acme-demo/locations/global"); err != nil {
		t.Fatal(err)
	}
	p, _ := k.Project("acme-demo")
	if !k.Holds(c, "cloudkms.cryptoKeyVersions.useToSign", "projects/"+p.Number+"/locations/global/keyRings/a/cryptoKeys/b") {
		t.Fatal("the owner may not sign")
	}
	v := Caller{Email: Viewer, Member: "user:" + Viewer, Scopes: []string{cloudPlatform}}
	if err := k.Check(v, "cloudkms.keyRings.create", "projects/acme-demo/locations/global"); err == nil {
		t.Fatal("the viewer may create key rings")
	}
}
