package iam

import (
	"slices"
	"testing"
)

func TestSearch(t *testing.T) {
	k, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	k.state.Projects["acme-demo"].Labels = map[string]string{"env": "test", "team": "red"}
	k.state.Projects["acme-tools"].Labels = map[string]string{"env": "test"}
	k.state.Projects["acme-staging"].Parent = "folders/123"
	owner := Caller{Email: Owner, Member: "user:" + Owner}
	for _, c := range []struct {
		query    string
		any, all []string // version 3, version 1
	}{
		{"", []string{"acme-demo", "acme-staging", "acme-tools"}, []string{"acme-demo", "acme-staging", "acme-tools"}},
		{"labels.env:test", []string{"acme-demo", "acme-tools"}, []string{"acme-demo", "acme-tools"}},
		{"labels.env:test labels.team:red", []string{"acme-demo", "acme-tools"}, []string{"acme-demo"}},
		{"labels.env:*  AND NOT labels.team:*", []string{"acme-tools"}, []string{"acme-tools"}},
		{"labels.env:* -labels.team:*", []string{"acme-demo", "acme-staging", "acme-tools"}, []string{"acme-tools"}},
		{"id:acme-demo OR id:acme-tools", []string{"acme-demo", "acme-tools"}, []string{"acme-demo", "acme-tools"}},
		{"name:staging", []string{"acme-staging"}, []string{"acme-staging"}},
		{`NAME="Acme Tools"`, []string{"acme-tools"}, []string{"acme-tools"}},
		{"parent:folders/123", []string{"acme-staging"}, []string{"acme-staging"}},
		{"parent.type:folder parent.id:123", []string{"acme-staging"}, []string{"acme-staging"}},
		{"(id:acme-d* id:acme-t*)", []string{"acme-demo", "acme-tools"}, nil},
		{"lifecycleState:DELETE_REQUESTED", nil, nil},
		{"colour:red", nil, nil},
	} {
		for _, version := range []struct {
			anyOf bool
			want  []string
		}{{true, c.any}, {false, c.all}} {
			found, err := k.SearchProjects(owner, c.query, version.anyOf)
			var ids []string
			for _, p := range found {
				ids = append(ids, p.ID)
			}
			if err != nil || !slices.Equal(ids, version.want) {
				t.Errorf("%q, any of them %v: %q, %v; want %q", c.query, version.anyOf, ids, err, version.want)
			}
		}
	}
	for _, wrong := range []string{"state", ":ACTIVE", "state:", "just words", "id:a AND id:b OR id:c"} {
		if _, err := k.SearchProjects(owner, wrong, true); err == nil {
			t.Errorf("%q is taken for a query", wrong)
		}
	}
}

func TestPage(t *testing.T) {
	all := []int{1, 2, 3, 4, 5}
	var got []int
	token, pages := "", 0
	for {
		part, next, err := Page(all, 2, 100, token)
		if err != nil {
			t.Fatal(err)
		}
		got, pages = append(got, part...), pages+1
		if token = next; token == "" {
			break
		}
	}
	if !slices.Equal(got, all) || pages != 3 {
		t.Errorf("%v in %d pages", got, pages)
	}
	for _, token := range []string{"nonsense", "LTE", "OTk"} { // "-1", "99"
		if _, _, err := Page(all, 2, 100, token); err == nil {
			t.Errorf("the token %q is taken", token)
		}
	}
	if _, _, err := Page(all, -1, 100, ""); err == nil {
		t.Error("a negative size is taken")
	}
	if part, next, _ := Page(all, 0, 3, ""); len(part) != 3 || next == "" {
		t.Errorf("without a size: %v, %q", part, next)
	}
}
