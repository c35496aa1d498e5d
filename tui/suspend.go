package tui

import (
	"io"
	"os"
	"os/signal"
	"time"

	tea "charm.land/bubbletea/v2"
)

// jobs follows the shell's job control. A wish to be suspended (SIGTSTP, and Ctrl+Z by way
// of it) gives the terminal back and stops the program with all of its group; SIGCONT (fg)
// takes the terminal again, also after a SIGSTOP that nobody can see coming. The terminal
// changes hands in the event loop alone, so that the program cannot end in between.
type jobs struct {
	signals chan os.Signal
	drawn   <-chan struct{} // as canvas has it
	wait    time.Duration   // how long to wait for it once the terminal is taken, 0 if it is ours
	lost    error           // why the terminal could not be given or taken
}

// handover asks for the terminal to be given away and taken again; lost says that it could not.
type (
	handover struct {
		stop bool          // sleep in between
		wait time.Duration // for the wizard to be drawn then
	}
	lost struct{ err error }
)

// blank is how long the terminal may stay as the shell left it before it is taken once more,
// and twice as long each time after that, up to blankMax: a busy machine is slow to draw.
const blank, blankMax = 100 * time.Millisecond, 2 * time.Second

func newJobs(drawn <-chan struct{}) *jobs {
	j := &jobs{signals: make(chan os.Signal, 4), drawn: drawn}
	follow(j.signals)
	return j
}

// end follows no longer.
func (j *jobs) end() {
	signal.Stop(j.signals)
	close(j.signals)
}

// listen waits for the shell's next word.
func (j *jobs) listen() tea.Msg {
	for s := range j.signals {
		if stop := stops(s); !stop || noShell() == "" {
			return handover{stop, blank}
		}
	}
	return nil
}

func (j *jobs) update(msg tea.Msg) (cmd tea.Cmd, mine bool) {
	switch msg := msg.(type) {
	case handover:
		j.wait = msg.wait
		return tea.Exec(away{j, msg.stop}, func(err error) tea.Msg {
			if err != nil {
				return lost{err}
			}
			return nil
		}), true
	case lost: // nothing more will be drawn or read
		j.lost = msg.err
		return tea.Quit, true
	}
	return nil, false
}

// sized is the size of the terminal, the last that Bubble Tea looks for when it has taken it.
func (j *jobs) sized() tea.Cmd {
	if j == nil || j.wait == 0 {
		return nil
	}
	wait := j.wait
	j.wait = 0
	return func() tea.Msg { return j.seen(wait) }
}

// seen has the terminal taken once more if the wizard does not come up on it. Bubble Tea
// does not wait for its loop that draws when it ends it, and the last thing that loop does
// is to stop the clock that it draws by. That can come after the clock was started again,
// most easily if the program was stopped in between: then nothing would ever be drawn.
// https://github.com/charmbracelet/bubbletea/issues/1778
func (j *jobs) seen(wait time.Duration) tea.Msg {
	late := time.NewTimer(wait)
	defer late.Stop()
	select {
	case <-j.drawn:
		return j.listen()
	case <-late.C:
		return handover{wait: min(2*wait, blankMax)}
	}
}

// away is what happens while the terminal is not ours, in the form that Bubble Tea runs.
type away struct {
	*jobs
	stop bool
}

func (a away) Run() error {
	if a.stop {
		sleep(a.signals)
	}
	select {
	case <-a.drawn: // before
	default:
	}
	return nil
}

func (away) SetStdin(io.Reader)  {}
func (away) SetStdout(io.Writer) {}
func (away) SetStderr(io.Writer) {}
