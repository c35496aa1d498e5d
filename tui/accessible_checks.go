package tui

import (
	"strings"
	"sync"

	"github.com/signgate/signgate/state"
)

// newProject offers to make one of that id, where it can be one; without that, names
// are looked for that contain it.
func (l *lines) newProject(id string) (made bool, err error) {
	by, ok := l.backend.(Biller)
	if !ok || !validProject(id) {
		return false, nil
	}
	if n, err := l.choose([]string{"look for names with it", "make a new project " + id}, 0); err != nil || n == 0 {
		return false, err
	}
	for {
		all, err := by.BillingAccounts(l.ctx)
		if err != nil {
			if err := l.retry(err); err != nil {
				return false, err
			}
			continue
		}
		if len(all) == 0 {
			l.say("This account sees no open billing account. Whoever administers billing can give it the role roles/billing.user on one.")
			return false, nil
		}
		l.say("Who pays for it? The first step makes the project; it stays when the rest is removed.")
		var names []string
		for _, a := range all {
			names = append(names, line(a.Display)+", "+line(a.Name))
		}
		n, err := l.choose(names, 0)
		if err != nil {
			return false, err
		}
		l.answers.Project, l.answers.NewProject, l.answers.BillingAccount = id, true, all[n].Name
		return true, nil
	}
}

// checks looks at what a setup needs before it begins, and says each as it ends.
func (l *lines) checks() error {
	by, ok := l.backend.(Preflighter)
	if !ok {
		return nil
	}
	for {
		l.say("Is everything there? Looking changes nothing.")
		var all preflight
		var one sync.Mutex
		err := by.Preflight(l.ctx, l.answers, func(c Check) {
			one.Lock()
			defer one.Unlock()
			all.note(c)
		})
		for _, g := range groups(all.checks) {
			for _, text := range g.rows(theme{}, 1000) {
				l.say("  %s", strings.Join(strings.Fields(text)[1:], " "))
			}
		}
		if err != nil {
			l.trouble(asProblem(err))
		}
		failed := all.failed()
		for _, c := range failed {
			l.trouble(c.Problem)
		}
		if err == nil && len(failed) == 0 {
			return nil
		}
		do, err := l.pickOne([]choice{{doRetry, "look again"}, {doAccept, "go on all the same"}, {doBack, "leave"}})
		switch {
		case err != nil:
			return err
		case do == doAccept:
			return nil
		case do == doBack:
			return errLeave
		}
	}
}

// standings says how the finished setups are found.
func (l *lines) standings(setups []state.Listed) {
	by, ok := l.backend.(Checker)
	if !ok {
		return
	}
	for _, s := range setups {
		if s.Err != nil || s.Record.Finished.IsZero() {
			continue
		}
		found, err := by.Standing(l.ctx, s.Name)
		switch {
		case err != nil:
			l.say("%s: it cannot be told how it stands: %s", line(s.Name), line(asProblem(err).What))
		case found.OK:
			l.say("%s: as it was left.", line(s.Name))
		default:
			l.say("%s: not as it was left: %s", line(s.Name), line(found.Text))
		}
	}
}
