package assets

import (
	"cmp"
	_ "embed"

	"sigs.k8s.io/yaml"
)

//go:embed prices.yaml
var prices []byte

//go:embed quotas.yaml
var quotas []byte

//go:embed times.yaml
var times []byte

//go:embed regions.yaml
var regions []byte

//go:embed chart.yaml
var chart []byte

// PriceList is what things cost in US dollars, as of a date.
type PriceList struct {
	Date          string             `json:"date"`
	Region        string             `json:"region"`
	Sources       []string           `json:"sources"`
	ClusterHour   float64            `json:"clusterHour"`
	FreeTierMonth float64            `json:"freeTierMonth"`
	AddressHour   float64            `json:"addressHour"`
	DiskGBMonth   float64            `json:"diskGBMonth"`
	KeyMonth      float64            `json:"keyMonth"`
	PodCPUHour    float64            `json:"podCPUHour"` // of Autopilot
	PodGBHour     float64            `json:"podGBHour"`
	Machines      map[string]Machine `json:"machines"`
}

// Machine is a type of machine.
type Machine struct {
	Hour float64 `json:"hour"`
	CPUs int     `json:"cpus"` // as quotas count them
}

// Prices reads the price list.
func Prices() PriceList { return read[PriceList](prices) }

// QuotaList is what a new project may use, as of a date.
type QuotaList struct {
	Date      string   `json:"date"`
	Sources   []string `json:"sources"`
	SSDGB     int      `json:"ssdGB"`
	Addresses int      `json:"addresses"`
	CPUs      int      `json:"cpus"`
	Clusters  int      `json:"clusters"`
	Accounts  int      `json:"accounts"`
}

// Quotas reads it.
func Quotas() QuotaList { return read[QuotaList](quotas) }

// Times are about how many seconds each step takes on Google Cloud; "newProject", "zonal"
// and "regional" stand beside the steps' ids.
func Times() map[string]float64 { return read[map[string]float64](times) }

// Chart is a Helm chart by its exact name: nothing but the archive of this digest is installed.
type Chart struct {
	Repo    string `json:"repo"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"` // SHA-256 of the archive
}

// PolicyController is Sigstore's own chart of it.
func PolicyController() Chart { return read[Chart](chart) }

// Region is a place where everything of a setup can be.
type Region struct {
	Name  string `json:"name"`
	Place string `json:"place"`
	Note  string `json:"note"`  // where the choice matters
	Zones string `json:"zones"` // the letters of its zones
}

// Regions lists them by name.
func Regions() []Region {
	all := read[[]Region](regions)
	for i := range all {
		all[i].Zones = cmp.Or(all[i].Zones, "abc")
	}
	return all
}

// read parses an embedded file; that it can be parsed is a matter of the build, and tested.
func read[T any](data []byte) (v T) {
	if err := yaml.UnmarshalStrict(data, &v); err != nil {
		panic("assets: " + err.Error())
	}
	return v
}
