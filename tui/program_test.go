package tui

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/teatest/v2"

	"github.com/signgate/signgate/internal/engine"
)

// program is the wizard in a real Bubble Tea program. A test waits for what it
// shows, and presses a key then.
type program struct {
	t  *testing.T
	tm *teatest.TestModel
}

// watched is the wizard with a window: a test can look at it between two messages.
type watched struct{ *app }

type look func(*app)

func (w watched) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if l, ok := msg.(look); ok {
		l(w.app)
		return w, nil
	}
	_, cmd := w.app.Update(msg)
	return w, cmd
}

func startProgram(t *testing.T, b *fakeBackend, w, h int) *program {
	t.Helper()
	a := newApp(context.Background(), b, Options{Width: w, Height: h, Now: b.now})
	return &program{t, teatest.NewTestModel(t, watched{a}, teatest.WithInitialTermSize(w, h), teatest.WithProgramOptions(
		tea.WithFPS(120), tea.WithEnvironment([]string{"TERM=xterm-256color"})))}
}

// until waits for the frame to show a text, and no hold to be on.
func (p *program) until(text string) {
	p.t.Helper()
	var last string
	for end := time.Now().Add(waitAtMost); time.Now().Before(end); time.Sleep(time.Millisecond) {
		got := make(chan bool, 1)
		p.tm.Send(look(func(a *app) {
			last = ansi.Strip(a.View().Content)
			got <- !a.holding && strings.Contains(last, text)
		}))
		if <-got {
			return
		}
	}
	p.t.Fatalf("waiting for %q; last frame:\n%s", text, last)
}

func (p *program) press(k string) { p.tm.Send(keyNamed(k)) }

func (p *program) outcome() Outcome {
	p.t.Helper()
	return p.tm.FinalModel(p.t, teatest.WithFinalTimeout(waitAtMost)).(watched).outcome
}

// TestProgramFromWelcomeToSummary is the whole wizard in a real program, from
// the first frame to the last, waiting for what it shows.
func TestProgramFromWelcomeToSummary(t *testing.T) {
	p := startProgram(t, newFake(), 100, 30)
	for _, text := range []string{"a new setup", "acme-staging", "Montréal", "Image to sign", "12 create", "enter summary"} {
		p.until(text)
		p.press("enter")
	}
	p.until("Done in")
	p.press("q")
	if o := p.outcome(); !o.OK {
		t.Errorf("outcome %+v", o)
	}
	var drawn bytes.Buffer
	if _, err := io.Copy(&drawn, p.tm.Output()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(ansi.Strip(drawn.String()), "the image you signed") {
		t.Error("the terminal was not sent the proof")
	}
}

// TestProgramQuitInTheMiddle leaves while a run goes on.
func TestProgramQuitInTheMiddle(t *testing.T) {
	b := newFake()
	b.session.events, b.session.hold = script(), make(chan struct{})
	p := startProgram(t, b, 80, 24)
	for _, text := range []string{"a new setup", "acme-staging", "Montréal", "Image to sign", "12 create"} {
		p.until(text)
		p.press("enter")
	}
	p.until("deploying")
	p.press("q")
	if o := p.outcome(); !o.Interrupted || o.Resume == "" {
		t.Errorf("outcome %+v", o)
	}
}

// TestRunOnASilentTerminal shows the first frame on a terminal that answers
// nothing, and comes back when the context ends.
func TestRunOnASilentTerminal(t *testing.T) {
	b := newFake()
	b.session.events, b.session.hold = script(), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	in, _ := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, b, Options{Input: in, Output: outW, Environ: []string{"TERM=xterm-256color"}, Width: 80, Height: 24})
		outW.Close()
		done <- err
	}()
	var got bytes.Buffer
	buf := make([]byte, 4096)
	for !bytes.Contains(got.Bytes(), []byte("signgate")) {
		n, err := outR.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(buf[:n])
	}
	cancel()
	go io.Copy(io.Discard, outR)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestQuitDuringALook leaves while the setup is looked over: that comes to its end first.
func TestQuitDuringALook(t *testing.T) {
	b := newFake()
	b.setups = setups(b)
	begun, ended := make(chan struct{}), false
	b.session.looking = func(ctx context.Context) error {
		close(begun)
		<-ctx.Done()
		ended = true
		return ctx.Err()
	}
	in, keys := io.Pipe()
	go func() {
		for {
			select {
			case <-begun:
				io.WriteString(keys, "q")
				return
			default:
				io.WriteString(keys, "\r") // heard once it is connected
			}
		}
	}()
	if _, err := Run(t.Context(), b, Options{Input: in, Output: io.Discard, Environ: []string{"TERM=xterm-256color"}, Width: 80, Height: 24}); err != nil {
		t.Fatal(err)
	}
	if !ended || b.session.closed != 1 {
		t.Errorf("the look has ended: %t; the setup was let go %d times", ended, b.session.closed)
	}
}

func BenchmarkView(b *testing.B) {
	f := newFake()
	for range 5000 {
		f.projects = append(f.projects, Project{ID: "acme-demo-" + "x", Name: "Some project"})
	}
	views := map[string]func(*app){
		"run":  func(a *app) {},
		"log":  func(a *app) { a.screen.(*runView).log = true },
		"step": func(a *app) { a.screen.(*runView).open = true },
	}
	for name, prepare := range views {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {300, 100}} {
			b.Run(name+"-"+fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
				a := newApp(context.Background(), f, Options{Width: size[0], Height: size[1], Now: noon})
				a.session, a.plan = f.session, f.session.plan
				a.run = newRun(a.plan, nil, noon())
				for _, ev := range script() {
					a.run.apply(ev, noon())
				}
				for i := range logLimit {
					a.run.apply(engine.Event{Type: engine.TypeNotice, Step: "key", Text: "call number " + string(rune('a'+i%26)), Time: noon()}, noon())
				}
				a.screen = newRunView(a)
				prepare(a)
				for b.Loop() {
					a.View()
				}
			})
		}
	}
	b.Run("projects-5000", func(b *testing.B) {
		a := newApp(context.Background(), f, Options{Width: 120, Height: 40, Now: noon})
		s := newProjects(a)
		for i := range 5000 {
			s.list.add(item{id: string(rune('a' + i%26)), label: "acme-demo", note: "Some project"})
		}
		a.screen = s
		for b.Loop() {
			a.View()
		}
	})
}
