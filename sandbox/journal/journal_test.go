package journal

import (
	"strings"
	"testing"
)

// What a caller wrote into a path is shown on somebody's terminal later.
func TestCallersWordsAreFitForATerminal(t *testing.T) {
	j, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	j.Add(Call{Host: "h\x1b[31m", Method: "GET /\n15:04:05.000 forged", Principal: "user:\u202eevil", Resource: "projects/\x1b]0;x\a" + strings.Repeat("y", 1000)})
	c := j.Calls()[0]
	for _, word := range []string{c.Host, c.Method, c.Principal, c.Resource} {
		if strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r > '~' }) || len(word) > wordMax+len("...") {
			t.Errorf("noted as it came: %q", word)
		}
	}
}
