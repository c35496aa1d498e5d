package tui

import "slices"

// action is what a key does; a screen is told the action, not the key.
type action string

// binding is one key (with its aliases), what it does, and why it cannot do so now.
type binding struct {
	Do      action
	Keys    []string // as Bubble Tea names them; the first is shown
	Shown   string   // how the first is written, if not as Bubble Tea names it
	Words   string   // what it does, for the help line
	Off     string   // why it is disabled now; "" if it is not
	Quiet   bool     // works, but has no place in the help line
	Danger  bool     // removes or overwrites something
	Confirm bool     // answers a question: not taken from keys typed before it was asked
}

func (b binding) label() string {
	if b.Shown != "" {
		return b.Shown
	}
	return b.Keys[0]
}

// off disables b with a reason, if the reason is not empty.
func (b binding) off(why string) binding {
	b.Off = why
	return b
}

// says replaces the words of b.
func (b binding) says(words string) binding {
	b.Words = words
	return b
}

// confirms marks b as an answer to a question.
func (b binding) confirms() binding {
	b.Confirm = true
	return b
}

// find returns the binding that a key means.
func find(all []binding, pressed string) (binding, bool) {
	i := slices.IndexFunc(all, func(b binding) bool { return slices.Contains(b.Keys, pressed) })
	if i < 0 {
		return binding{}, false
	}
	return all[i], true
}

// quiet keeps b out of the help line; the help page has it.
func quiet(b binding) binding {
	b.Quiet = true
	return b
}

// The actions.
const (
	doAccept   action = "accept"
	doBack     action = "back"
	doUp       action = "up"
	doDown     action = "down"
	doPageUp   action = "page-up"
	doPageDown action = "page-down"
	doBottom   action = "bottom"
	doLeft     action = "left"
	doRight    action = "right"
	doRetry    action = "retry"
	doChange   action = "change"
	doLog      action = "log"
	doSearch   action = "search"
	doCopy     action = "copy"
	doCommands action = "commands"
	doPause    action = "pause"
	doMode     action = "mode"
	doMore     action = "more"
	doTry      action = "try"
	doSkip     action = "skip"
	doDestroy  action = "destroy"
	doOver     action = "overwrite"
	doMouse    action = "mouse"
	doHelp     action = "help"
	doQuit     action = "quit"
	doStop     action = "interrupt"
	doSuspend  action = "suspend"
)

// keys is the one key map: every binding that any screen offers.
type keys struct {
	Accept, Back                       binding
	Up, Down, PageUp, PageDown         binding
	Bottom                             binding
	Left, Right                        binding
	Retry, Change, Log, Search, Copy   binding
	Commands, Pause, Mode, More, Try   binding
	Skip                               binding
	Destroy, Overwrite                 binding
	Mouse, Help, Quit, Stop, Suspended binding
}

func newKeys() keys {
	b := func(do action, shown, words string, k ...string) binding {
		return binding{Do: do, Keys: k, Shown: shown, Words: words}
	}
	return keys{
		Accept:    b(doAccept, "enter", "go on", "enter"),
		Back:      b(doBack, "esc", "back", "esc"),
		Up:        quiet(b(doUp, "↑", "up", "up", "shift+tab")),
		Down:      b(doDown, "↑↓", "move", "down", "tab"),
		PageUp:    quiet(b(doPageUp, "pgup", "page up", "pgup")),
		PageDown:  quiet(b(doPageDown, "pgdn", "page down", "pgdown")),
		Bottom:    quiet(b(doBottom, "end", "to the end", "end")),
		Left:      quiet(b(doLeft, "←", "previous", "left")),
		Right:     b(doRight, "←→", "choose", "right"),
		Retry:     b(doRetry, "r", "try again", "r"),
		Change:    b(doChange, "c", "change answers", "c"),
		Log:       b(doLog, "l", "log", "l"),
		Search:    b(doSearch, "/", "search", "/"),
		Copy:      b(doCopy, "y", "copy command", "y"),
		Commands:  b(doCommands, "w", "what one would type", "w"),
		Pause:     b(doPause, "p", "pause", "p"),
		Mode:      b(doMode, "m", "learn mode", "m"),
		More:      b(doMore, "o", "their own words", "o", "ctrl+o"),
		Try:       b(doTry, "t", "try an image", "t"),
		Skip:      b(doSkip, "s", "leave it out", "s"),
		Destroy:   binding{Do: doDestroy, Keys: []string{"D"}, Words: "destroy", Danger: true},
		Overwrite: binding{Do: doOver, Keys: []string{"O"}, Words: "overwrite changes", Danger: true, Confirm: true},
		Mouse:     quiet(b(doMouse, "f2", "mouse on or off (it takes away the terminal's own selection)", "f2")),
		Help:      b(doHelp, "?", "help", "?", "f1"),
		Quit:      b(doQuit, "q", "quit", "q"),
		Stop:      b(doStop, "ctrl+c", "quit", "ctrl+c"),
		Suspended: quiet(b(doSuspend, "ctrl+z", "suspend", "ctrl+z")),
	}
}
