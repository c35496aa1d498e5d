// Package tui is the wizard: it leads a person from a project to a cluster that
// runs only signed images, shows each step as it happens, and can be left and
// come back to at any moment.
//
// One root model (root.go) owns the size, the screen and the keys; each screen is
// a file; flow.go tells the way from one to the next; theme.go and keys.go hold
// every colour, sign and key. The wizard draws what the engine reports and
// decides nothing about the cloud: all it needs comes through Backend. Nothing
// is asked of the terminal that the first frame would wait for.
//
// Where a screen cannot be drawn or read, the same story is told in lines
// (accessible.go).
package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"

	"github.com/signgate/signgate/internal/problem"
)

// Options are where and how the wizard runs.
type Options struct {
	Input      io.Reader
	Output     io.Writer
	Environ    []string // as os.Environ
	Accessible bool     // lines and numbered questions instead of screens
	Notify     bool     // a bell and a notification when a long run ends

	// Clipboard is this machine's own, the second way beside the terminal's. It may be nil.
	Clipboard func(string) error

	// Interrupt asks to leave as q does: the first time softly, the second time at
	// once. It may be nil.
	Interrupt <-chan struct{}

	// Width and Height are used where Output is no terminal that has a size.
	Width, Height int
	Now           func() time.Time // time.Now if nil
}

// Outcome is how the wizard was left, for what is said and returned after it.
type Outcome struct {
	OK          bool             // a run ended, and all went well
	Interrupted bool             // Ctrl+C, or a run was left before its end
	Setup       string           // the setup at hand, "" if none was
	Resume      string           // the command that goes on with a run that did not end well
	Problem     *problem.Problem // why the last run failed
}

// patience is how long a run, or a look, that was told to end may take to do so.
const patience = 10 * time.Second

// processors is how many of Go's (GOMAXPROCS) the wizard has at least. A goroutine that waits
// for the terminal in a system call keeps its own until the runtime's monitor takes it back, up
// to 10 ms later; with two, a key press would wait for that.
const processors = 4

// Run shows the wizard until the person leaves it. A context that ends takes the
// wizard off the screen and ends the run, resumably; signals are the caller's to
// turn into that. The error is one of the terminal; how the setup went is in the
// Outcome.
func Run(ctx context.Context, b Backend, o Options) (Outcome, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Accessible || Accessible(o.Environ) {
		return runLines(ctx, b, o)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(processors, runtime.GOMAXPROCS(0))))
	a := newApp(ctx, b, o)
	a.awake = "there is no terminal to give back"
	if screen, ok := o.Output.(term.File); ok {
		up := canvas{screen, make(chan struct{}, 1)}
		a.jobs, a.awake, a.doze, o.Output = newJobs(up.drawn), noShell(), askToStop, up
		defer a.jobs.end()
	}
	p := tea.NewProgram(a,
		tea.WithInput(o.Input), tea.WithOutput(o.Output), tea.WithEnvironment(o.Environ),
		tea.WithWindowSize(a.w, a.h), tea.WithFPS(120), tea.WithoutSignalHandler())
	gone := make(chan struct{})
	go func() {
		for {
			select {
			case <-o.Interrupt:
				p.Send(interrupted{})
			case <-ctx.Done(): // not the program's own context: it would not wait for its reader then
				p.Quit()
				return
			case <-gone:
				return
			}
		}
	}()
	_, err := p.Run()
	close(gone)
	if a.jobs != nil {
		err = errors.Join(err, a.jobs.lost)
	}
	if hungUp(err) {
		err = nil // nobody is left to be told
	}
	if left := a.stream; left != nil { // killed in the middle of a run
		left.finish(patience)
		a.leaving = true
		a.run.end(context.Canceled, o.Now())
		a.outcome = a.farewell()
	}
	closed := make(chan error, 1)
	letGo := a.letGo()
	go func() { closed <- letGo() }()
	select {
	case lost := <-closed:
		err = errors.Join(err, lost)
	case <-time.After(patience): // it is still worked on, and stays locked until the process ends
	}
	return a.outcome, err
}

// interrupted asks to leave, from outside.
type interrupted struct{}

// hungUp tells a terminal that is no longer there (closed, or its ssh) from one that fails.
func hungUp(err error) bool { return errors.Is(err, syscall.EIO) }

func newApp(ctx context.Context, b Backend, o Options) *app {
	a := &app{ctx: ctx, backend: b, theme: newTheme(), keys: newKeys(), now: o.Now, world: b.World(), turn: make(chan struct{}, 1),
		doze: func() {}, notify: o.Notify, environ: o.Environ, clipboard: o.Clipboard}
	a.later = func(d time.Duration, msg tea.Msg) tea.Cmd {
		return tea.Tick(d, func(time.Time) tea.Msg { return msg })
	}
	a.w, a.h = o.Width, o.Height
	if f, ok := o.Output.(term.File); ok {
		if w, h, err := term.GetSize(f.Fd()); err == nil && w > 0 && h > 0 {
			a.w, a.h = w, h
		}
	}
	if a.w <= 0 || a.h <= 0 {
		a.w, a.h = 80, 24
	}
	a.screen = newWelcome(a)
	return a
}

// Accessible reports whether the environment asks for lines instead of screens.
func Accessible(environ []string) bool {
	return slices.Contains(environ, "TERM=dumb") || slices.ContainsFunc(environ, func(e string) bool {
		v, ok := strings.CutPrefix(e, "ACCESSIBLE=")
		return ok && v != "" && v != "0" && v != "false"
	})
}

// Farewell is what to tell the person after the wizard, "" if nothing.
func (o Outcome) Farewell() string {
	switch {
	case o.Interrupted && o.Resume != "":
		return fmt.Sprintf("setup %s was left before its end; go on with it by: %s", o.Setup, o.Resume)
	case o.Problem != nil:
		return fmt.Sprintf("setup %s is not finished: %s; go on with it by: %s", o.Setup, line(o.Problem.What), o.Resume)
	}
	return ""
}
