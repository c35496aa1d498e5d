package tui

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/creack/pty"

	"github.com/signgate/signgate/internal/engine"
)

// waitAtMost bounds what a test waits for. It ends what hangs; no figure is taken from it.
const waitAtMost = time.Minute

// terminal is a pseudo-terminal with the wizard on it, from the side of who looks at it.
type terminal struct {
	*os.File
	wizards *os.File     // the other side, the wizard's
	found   *term.State  // how the wizard found it
	leave   func() error // ends the wizard's context and waits for it to be gone
	pieces  chan []byte  // what is drawn, in its order
	unread  []byte
}

// await reads on until a text was drawn. What was drawn after it is for the next one.
func (d *terminal) await(tb testing.TB, text string) {
	tb.Helper()
	late := time.After(waitAtMost)
	for {
		if _, rest, found := bytes.Cut(d.unread, []byte(text)); found {
			d.unread = rest
			return
		}
		select {
		case b, open := <-d.pieces:
			if !open {
				tb.Fatalf("the terminal closed before %q", text)
			}
			d.unread = append(d.unread, b...)
		case <-late:
			tb.Fatalf("waiting for %q; drawn: %q", text, d.unread)
		}
	}
}

// forget drops what was drawn so far.
func (d *terminal) forget() {
	d.unread = nil
	for len(d.pieces) > 0 {
		<-d.pieces
	}
}

// onTerminal runs the wizard on a pseudo-terminal that answers no query.
func onTerminal(tb testing.TB, b *fakeBackend) *terminal {
	tb.Helper()
	ptm, tty, err := pty.Open()
	if err != nil {
		tb.Skipf("no pseudo-terminal here: %v", err)
	}
	if err := pty.Setsize(ptm, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		tb.Fatal(err)
	}
	found, err := term.GetState(tty.Fd())
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, b, Options{Input: tty, Output: tty, Environ: []string{"TERM=xterm-256color"}})
		done <- err
	}()
	d := &terminal{File: ptm, wizards: tty, found: found, pieces: make(chan []byte, 1024), leave: sync.OnceValue(func() error {
		cancel()
		return <-done
	})}
	go func() {
		for {
			buf := make([]byte, 64<<10)
			n, err := ptm.Read(buf)
			if err != nil {
				close(d.pieces)
				return
			}
			d.pieces <- buf[:n]
		}
	}()
	tb.Cleanup(func() {
		if err := d.leave(); err != nil {
			tb.Error(err)
		}
		ptm.Close() // tty is closed when it is collected: the program's reader may look at it once more
	})
	return d
}

// TestFirstFrameWithoutAnAnswer: a terminal that says nothing sees the first
// frame before anything could have timed out on it.
func TestFirstFrameWithoutAnAnswer(t *testing.T) {
	var took time.Duration
	for range 5 { // a busy machine may be late once; who waits for an answer is late each time
		start := time.Now()
		onTerminal(t, newFake()).await(t, "signgate")
		if took = time.Since(start); took < time.Second {
			return
		}
	}
	t.Errorf("the first frame took %v", took)
}

// BenchmarkKey is the time from a key's byte to the first byte of its frame, on a
// pseudo-terminal, while thirteen steps report a thousand events a second.
func BenchmarkKey(b *testing.B) {
	f := newFake()
	stop := make(chan struct{})
	f.session.hold = make(chan struct{})
	f.session.stream = func(ctx context.Context, emit func(engine.Event)) {
		beat := time.NewTicker(time.Millisecond)
		defer beat.Stop()
		for i := 0; ; i++ {
			select {
			case <-beat.C:
				step := f.session.plan.Steps[i%13].ID
				emit(engine.Event{Type: engine.TypeProgress, Step: step, Progress: &engine.Progress{Stage: fmt.Sprint("part ", i), Done: int64(i % 100), Total: 100}})
			case <-stop:
				return
			case <-ctx.Done():
				return
			}
		}
	}
	on := onTerminal(b, f)
	on.await(b, "a new setup")
	for _, text := range []string{"acme-staging", "europe-west1", "Public log", "create"} {
		on.forget()
		fmt.Fprint(on, "\r")
		on.await(b, text)
	}
	time.Sleep(hold + 50*time.Millisecond) // what a person would do
	fmt.Fprint(on, "\r")
	on.await(b, "steps to go")
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		time.Sleep(time.Duration(3+i%17) * time.Millisecond) // at no fixed point of the frames
		on.forget()
		start := time.Now()
		fmt.Fprint(on, "?")
		want := "Keys"
		if i%2 == 1 {
			want = "The proof"
		}
		on.await(b, want)
		took = append(took, time.Since(start))
	}
	close(stop)
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
}
