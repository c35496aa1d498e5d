package tui

import (
	"testing"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"
)

// The short way to measure gives what the long one does, alone and next to anything.
func TestPlainWidth(t *testing.T) {
	for r := rune(0x20); r < 0x3000; r++ {
		s := string(r)
		n, plain := plainWidth(s)
		if plain && (n != ansi.StringWidth(s) || n != ansi.StringWidthWc(s)) {
			t.Errorf("%U: %d columns, by the long way %d and %d", r, n, ansi.StringWidth(s), ansi.StringWidthWc(s))
		}
	}
	part := rapid.OneOf(rapid.StringMatching(`[ -~À-ɏ─-◿✓✗…·]{0,9}`), rapid.SampledFrom([]string{"\x1b[m", "\x1b[1;31m", "\x1b[2m", "\x1b[38;5;1m"}), rapid.String())
	rapid.Check(t, func(rt *rapid.T) {
		s := ""
		for range rapid.IntRange(1, 8).Draw(rt, "parts") {
			s += part.Draw(rt, "part")
		}
		if n, plain := plainWidth(s); plain && n != max(ansi.StringWidth(s), ansi.StringWidthWc(s)) {
			rt.Fatalf("%q: %d columns, by the long way %d and %d", s, n, ansi.StringWidth(s), ansi.StringWidthWc(s))
		}
	})
}
