package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// The names of what is served, as upstream has them.
const (
	Name       = "policy-controller"
	Version    = "0.10.6"
	AppVersion = "0.13.1" // of the controller: v0.13.1
	Repository = "ghcr.io/sigstore/policy-controller/policy-controller"
)

// Archive is the chart's file in the folder of binaries; the record is beside it.
const Archive = "policy-controller-chart.tgz"

// recordOf is where the record of a chart's file is.
func recordOf(archive string) string { return strings.TrimSuffix(archive, ".tgz") + ".json" }

// Record is what was found out when the chart was assembled, so that nothing is hashed
// when the sandbox starts.
type Record struct {
	Format int    `json:"format"`
	Digest string `json:"digest"` // of the archive: SHA-256 in hexadecimal
	Image  Image  `json:"image"`
}

const recordFormat = 1

// Image is the controller's, made from the binary beside the chart. Its one layer is
// no file: it is the binary, framed while it is served.
type Image struct {
	Binary   string `json:"binary"`   // file name
	Size     int64  `json:"size"`     // of the binary, in bytes
	Modified int64  `json:"modified"` // of the binary: Unix seconds
	Sum      string `json:"sum"`      // of the binary: SHA-256 in hexadecimal
	CRC      uint32 `json:"crc"`      // of the archive with it
	Layer    string `json:"layer"`    // digest of the packed archive
	Config   string `json:"config"`   // as it is served
	Manifest string `json:"manifest"`
	Index    string `json:"index"`
}

// Save writes the record beside the archive.
func (r Record) Save(archive string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(recordOf(archive), append(data, '\n'), 0o644)
}

func loadRecord(archive string) (Record, error) {
	var r Record
	data, err := os.ReadFile(recordOf(archive))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%s is damaged: %w", filepath.Base(recordOf(archive)), err)
	}
	if r.Format != recordFormat {
		return r, fmt.Errorf("%s has format %d, this signgate knows %d", filepath.Base(recordOf(archive)), r.Format, recordFormat)
	}
	return r, nil
}
