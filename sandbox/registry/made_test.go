package registry

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write layers.json anew")

// TestLayers makes every layer and holds layers.json to it.
func TestLayers(t *testing.T) {
	t.Parallel()
	all := map[string][]measured{}
	for _, recipes := range recipes() {
		for _, r := range recipes {
			for _, p := range r.platforms {
				for _, l := range r.layers(p) {
					all[r.key(p)] = append(all[r.key(p)], l.measure())
				}
			}
		}
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile("layers.json", text, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(text, layersFile) {
		t.Error("layers.json is not what the recipes make: go test ./sandbox/registry -run TestLayers -update")
	}
}

func BenchmarkFollow(b *testing.B) {
	for b.Loop() {
		if _, _, _, ok := madeHere()["library/nginx"].Manifest("latest"); !ok {
			b.Fatal("no nginx")
		}
	}
}
