package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"

	"github.com/signgate/signgate/internal/tools"
)

// person sits at a pseudo-terminal with the wizard on it.
type person struct {
	t     *testing.T
	cmd   *exec.Cmd
	keys  *os.File
	drawn chan []byte
	seen  bytes.Buffer // since the last look that found what it wanted
}

// sit starts the program as a person would: no verb, in the sandbox of this state folder.
func sit(t *testing.T, dir, bin string) *person {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "--sandbox")
	cmd.Args[0] = "signgate" // the test binary is the program by that name
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TERM=xterm-256color", "SIGNGATE_STATE_DIR=" + dir, "SIGNGATE_BIN=" + bin}
	keys, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		t.Skipf("no pseudo-terminal here: %v", err)
	}
	p := &person{t: t, cmd: cmd, keys: keys, drawn: make(chan []byte, 1024)}
	go func() {
		defer close(p.drawn)
		for {
			buf := make([]byte, 64<<10)
			n, err := keys.Read(buf)
			if n > 0 {
				p.drawn <- buf[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // a test that failed in the middle
		keys.Close()
	})
	return p
}

// look waits until one of the texts has been drawn, and says which. Since only what
// changes on the screen is drawn again, texts are single words of a new screen.
func (p *person) look(texts ...string) string {
	p.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		plain := ansi.Strip(p.seen.String())
		for _, text := range texts {
			if strings.Contains(plain, text) {
				p.seen.Reset()
				return text
			}
		}
		select {
		case b, open := <-p.drawn:
			if !open {
				p.t.Fatalf("it ended before %q; drawn last: %q", texts, plain[max(0, len(plain)-2000):])
			}
			p.seen.Write(b)
		case <-late:
			p.t.Fatalf("waiting for %q; drawn last: %q", texts, plain[max(0, len(plain)-2000):])
		}
	}
}

func (p *person) press(keys string) {
	p.t.Helper()
	if _, err := p.keys.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

// insist presses a key until a text is drawn: an answer to a question that has just come up is not taken at once.
func (p *person) insist(key, text string) {
	p.t.Helper()
	again := time.NewTicker(300 * time.Millisecond)
	defer again.Stop()
	late := time.After(time.Minute)
	for !strings.Contains(ansi.Strip(p.seen.String()), text) {
		select {
		case b := <-p.drawn:
			p.seen.Write(b)
		case <-again.C:
			p.press(key)
		case <-late:
			p.t.Fatalf("pressing %q for %q", key, text)
		}
	}
	p.seen.Reset()
}

// leaves waits for the program's end and checks its exit code and its last words.
func (p *person) leaves(code int, words string) {
	p.t.Helper()
	for b := range p.drawn {
		p.seen.Write(b)
	}
	got := 0
	var exit *exec.ExitError
	if err := p.cmd.Wait(); errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if text := ansi.Strip(p.seen.String()); got != code || !strings.Contains(text, words) {
		p.t.Fatalf("exit code %d, want %d with %q; last words %q", got, code, words, text[max(0, len(text)-1000):])
	}
}

// The wizard from the first question to the verdicts, left in the middle and resumed.
func TestWizardInTheSandbox(t *testing.T) {
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "bin")
	if _, err := os.Stat(filepath.Join(bin, "signgate-cluster")); err != nil {
		t.Skip("the sandbox has no programs here: make build")
	}
	dir := t.TempDir()
	t.Cleanup(func() { endSandboxes(t, dir) })

	p := sit(t, dir, bin)
	p.look("a new setup")
	p.press("\r")
	p.look("acme-demo")
	p.press("acme-demo")
	p.press("\r")
	p.look("Montréal")
	p.press("\r")
	p.look("Disk")
	p.press("\r")
	p.look("12 ") // to create
	p.insist("\r", "steps to go")
	p.look("deploying", "healthchecking") // the cluster is being made
	p.press("q")
	p.leaves(exitInterrupted, "go on with it by: signgate apply --sandbox --setup acme-demo")

	p = sit(t, dir, bin)
	p.look("acme-demo")
	p.press("\r")
	p.look("create")
	p.insist("\r", "steps to go")
	p.look("wrong-key", "wrong key") // the proof
	p.look("signed")
	p.insist("\r", "cosign.pub") // the summary
	p.press("q")
	p.leaves(exitDone, "")
}
