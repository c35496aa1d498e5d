package node

import (
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What a node has outlives the cluster's process, and the program its being built again.
func TestShelf(t *testing.T) {
	dir := t.TempDir()
	s := shelf{list: filepath.Join(dir, "images", "n.json"), programs: filepath.Join(dir, "images", "programs")}
	if have, err := s.load(); err != nil || len(have) != 0 {
		t.Errorf("at first there is %v, %v", have, err)
	}
	built := filepath.Join(dir, "controller")
	if err := os.WriteFile(built, []byte("first"), 0o700); err != nil {
		t.Fatal(err)
	}
	kept, err := s.keep("sha256:1", built)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.keep("sha256:1", built); again != kept || err != nil {
		t.Errorf("kept twice: %s, %v", again, err)
	}
	img := &Image{Name: "host/name@sha256:1", Digest: "sha256:1", Config: v1.Config{Entrypoint: []string{"/app/controller"}}, Program: kept}
	if err := s.save(map[string]*Image{img.Name: img, "gone": {Name: "gone", Program: filepath.Join(dir, "gone")}, "nginx": {Name: "nginx"}}); err != nil {
		t.Fatal(err)
	}

	if err := os.Remove(built); err != nil { // as go build does
		t.Fatal(err)
	}
	if err := os.WriteFile(built, []byte("second"), 0o700); err != nil {
		t.Fatal(err)
	}
	have, err := s.load()
	if err != nil || have[img.Name] == nil || have["nginx"] == nil || have["gone"] != nil {
		t.Fatalf("after that there is %v, %v", have, err)
	}
	if have[img.Name].Config.Entrypoint[0] != "/app/controller" {
		t.Errorf("the image is %+v", have[img.Name])
	}
	if data, err := os.ReadFile(have[img.Name].Program); err != nil || string(data) != "first" {
		t.Errorf("its program is %q, %v", data, err)
	}

	if err := os.WriteFile(s.list, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if have, err := s.load(); err == nil || have == nil {
		t.Errorf("a broken list: %v, %v", have, err)
	}
}

// A program on another file system is copied whole, for its owner alone.
func TestCopyProgram(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyProgram(from, to); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("there is %v, %v", left, err)
	}
	if err := copyProgram(filepath.Join(dir, "nothing"), to); err == nil {
		t.Error("nothing was copied")
	}
}
