package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A program that was built anew is told, and one that go build only touched is not.
func TestRebuilt(t *testing.T) {
	bin := t.TempDir()
	path := filepath.Join(bin, "policy-controller")
	write := func(text string) {
		t.Helper()
		half := path + ".new" // as go build writes: another file under the name
		if err := os.WriteFile(half, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(half, path); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	b := builtIn(bin)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	later := info.ModTime().Add(1)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if all := b.rebuilt(); len(all) != 0 {
		t.Errorf("touched: %q", all)
	}
	write("again")
	if all := b.rebuilt(); !slices.Equal(all, []string{"policy-controller"}) {
		t.Errorf("built anew: %q", all)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if all := b.rebuilt(); len(all) != 0 { // that is Missing's to tell
		t.Errorf("gone: %q", all)
	}
}
