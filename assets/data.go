package assets

import (
	_ "embed"

	"sigs.k8s.io/yaml"
)

//go:embed prices.yaml
var prices []byte

//go:embed regions.yaml
var regions []byte

//go:embed chart.yaml
var chart []byte

// PriceList is what things cost in US dollars, as of a date.
type PriceList struct {
	Date        string             `json:"date"`
	Region      string             `json:"region"`
	ClusterHour float64            `json:"clusterHour"`
	AddressHour float64            `json:"addressHour"`
	DiskGBMonth float64            `json:"diskGBMonth"`
	KeyMonth    float64            `json:"keyMonth"`
	PodCPUHour  float64            `json:"podCPUHour"` // of Autopilot
	PodGBHour   float64            `json:"podGBHour"`
	Machines    map[string]float64 `json:"machines"`
}

// Prices reads the price list.
func Prices() PriceList { return read[PriceList](prices) }

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
}

// Regions lists them by name.
func Regions() []Region { return read[[]Region](regions) }

// read parses an embedded file; that it can be parsed is a matter of the build, and tested.
func read[T any](data []byte) (v T) {
	if err := yaml.UnmarshalStrict(data, &v); err != nil {
		panic("assets: " + err.Error())
	}
	return v
}
