// Command shots makes the pictures of the README from the real program: it runs
// the wizard in the sandbox at a pseudo-terminal, presses the keys that a person
// would, and draws what stands on the screen. It is a module of its own so that
// signgate need not require what only draws it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

const (
	width, height = 108, 30
	patience      = 3 * time.Minute
)

func main() {
	bin := flag.String("bin", "bin", "`folder` of the binaries")
	out := flag.String("out", "docs/pictures", "`folder` of the pictures")
	freeze := flag.String("freeze", "freeze", "the `program` that draws a screen")
	flag.Parse()
	if err := run(*bin, *out, *freeze); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

func run(bin, out, freeze string) error {
	program, err := filepath.Abs(filepath.Join(bin, "signgate"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	camera := &camera{out: out, freeze: freeze}
	for _, story := range []func(program, state string) error{camera.success, camera.failure} {
		if err := alone(program, story); err != nil {
			return err
		}
	}
	return nil
}

// alone tells a story in a sandbox of its own.
func alone(program string, story func(program, state string) error) error {
	state, err := os.MkdirTemp("", "signgate-shots-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	told := story(program, state)
	return errors.Join(told, exec.Command(program, "sandbox", "down", "--state-dir", state).Run())
}

// asked is from the first screen to the plan.
func (s *screen) asked() error {
	return first(
		func() error { return s.until("a new setup", "\r") },
		func() error { return s.until("acme-demo", "acme-demo\r") },
		func() error { return s.until("✓ permissions", "\r") },
		func() error { return s.until("Montréal", "\r") },
		func() error { return s.until("Repository", "\r") },
		func() error { return s.until("12 create", "") },
	)
}

// success is a setup that goes well.
func (c *camera) success(program, state string) error {
	s, err := open(program, "--sandbox", "--state-dir", state)
	if err != nil {
		return err
	}
	defer s.close()
	return first(
		s.asked,
		func() error { return c.shoot(s, "plan") },
		func() error { return s.insist("\r", "to go") },
		func() error { return s.insist("", "deploying", "healthchecking") },
		func() error { return c.shoot(s, "run") },
		func() error { return s.until("admitted, as it should be", "") },
		func() error { return c.shoot(s, "proof") },
		func() error { return s.insist("\r", "what next") },
		func() error { return c.shoot(s, "summary") },
	)
}

// failure is one that meets a quota: too little disk for a node.
func (c *camera) failure(program, state string) error {
	for _, verb := range [][]string{{"up"}, {"quota", "SSD_TOTAL_GB=10"}} {
		out, err := exec.Command(program, append([]string{"sandbox", "--state-dir", state}, verb...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("sandbox %s: %w\n%s", verb[0], err, out)
		}
	}
	s, err := open(program, "--sandbox", "--state-dir", state)
	if err != nil {
		return err
	}
	defer s.close()
	return first(
		s.asked,
		func() error { return s.insist("\r", "to go") },
		func() error { return s.until("try again", "") }, // once nothing else runs
		func() error { return c.shoot(s, "failure") },
	)
}

func first(acts ...func() error) error {
	for _, act := range acts {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

// screen is a program at a terminal.
type screen struct {
	cmd *exec.Cmd
	tty *os.File

	mu    sync.Mutex
	vt    *vt.Emulator
	drawn time.Time
}

func open(name string, args ...string) (*screen, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: height, Cols: width})
	if err != nil {
		return nil, err
	}
	s := &screen{cmd: cmd, tty: tty, vt: vt.NewEmulator(width, height)}
	go func() { // the terminal's answers to what the program asks it
		buf := make([]byte, 4096)
		for {
			n, err := s.vt.Read(buf)
			if err != nil {
				return
			}
			_, _ = tty.Write(buf[:n])
		}
	}()
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := tty.Read(buf)
			s.mu.Lock()
			_, _ = s.vt.Write(buf[:n])
			s.drawn = time.Now()
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s, nil
}

func (s *screen) close() {
	_ = s.cmd.Process.Kill()
	s.tty.Close()
	_ = s.cmd.Wait()
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vt.String()
}

// calm says whether the screen has stood still for a moment.
func (s *screen) calm() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.drawn) > 150*time.Millisecond
}

func (s *screen) press(keys string) error {
	_, err := s.tty.WriteString(keys)
	return err
}

// until waits for a text on a screen that stands still, then presses keys.
func (s *screen) until(text, keys string) error {
	return s.wait(func() bool { return strings.Contains(s.text(), text) && s.calm() }, "", keys, text)
}

// insist presses a key again and again until one of the texts stands there.
func (s *screen) insist(key string, texts ...string) error {
	return s.wait(func() bool {
		for _, text := range texts {
			if strings.Contains(s.text(), text) {
				return true
			}
		}
		return false
	}, key, "", texts[0])
}

func (s *screen) wait(there func() bool, again, then, what string) error {
	beat := time.NewTicker(20 * time.Millisecond)
	defer beat.Stop()
	for n, late := 0, time.Now().Add(patience); time.Now().Before(late); n++ {
		if there() {
			return s.press(then)
		}
		if again != "" && n%20 == 19 {
			if err := s.press(again); err != nil {
				return err
			}
		}
		<-beat.C
	}
	return fmt.Errorf("%q does not come; the screen shows:\n%s", what, s.text())
}

// camera draws screens.
type camera struct{ out, freeze string }

func (c *camera) shoot(s *screen, name string) error {
	s.mu.Lock()
	frame := s.vt.Render()
	s.mu.Unlock()
	file := filepath.Join(c.out, name+".svg")
	cmd := exec.Command(c.freeze, "--language", "ansi", "--window", "--padding", "16", "--font.size", "13", "--font.family", "monospace",
		"--background", "#171717", "--output", file)
	cmd.Stdin = strings.NewReader(frame)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("draw %s: %w\n%s", name, err, said.String())
	}
	fmt.Println(file)
	return nil
}
