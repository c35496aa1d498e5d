package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

type applyOptions struct {
	answers   *answerFlags
	to        string
	overwrite []string
	adopt     string
}

func newApply(a *app) *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:     "apply",
		GroupID: "setup",
		Short:   "Make the setup, or what of it is missing, and prove that it works",
		Long: `Make the setup, or what of it is missing, and prove that it works. What is there already is
looked at first; run again, it goes on where it was, and changes nothing where all is as wanted.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runApply(cmd, a, o) },
	}
	o.answers = addAnswerFlags(cmd)
	cmd.Flags().StringVar(&o.to, "to", "", "stop after this `step` and what it needs")
	cmd.Flags().StringSliceVar(&o.overwrite, "overwrite-changes", nil, "revert what someone changed by hand in these `steps` (--overwrite-changes=policy,controller; without a name: in all)")
	cmd.Flags().Lookup("overwrite-changes").NoOptDefVal = everyStep
	cmd.Flags().StringVar(&o.adopt, "adopt", "", "take over what the setup with this `id`, whose record is lost, made: what carries its label counts as made by this one")
	return cmd
}

func runApply(cmd *cobra.Command, a *app, o applyOptions) error {
	ctx, out := cmd.Context(), a.printer()
	out.preflight = true
	a.owes = true
	a.until(o.to)
	a.verb = "apply" + a.to + overwriting(o.overwrite)
	s, fresh, err := a.prepare(cmd, o.answers)
	if err != nil {
		return err
	}
	defer s.leave(fresh)
	if err := a.resettle(cmd, o.answers, s); err != nil {
		return err
	}
	if err := s.upTo(o.to); err != nil {
		return err
	}
	if err := a.adopt(ctx, s, o.adopt, fresh); err != nil {
		return err
	}
	plan, err := s.feasible(ctx, out.emit)
	if err != nil {
		return err
	}
	overwrite, err := a.decideDrift(ctx, plan, o.overwrite)
	if err != nil {
		return err
	}
	if err := a.agree(ctx, s, plan); err != nil {
		return err
	}
	defer a.stopSoftly(s)()
	out.quiet = plan.Clean()
	return a.ended(s, s.run(ctx, plan, engine.Options{Overwrite: overwrite}, out.emit))
}

// until keeps where an apply stops for the commands that are shown: without it they would make the whole.
func (a *app) until(step string) {
	if step != "" {
		a.to = " --to " + shellQuote(step)
	}
}

// agree asks whether to go on, unless that was said beforehand or nothing is to be done.
func (a *app) agree(ctx context.Context, s *session, plan engine.Plan) error {
	n := plan.Counts()
	if a.yes || n[engine.Create]+n[engine.Update] == 0 {
		return nil
	}
	return a.agreed(ctx, s, "apply this plan to", "changed")
}

// ended says how a run ended, and what was not told yet of why.
func (a *app) ended(s *session, err error) error {
	if err == nil || stopped(err) {
		return err
	}
	var done said
	if !errors.As(err, &done) {
		done = said{problem.From(err)}
		a.explain(done.Problem)
	}
	fmt.Fprintf(a.Err, "signgate: not finished\nsigngate: hint: %s goes on where it was\n", a.lineFor(a.verb, s.Name()))
	return done
}

// prepare opens the world, and in it the setup that the flags speak of, or a new one.
func (a *app) prepare(cmd *cobra.Command, q *answerFlags) (s *session, fresh bool, err error) {
	asked, err := q.over(cmd, state.Defaults())
	if err != nil && !a.fitsRecord(cmd, q, asked.Project) {
		return nil, false, err
	}
	site, err := a.open(cmd.Context())
	if err != nil {
		return nil, false, err
	}
	store, fresh, err := a.record(site, asked)
	if err == nil {
		if s, err = a.newSession(cmd.Context(), site, store); err == nil {
			return s, fresh, nil
		}
		if fresh {
			store.Remove()
		} else {
			store.Close()
		}
	}
	site.Close()
	return nil, false, err
}

// fitsRecord says whether answers that do not fit by themselves do so with those on record: a zone
// with its region.
func (a *app) fitsRecord(cmd *cobra.Command, q *answerFlags, project string) bool {
	dir, err := a.recordsDir()
	if err != nil {
		return false
	}
	name, err := a.pick(dir, project)
	if err != nil {
		return false
	}
	rec, err := state.Read(dir, name)
	if err != nil {
		return false
	}
	_, err = q.over(cmd, rec.Answers)
	return err == nil
}

// record opens the setup's record or starts it.
func (a *app) record(site *site, asked state.Answers) (store *state.Store, fresh bool, err error) {
	name, err := a.wanted(site, asked)
	if err != nil {
		return nil, false, err
	}
	if name != "" {
		store, err := state.Open(site.dir, name)
		switch {
		case err == nil:
			return store, false, nil
		case !errors.Is(err, state.ErrNotFound):
			return nil, false, err
		}
	}
	if asked.Project == "" {
		asked.Project = site.project
	}
	if asked.Project == "" {
		return nil, false, whichProject()
	}
	if err := misfit("", state.Validate(asked)); err != nil {
		return nil, false, err
	}
	if name == "" {
		name = nameFor(asked)
	}
	if err := clashes(site, name, asked); err != nil {
		return nil, false, err
	}
	store, err = state.Create(site.dir, name, state.World{Kind: site.kind}, asked)
	return store, true, err
}

// clashes says whether a setup of that name with these answers would use what another on record here
// made, and will take away. Those on other machines show by the labels of things.
func clashes(site *site, name string, asked state.Answers) error {
	all, err := state.List(site.dir)
	if err != nil {
		return err
	}
	for _, other := range all {
		if shared := steps.Clashes(asked, other.Record); other.Err == nil && other.Name != name && len(shared) > 0 {
			return steps.Clash(list(shared), other.Name)
		}
	}
	return nil
}

// wanted names the setup that answers are for: the one that was named, that of the suffix
// that was given, or the only one; "" where there is none.
func (a *app) wanted(site *site, asked state.Answers) (string, error) {
	given := asked.Project
	if asked.Project == "" {
		asked.Project = site.project
	}
	if a.setup == "" && asked.Suffix != "" && asked.Project != "" {
		return nameFor(asked), nil
	}
	return a.pick(site.dir, given)
}

// nameFor is what a new setup is called where the person names none.
func nameFor(a state.Answers) string { return a.Named(strings.ReplaceAll(a.Project, ":", ".")) }

// resettle takes other answers into a setup that was on record. What earlier ones had begun is
// taken back first, for which it asks.
func (a *app) resettle(cmd *cobra.Command, q *answerFlags, s *session) error {
	want, err := a.reanswered(cmd, q, s)
	if err != nil {
		return err
	}
	replaced, err := s.replaced(want)
	if err != nil {
		return err
	}
	if back := s.begunBy(replaced); len(back) > 0 && !a.yes {
		if err := a.agreed(cmd.Context(), s, "other answers: take back what was begun ("+list(back)+") in", "changed"); err != nil {
			return err
		}
	}
	return s.Change(cmd.Context(), want)
}

// reanswered are a setup's answers, with those that were given now in their place.
func (a *app) reanswered(cmd *cobra.Command, q *answerFlags, s *session) (state.Answers, error) {
	have := s.Answers()
	want, err := q.over(cmd, have)
	if err == nil {
		err = misfit("", state.Validate(want))
	}
	if err == nil && want != have {
		err = clashes(s.site, s.Name(), want)
	}
	return want, err
}
