package iam

import (
	"path"
	"slices"
	"strings"
)

// SearchProjects are the projects that the caller may get and that a query of Resource
// Manager names: "name:how* labels.color:red state:ACTIVE". Where it does not say AND
// or OR, version 3 of the API takes a project for which any of the terms holds, version
// 1 one for which all do.
func (k *IAM) SearchProjects(c Caller, query string, anyOf bool) ([]Project, error) {
	terms, joined, err := parseQuery(query)
	if err != nil {
		return nil, err
	}
	if joined != "" {
		anyOf = joined == "OR"
	}
	var found []Project
	for _, p := range k.Projects() {
		if k.Holds(c, "resourcemanager.projects.get", "projects/"+p.ID) && terms.match(p, anyOf) {
			found = append(found, p)
		}
	}
	return found, nil
}

type term struct {
	field, value string
	not          bool
}

type query []term

// parseQuery reads terms "field:value" and "field=value", and how they are joined:
// "AND", "OR" or "" where it is not said. Both in one query are more than it understands.
func parseQuery(text string) (q query, joined string, err error) {
	not := false
	for _, word := range words(text) {
		switch word {
		case "AND", "OR":
			if joined != "" && joined != word {
				return nil, "", badRequest()
			}
			joined = word
			continue
		case "NOT":
			not = true
			continue
		}
		if rest, ok := strings.CutPrefix(word, "-"); ok {
			word, not = rest, true
		}
		i := strings.IndexAny(word, ":=")
		if i <= 0 || i == len(word)-1 {
			return nil, "", badRequest()
		}
		q = append(q, term{field: strings.ToLower(word[:i]), value: strings.ToLower(strings.Trim(word[i+1:], `"`)), not: not})
		not = false
	}
	return q, joined, nil
}

// words splits at blanks and parentheses outside quotation marks.
func words(text string) []string {
	quoted := false
	return strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t' || r == '\n' || r == '(' || r == ')')
	})
}

func (q query) match(p Project, anyOf bool) bool {
	if len(q) == 0 {
		return true
	}
	for _, t := range q {
		if (t.match(p) != t.not) == anyOf {
			return anyOf
		}
	}
	return !anyOf
}

func (t term) match(p Project) bool {
	kind, id, _ := strings.Cut(p.Parent, "/")
	is := func(value string) bool {
		ok, err := path.Match(t.value, strings.ToLower(value))
		return err == nil && ok
	}
	switch t.field {
	case "name", "displayname":
		return is(p.DisplayName) || slices.Contains(strings.Fields(strings.ToLower(p.DisplayName)), t.value)
	case "id", "projectid", "project":
		return is(p.ID)
	case "projectnumber":
		return is(p.Number)
	case "state", "lifecyclestate":
		return is(string(p.State))
	case "parent":
		return p.Parent == t.value || is(kind+"/"+id)
	case "parent.type":
		return is(strings.TrimSuffix(kind, "s"))
	case "parent.id":
		return is(id)
	case "labels":
		_, ok := p.Labels[t.value]
		return ok
	}
	if key, ok := strings.CutPrefix(t.field, "labels."); ok {
		value, has := p.Labels[key]
		return has && is(value)
	}
	return false
}
