package tools

import (
	"path/filepath"
	"testing"
)

func TestRootIsTheCheckout(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	if here, _ := filepath.Abs("../.."); root != here {
		t.Errorf("root %s, want %s", root, here)
	}
}
