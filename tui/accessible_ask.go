package tui

import (
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
			l.answers.Project = page.Projects[n-1].ID
			return nil
		case answer == "m" && page.Next != "":
			token = page.Next
		default:
			if p, err := l.backend.Project(l.ctx, answer); err == nil && answer != "" {
				l.answers.Project = p.ID
				return nil
			}
			l.say("There is no project with the id %s, or you may not see it. Looking for names with it.", answer)
			filter, token = answer, ""
		}
	}
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

// names shows every answer and asks which to change, until they can be gone on with.
func (l *lines) names() error {
	all := fields()
	for {
		l.say("Names and size:")
		broken := rules(l.answers)
		for i, f := range all {
			value := f.get(l.answers)
			for _, o := range f.options {
				if o.value == value {
					value = o.label
				}
			}
			if rule, bad := broken[f.path]; bad {
				value += "; cannot be: it must be " + rule
			}
			l.say("  %d. %s: %s", i+1, f.label, line(value))
		}
		answer, err := l.ask("Number of what to change, or nothing to go on", "")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(answer)
		switch {
		case answer == "" && len(broken) == 0:
			s, err := l.backend.Create(l.ctx, l.answers)
			if err == nil {
				l.session = s
				return nil
			}
			l.trouble(asProblem(err))
		case err == nil && n >= 1 && n <= len(all):
			if err := l.changeField(all[n-1]); err != nil {
				return err
			}
		default:
			for path, rule := range broken {
				l.say("%s must be %s.", path, rule)
			}
		}
	}
}

func (l *lines) changeField(f field) error {
	l.say("%s: %s.", f.label, f.help)
	if f.options == nil {
		v, err := l.ask("New answer", f.get(l.answers))
		if err == nil {
			f.set(&l.answers, v)
		}
		return err
	}
	var labels []string
	standard := 0
	for i, o := range f.options {
		labels = append(labels, o.label)
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
