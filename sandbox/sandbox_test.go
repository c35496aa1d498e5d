package sandbox_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

func start(t testing.TB, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestTemporary(t *testing.T) {
	s := start(t, sandbox.Options{})
	path := s.Credentials(iam.Owner)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(filepath.Dir(path))); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
