package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"time"

	"github.com/signgate/signgate/sandbox/chart"
)

// pack makes the archive that Helm expects: everything under the chart's name, with
// Chart.yaml first. Times, owners and order are always the same.
func pack(files map[string]string) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	names := slices.Sorted(maps.Keys(files))
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == "Chart.yaml":
			return -1
		case b == "Chart.yaml":
			return 1
		}
		return 0
	})
	for _, name := range names {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: chart.Name + "/" + name, Mode: 0o644, Size: int64(len(files[name])), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
