//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// room is a state folder with a sandbox of its own, which all who sit in it share.
type room struct {
	t    *testing.T
	dir  string
	self string // signgate: this test binary by that name
	env  []string
}

// newRoom prepares one; the sandbox ends with the test.
func newRoom(t *testing.T) *room {
	t.Helper()
	bin := programs(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, dir: t.TempDir()}
	r.self = filepath.Join(r.dir, "signgate")
	if err := os.Symlink(program, r.self); err != nil {
		t.Fatal(err)
	}
	r.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "SIGNGATE_STATE_DIR=" + r.dir, "SIGNGATE_BIN=" + bin, "PS1=ready> "}
	t.Cleanup(func() { endSandboxes(t, r.dir) })
	return r
}

// signgate runs a verb to its end.
func (r *room) signgate(args ...string) string {
	r.t.Helper()
	cmd := exec.Command(r.self, args...)
	cmd.Env = append(r.env, "TERM=dumb")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("signgate %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// person sits at a pseudo-terminal with a program on it.
type person struct {
	t      *testing.T
	cmd    *exec.Cmd
	keys   *os.File
	before *term.State // of the terminal
	drawn  chan []byte
	screen *vt.Emulator // as it is now
	seen   bytes.Buffer // since what the last look wanted
	led    string       // what was written right before it
	all    bytes.Buffer
}

// The size of a person's terminal.
const rows, columns = 40, 120

// wizard starts the program as a person would: no verb, in the sandbox.
func (r *room) wizard() *person {
	r.t.Helper()
	return r.sit("TERM=xterm-256color", r.self, "--sandbox")
}

// sit puts a person before a program; the program is its terminal's first.
func (r *room) sit(env, name string, args ...string) *person {
	r.t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		r.t.Skipf("no pseudo-terminal here: %v", err)
	}
	defer tty.Close()
	p := &person{t: r.t, keys: keys, drawn: make(chan []byte, 4096), screen: vt.NewEmulator(columns, rows)}
	if p.before, err = term.GetState(tty.Fd()); err != nil {
		r.t.Fatal(err)
	}
	if err := pty.Setsize(keys, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		r.t.Fatal(err)
	}
	p.cmd = exec.Command(name, args...)
	p.cmd.Env = append(r.env, env)
	p.cmd.Dir = r.dir
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = tty, tty, tty
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go p.read()
	go func() { _, _ = io.Copy(io.Discard, p.screen) }() // this terminal answers no questions
	r.t.Cleanup(func() {
		p.screen.Close()
		_ = p.cmd.Process.Kill() // a test that failed in the middle
		keys.Close()
	})
	return p
}

func (p *person) read() {
	defer close(p.drawn)
	for {
		buf := make([]byte, 64<<10)
		n, err := p.keys.Read(buf)
		if n > 0 {
			p.drawn <- buf[:n]
		}
		if err != nil {
			return
		}
	}
}

func (p *person) take(b []byte) {
	_, _ = p.screen.Write(b)
	p.seen.Write(b)
	p.all.Write(b)
}

// look waits until a text is written, in lines or by a shell.
func (p *person) look(text string) {
	p.t.Helper()
	p.wants(text, func() bool {
		led, rest, found := strings.Cut(ansi.Strip(p.seen.String()), text)
		if found {
			p.led = led
			p.seen.Reset()
			p.seen.WriteString(rest)
		}
		return found
	})
}

// see waits until all the texts are on the screen at once. Only what changes there is
// drawn, so the texts are those of the screen that is waited for and of none before it.
func (p *person) see(texts ...string) {
	p.t.Helper()
	p.wants(strings.Join(texts, ", "), func() bool { return p.shows(texts...) })
	p.seen.Reset()
}

func (p *person) press(keys string) {
	p.t.Helper()
	if _, err := p.keys.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// insist presses a key until all the texts are on the screen. A key that is not taken yet is
// refused in words, and only then pressed again: one that was taken is never pressed twice.
func (p *person) insist(key string, texts ...string) {
	p.t.Helper()
	what := strings.Join(texts, ", ")
	for {
		p.press(key)
		p.wants(what, func() bool { return p.shows(texts...) || p.refused() })
		if p.shows(texts...) {
			break
		}
		p.press(noKey) // takes the words away, so that those that come are about the next press
		p.wants(what, func() bool { return p.shows(texts...) || !p.refused() })
		if p.shows(texts...) {
			break
		}
	}
	p.seen.Reset()
}

// noKey is one that the wizard has no use for: F9.
const noKey = "\x1b[20~"

// refused says whether the screen has words for a key that will be taken later.
func (p *person) refused() bool {
	return p.shows("press it again") || p.shows("other steps are still running") || p.shows("still being asked")
}

// shows says whether all the texts are on the screen.
func (p *person) shows(texts ...string) bool {
	now := p.screen.String()
	return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(now, text) })
}

// wants waits until it has what is wanted.
func (p *person) wants(what string, has func() bool) {
	p.t.Helper()
	late := time.After(waitAtMost)
	for !has() {
		select {
		case b, open := <-p.drawn:
			if !open {
				p.t.Fatalf("it ended before %q; the screen:\n%s", what, p.shown())
			}
			p.take(b)
		case <-late:
			p.t.Fatalf("waiting for %q; the screen:\n%s", what, p.shown())
		}
	}
}

// shown is the screen down to its last line with something on it.
func (p *person) shown() string { return strings.TrimRight(p.screen.String(), " \n") }

// answer waits for a question in lines and answers it.
func (p *person) answer(question, text string) {
	p.t.Helper()
	p.look(question)
	p.press(text + "\r")
}

// pick chooses one of the numbered options by its words.
func (p *person) pick(option string) {
	p.t.Helper()
	p.look(". " + option)
	words := strings.Fields(p.led)
	p.look("Number [")
	p.answer("]: ", words[len(words)-1])
}

// leaves waits for the program's end and checks its exit code, its last words, and
// that the terminal is as it was.
func (p *person) leaves(code int, words string) {
	p.t.Helper()
	for b := range p.drawn {
		p.take(b)
	}
	got := p.wait()
	if text := ansi.Strip(p.seen.String()); got != code || !strings.Contains(text, words) {
		p.t.Fatalf("exit code %d, want %d with %q; last words %q", got, code, words, text[max(0, len(text)-1000):])
	}
	p.restored()
}

// wait is the program's end, and its exit code.
func (p *person) wait() int {
	p.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(waitAtMost):
		p.t.Fatal("the program does not end")
		return 0
	}
}

// restored checks that what the program switched on at the terminal it has switched
// off again: the other screen, the hidden cursor, and the modes of its input.
func (p *person) restored() {
	p.t.Helper()
	all := p.all.String()
	for _, mode := range []struct{ name, on, off string }{
		{"the alternate screen", "\x1b[?1049h", "\x1b[?1049l"},
		{"the hidden cursor", "\x1b[?25l", "\x1b[?25h"},
		{"bracketed paste", "\x1b[?2004h", "\x1b[?2004l"},
		{"the mouse", "\x1b[?1002h", "\x1b[?1002l"},
	} {
		if strings.LastIndex(all, mode.on) > strings.LastIndex(all, mode.off) {
			p.t.Errorf("%s is still on", mode.name)
		}
	}
	if now, err := term.GetState(p.keys.Fd()); err == nil && !reflect.DeepEqual(now, p.before) {
		p.t.Errorf("the terminal's input was left in another mode")
	}
}
