package steps

import (
	"testing"

	"github.com/signgate/signgate/state"
)

func TestNames(t *testing.T) {
	a := state.Defaults()
	a.Project, a.Suffix, a.Image = "acme-demo", "ann", "ghcr.io/acme/web:v1"
	n := NamesOf(a)
	old := NamesOf(state.Answers{Project: "example.com:acme", Region: "us-east1", Cluster: "gate", Repository: "r", Shape: state.Zonal})
	for _, c := range []struct{ got, want string }{
		{n.KeyRing(), "projects/acme-demo/locations/northamerica-northeast1/keyRings/cosign-ann"},
		{n.KMSRef("2"), "gcpkms://projects/acme-demo/locations/northamerica-northeast1/keyRings/cosign-ann/cryptoKeys/cosign/cryptoKeyVersions/2"},
		{n.Repository(), "projects/acme-demo/locations/northamerica-northeast1/repositories/containers-ann"},
		{n.ImageName(), "northamerica-northeast1-docker.pkg.dev/acme-demo/containers-ann/web"},
		{n.Cluster(), "projects/acme-demo/locations/northamerica-northeast1-a/clusters/cosign-test-cluster-ann"},
		{n.Account(), "projects/acme-demo/serviceAccounts/cosign-test-cluster-ann-sa@acme-demo.iam.gserviceaccount.com"},
		{old.Zone(), "us-east1-b"},
		{old.AccountEmail(), "gate-sa@acme.example.com.iam.gserviceaccount.com"},
		{old.RepositoryPath(), "us-east1-docker.pkg.dev/example.com/acme/r"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	a.Shape = state.Guide
	g := NamesOf(a)
	if g.ClusterLocation() != "northamerica-northeast1" || g.Nodes() != 3 || g.DiskGB() != 100 {
		t.Errorf("the guide's cluster: %s, %d nodes, %d GB", g.ClusterLocation(), g.Nodes(), g.DiskGB())
	}
}
