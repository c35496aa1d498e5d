package steps

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
)

// holder is a resource on which permissions are held, and the service that can say which.
type holder struct {
	kind, name string
	service    gcp.PermissionTester
}

// holders are the project and, below it, what may have a policy of its own. Those
// below need not be there yet.
func (s cloud) holders() []holder {
	return []holder{
		{"project", s.Project(), s.c.Projects},
		{"key ring", s.KeyRing(), s.c.KMS},
		{"key", s.Key(), s.c.KMS},
		{"repository", s.Repository(), s.c.Artifacts},
		{"account", s.Account(), s.c.IAM},
	}
}

// held says of each need on what it is held ("" for not at all), and gives the
// project's answer where that could not be had. A resource adds to what the project's
// policy gives and never takes away; one that is not there yet, or whose API is off,
// answers an error or nothing, and adds nothing.
func (s cloud) held(ctx context.Context, needs []Need) (map[Need]string, error) {
	where := map[Need]string{}
	var mu sync.Mutex
	var failed error
	var wg sync.WaitGroup
	for _, h := range s.holders() {
		var asked []string
		for _, n := range needs {
			if h.kind == "project" || h.kind == n.kind() {
				asked = append(asked, n.Permission)
			}
		}
		wg.Go(func() {
			held, err := gcp.HeldOn(ctx, h.service, h.name, asked)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && h.kind == "project" {
				failed = err
			}
			for _, n := range needs {
				if slices.Contains(held, n.Permission) && (where[n] == "" || h.kind == "project") {
					where[n] = h.kind + " " + h.name[strings.LastIndex(h.name, "/")+1:]
				}
			}
		})
	}
	wg.Wait()
	return where, failed
}

// checkPermissions has a check for each permission. Where the project did not
// answer, what is not held on a resource of its own cannot be told.
func (s preflight) checkPermissions(ctx context.Context) []engine.Check {
	needs := Needs(s.a)
	for _, n := range needs {
		s.tell(engine.Check{ID: "permission:" + n.Permission, Group: "permissions", Title: n.Permission, State: engine.CheckRunning})
	}
	where, err := s.held(ctx, needs)
	all := make([]engine.Check, len(needs))
	for i, n := range needs {
		c := engine.Check{State: engine.CheckPass, Detail: "on " + where[n]}
		switch {
		case where[n] != "":
		case err != nil:
			c = cannotTell(problem.Words(err))
		default:
			c = fail(s.missing([]Need{n}))
		}
		c.ID, c.Group, c.Title = "permission:"+n.Permission, "permissions", n.Permission
		s.tell(c)
		all[i] = c
	}
	return all
}

// missing is the problem of permissions that are not held, and the roles that would mend it.
func (s cloud) missing(needs []Need) *problem.Problem {
	p := raise("permissions-missing", "%d of %d permissions are missing on project %s", len(needs), len(Needs(s.a)), s.a.Project)
	if len(needs) == 1 {
		p.What = needs[0].Permission + " is missing"
	}
	var lines, roles []string
	for _, n := range needs {
		lines = append(lines, n.Permission+" ("+n.Role+")")
		if !slices.Contains(roles, n.Role) {
			roles = append(roles, n.Role)
		}
	}
	p.Words = strings.Join(lines, "\n")
	p.Fix = "ask an owner of the project to run:"
	for _, role := range roles {
		p.Fix += "\n" + shell("gcloud", "projects", "add-iam-policy-binding", s.a.Project, "--member="+s.member(), "--role="+role)
	}
	return p
}

// member is who is signed in, as policies write it; ACCOUNT where the sign-in does not say.
func (s cloud) member() string {
	account := s.c.Account()
	switch {
	case account == "":
		return "user:ACCOUNT"
	case strings.HasSuffix(account, ".gserviceaccount.com"):
		return "serviceAccount:" + account
	}
	return "user:" + account
}

// refusal is why a setup cannot begin: the first check that failed, or all the
// permissions that are missing as one; nil if nothing failed.
func (s cloud) refusal(all []engine.Check) *problem.Problem {
	failed := failures(all)
	if len(failed) == 0 {
		return nil
	}
	if !strings.HasPrefix(failed[0].ID, "permission:") {
		return failed[0].Problem
	}
	var needs []Need
	for _, n := range Needs(s.a) {
		if slices.ContainsFunc(failed, func(c engine.Check) bool { return c.ID == "permission:"+n.Permission }) {
			needs = append(needs, n)
		}
	}
	return s.missing(needs)
}
