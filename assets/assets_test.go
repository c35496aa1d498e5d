package assets

import (
	"io/fs"
	"strings"
	"testing"
)

func TestLessons(t *testing.T) {
	found, err := fs.Glob(lessons, "lessons/*.md")
	if err != nil || len(found) != 14 {
		t.Fatalf("%d lessons, %v", len(found), err)
	}
	for _, id := range []string{"project", "apis", "keyring", "key", "registry", "image", "signature", "identity", "cluster",
		"workload", "controller", "policy", "enforcement", "proof"} {
		text := Lesson(id)
		if n := len(strings.Fields(text)); n < 80 || n > 150 {
			t.Errorf("%s: %d words, want 80 to 150", id, n)
		}
		if strings.Contains(text, "version 1") {
			t.Errorf("%s: a rotation makes another version", id)
		}
		for _, part := range []string{"**Why it matters:**", "**By hand:**"} {
			if strings.Count(text, part) != 1 {
				t.Errorf("%s: wants one %s", id, part)
			}
		}
	}
	if Lesson("no-such-step") != "" {
		t.Error("a lesson for a step that is none")
	}
}
