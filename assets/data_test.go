package assets_test

import (
	"testing"

	"github.com/signgate/signgate/assets"
)

func TestDataCanBeRead(t *testing.T) {
	if p := assets.Prices(); p.ClusterHour == 0 || p.Machines["e2-medium"].Hour == 0 || p.PodCPUHour == 0 || p.PodGBHour == 0 || p.Date == "" || len(p.Sources) == 0 {
		t.Errorf("prices %+v", p)
	}
	if q := assets.Quotas(); q.SSDGB != 500 || q.Addresses == 0 || q.Date == "" || len(q.Sources) == 0 {
		t.Errorf("quotas %+v", q)
	}
	if at := assets.Times(); at["cluster"] != 0 || at["zonal"] < 60 || at["regional"] < at["zonal"] {
		t.Errorf("times %v", at)
	}
	if c := assets.PolicyController(); c.Version == "" || len(c.Digest) != 64 {
		t.Errorf("chart %+v", c)
	}
	seen := map[string]bool{}
	for _, r := range assets.Regions() {
		if r.Place == "" || seen[r.Name] {
			t.Errorf("region %+v", r)
		}
		seen[r.Name] = true
	}
	if !seen["northamerica-northeast1"] {
		t.Error("the guide's region is missing")
	}
}
