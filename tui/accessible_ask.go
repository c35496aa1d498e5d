package tui

import (
	"fmt"
	"strconv"
	"strings"
)

// project asks for the project, a page of the list at a time.
func (l *lines) project() error {
	filter, token := "", ""
	for {
		page, err := l.backend.Projects(l.ctx, filter, token)
		if err != nil {
			if err := l.retry(err); err != nil {
				return err
			}
			continue
		}
		l.say("Which project?")
		for i, p := range page.Projects {
			l.say("  %d. %s, %s", i+1, line(p.ID), line(p.Name))
		}
		hint := "Number, part of a name to look for, or a project id"
		if page.Next != "" {
			hint = "Number, m for more, part of a name to look for, or a project id"
		}
		standard := ""
		if len(page.Projects) > 0 {
			standard = "1"
		} else {
			l.say("No project to show.")
		}
		answer, err := l.ask(hint, standard)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(answer)
		switch {
		case err == nil && n >= 1 && n <= len(page.Projects):
			l.chose(page.Projects[n-1].ID)
			return nil
		case answer == "m" && page.Next != "":
			token = page.Next
		case answer == "": // nothing to choose and nothing said: the whole list again
			filter, token = "", ""
		default:
			if p, err := l.backend.Project(l.ctx, answer); err == nil {
				l.chose(p.ID)
				return nil
			}
			l.say("There is no project with the id %s, or you may not see it.", answer)
			if made, err := l.newProject(answer); made || err != nil {
				return err
			}
			filter, token = answer, ""
		}
	}
}

func (l *lines) chose(project string) {
	l.answers.Project, l.answers.NewProject, l.answers.BillingAccount = project, false, ""
}

func (l *lines) region() error {
	for {
		all, err := l.backend.Regions(l.ctx, l.answers.Project)
		if err != nil {
			if err := l.retry(err); err != nil {
				return err
			}
			continue
		}
		l.say("Which region? Key, images and cluster live there together.")
		options, standard := []string{}, 0
		for i, r := range all {
			options = append(options, strings.Trim(line(r.Name)+", "+line(r.Place)+" "+line(r.Note), ", "))
			if r.Name == l.answers.Region {
				standard = i
			}
		}
		n, err := l.choose(options, standard)
		if err != nil {
			return err
		}
		if l.answers.Region != all[n].Name {
			l.answers.Region, l.answers.Zone = all[n].Name, ""
		}
		return nil
	}
}

// names shows every answer and asks which to change, until the setup can be begun with them.
func (l *lines) names() error {
	for {
		if err := l.form(); err != nil {
			return err
		}
		s, err := l.backend.Create(l.ctx, l.answers)
		if err == nil {
			l.session = s
			return nil
		}
		l.trouble(asProblem(err))
		if l.ctx.Err() != nil {
			return l.ctx.Err()
		}
	}
}

// form shows every answer and asks which to change, until they can be gone on with.
func (l *lines) form() error {
	all := fields()
	for {
		l.say("Names and size:")
		broken := rules(l.answers)
		for i, f := range all {
			l.say("  %d. %s: %s", i+1, f.label, l.valueOf(f, broken[f.Key]))
		}
		l.price()
		answer, err := l.ask("Number of what to change, or nothing to go on", "")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(answer)
		switch {
		case answer == "" && len(broken) == 0:
			return nil
		case err == nil && n >= 1 && n <= len(all):
			if err := l.changeField(all[n-1]); err != nil {
				return err
			}
		default:
			for path, rule := range broken {
				l.say("%s must be %s.", questionName(path), rule)
			}
		}
	}
}

// valueOf is an answer as one would say it, with the rule that it breaks.
func (l *lines) valueOf(f field, rule string) string {
	value := f.get(l.answers)
	for _, o := range f.options {
		if o.value == value {
			value = o.label
		}
	}
	if rule != "" {
		value += "; cannot be: it must be " + rule
	}
	return line(value)
}

// price says what a cluster of these answers costs.
func (l *lines) price() {
	if c, ok := l.backend.Cost(l.answers); ok {
		where := "It costs"
		if l.world.Sandbox {
			where = "It costs nothing here; on Google Cloud"
		}
		l.say("%s about $%.2f an hour, $%.0f a month, until it is removed.", where, c.Hourly, c.Monthly)
	}
}

func (l *lines) changeField(f field) error {
	l.say("%s: %s.", f.label, f.help)
	if f.options != nil {
		return l.changeChoice(f)
	}
	v, err := l.ask("New answer", f.get(l.answers))
	if err != nil {
		return err
	}
	f.set(&l.answers, v)
	if f.Key == "image" && rules(l.answers)["image"] == "" {
		digest, err := l.backend.Digest(l.ctx, l.answers)
		if err != nil {
			l.trouble(asProblem(err))
			return l.ctx.Err()
		}
		l.say("It is %s now; that digest is copied and signed, whatever the tag becomes.", line(digest))
	}
	return nil
}

// changeChoice asks a question with options, each with its price where it has one.
func (l *lines) changeChoice(f field) error {
	var labels []string
	standard := 0
	for i, o := range f.options {
		label := o.label
		a := l.answers
		f.set(&a, o.value)
		if c, ok := l.backend.Cost(a); ok && f.Key == "shape" {
			label += fmt.Sprintf(", $%.2f an hour", c.Hourly)
		}
		labels = append(labels, label)
		if o.value == f.get(l.answers) {
			standard = i
		}
	}
	n, err := l.choose(labels, standard)
	if err == nil {
		f.set(&l.answers, f.options[n].value)
	}
	return err
}
