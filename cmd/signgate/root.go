package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signgate/signgate/internal/boot"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
)

// streams are where a verb reads and writes: results to Out, all else to Err.
type streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// app is what every verb shares: streams, the environment as read once, the
// flags that hold for all of them.
type app struct {
	streams
	env environ

	sandbox  bool
	stateDir string
	setup    string
	output   string
	yes      bool

	interrupts *interrupts
	lines      *bufio.Reader // of In, once a question was asked
	trusted    bool          // roots have been set for the whole process
	owes       bool          // a summary, as the last line of JSON
	verb       string        // that changes a setup, and goes on when it is said again
	to         string        // where that stops, as a flag: " --to STEP", "" if it is the whole
	at         string        // the setup that is worked on, "" if none is or nothing came of it
	line       []string      // this command line, without the program
}

// Main runs the command line and returns the exit code.
func Main() int {
	boot.Done()
	kube.Quiet()
	a := &app{streams: streams{os.Stdin, stdout(), os.Stderr}, env: readEnviron(os.Environ()), interrupts: &interrupts{}, line: os.Args[1:]}
	root := newRoot(a)
	root.SetArgs(a.line)
	ctx, done := a.watch(context.Background())
	defer done()
	command, err := root.ExecuteContextC(ctx)
	return a.exit(command.CommandPath(), err)
}

func newRoot(a *app) *cobra.Command {
	var wizard wizardOptions
	root := &cobra.Command{
		Use:   "signgate",
		Short: "A GKE cluster that runs only images signed with your Cloud KMS key",
		Long: `signgate takes a Google Cloud project to a GKE cluster that runs only container
images signed with a Cloud KMS key, and proves it live. Without a verb it opens
the wizard. With --sandbox it works on a Google Cloud on this machine: no account,
no cost.`,
		Args:          noArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkValues(cmd); err != nil {
				return err
			}
			if a.output != "text" && a.output != "json" {
				return usagef("--output is text or json, not %q", a.output)
			}
			if a.setup != "" {
				if err := state.CheckName(a.setup); err != nil {
					return usagef("--setup: %w", err)
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return runWizard(cmd.Context(), a, wizard) },
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{wrongValue(err)} })
	wizard.add(root)
	f := root.PersistentFlags()
	f.BoolVar(&a.sandbox, "sandbox", false, "work on the Google Cloud of this machine instead of the real one")
	f.StringVar(&a.stateDir, "state-dir", a.env.stateDir(), "`folder` for records and the sandbox")
	f.StringVar(&a.setup, "setup", "", "`name` of the setup (default: the only one, or the project's id)")
	f.StringVarP(&a.output, "output", "o", "text", "`format` of results: text, or json (one object a line)")
	f.BoolVarP(&a.yes, "yes", "y", false, "accept the plan without asking")
	root.AddGroup(&cobra.Group{ID: "setup", Title: "The setup:"}, &cobra.Group{ID: "help", Title: "Help and practice:"})
	root.AddCommand(
		newPlan(a), newApply(a), newStatus(a), newDestroy(a), newRotate(a), newSign(a), newTry(a), newDoctor(a), newExport(a),
		newSandbox(a), newExplain(a), newVersion(a),
	)
	root.SetHelpCommandGroupID("help")
	root.SetCompletionCommandGroupID("help")
	return root
}

// usageError is a command line that cannot be meant: exit code 2.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// checkValues refuses a flag whose value is empty, as that of a shell variable is which nobody has set: it
// must not count as a flag that was left out. Answers have rules of their own, which let some be empty;
// a project is none of those. It refuses what is read as a number and is none, too.
func checkValues(cmd *cobra.Command) (err error) {
	answers := map[string]bool{}
	for _, q := range state.Questions() {
		answers[q.Flag] = q.Key != "project"
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		empty := f.Value.Type() == "string" && f.Value.String() == ""
		if list, ok := f.Value.(pflag.SliceValue); ok {
			empty = len(list.GetSlice()) == 0
		}
		n, _ := strconv.ParseFloat(f.Value.String(), 64)
		switch {
		case err != nil:
		case empty && !answers[f.Name]:
			err = usagef("--%s has no value; is a variable of the shell not set?", f.Name)
		case f.Value.Type() == "float64" && (math.IsNaN(n) || math.IsInf(n, 0)):
			err = usagef("--%s is a number, not %q", f.Name, f.Value)
		}
	})
	return err
}

// wrongValue says of a value that a flag does not take what it takes, and leaves other errors of flags as they are.
func wrongValue(err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return err
	}
	wants := map[string]string{
		"bool": "true or false", "int": "a whole number", "float64": "a number", "duration": "a time such as 3s or 1m30s",
	}[wrong.GetFlag().Value.Type()]
	if wants == "" {
		return err
	}
	return fmt.Errorf("--%s is %s, not %q", wrong.GetFlag().Name, wants, wrong.GetValue())
}

// usageArgs turns a check of arguments into one that fails as wrong usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}

// noArgs refuses arguments; of one that was meant to be a verb, cobra says so.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && cmd.HasSubCommands() {
		return usageArgs(cobra.NoArgs)(cmd, args)
	}
	if len(args) > 0 {
		return usagef("%s takes flags alone, not %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// oneArg wants one argument, as it is called where the command's use is said.
func oneArg(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		_, what, _ := strings.Cut(cmd.Use, " ")
		return usagef("%s needs one %s, not %d", cmd.CommandPath(), what, len(args))
	}
	return nil
}

var errNotAsRecorded = errors.New("not as recorded")
