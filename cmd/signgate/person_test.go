//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"
	"github.com/creack/pty"

	"github.com/signgate/signgate/internal/tools"
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
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "bin")
	if _, err := os.Stat(filepath.Join(bin, "signgate-cluster")); err != nil {
		t.Skip("the sandbox has no programs here: make build")
	}
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
	seen   bytes.Buffer // since what the last look wanted
	led    string       // what was drawn right before it
	all    bytes.Buffer
}

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
	p := &person{t: r.t, keys: keys, drawn: make(chan []byte, 4096)}
	if p.before, err = term.GetState(tty.Fd()); err != nil {
		r.t.Fatal(err)
	}
	if err := pty.Setsize(keys, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
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
	r.t.Cleanup(func() {
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
	p.seen.Write(b)
	p.all.Write(b)
}

// look waits until one of the texts has been drawn, and says which. Since only what
// changes on the screen is drawn again, texts are single words of a new screen.
func (p *person) look(texts ...string) string {
	p.t.Helper()
	return p.insist("", texts...)
}

func (p *person) press(keys string) {
	p.t.Helper()
	if _, err := p.keys.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// insist presses a key until a text is drawn: an answer to a question that has just come up is not taken at once.
func (p *person) insist(key string, texts ...string) string {
	p.t.Helper()
	again := time.NewTicker(300 * time.Millisecond)
	defer again.Stop()
	late := time.After(2 * time.Minute)
	for {
		plain := ansi.Strip(p.seen.String())
		for _, text := range texts {
			if led, rest, found := strings.Cut(plain, text); found {
				p.led = led
				p.seen.Reset()
				p.seen.WriteString(rest)
				return text
			}
		}
		select {
		case b, open := <-p.drawn:
			if !open {
				p.t.Fatalf("it ended before %q; drawn last: %q", texts, plain[max(0, len(plain)-2000):])
			}
			p.take(b)
		case <-again.C:
			if key != "" {
				p.press(key)
			}
		case <-late:
			p.t.Fatalf("waiting for %q; drawn last: %q", texts, plain[max(0, len(plain)-2000):])
		}
	}
}

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
	case <-time.After(time.Minute):
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
