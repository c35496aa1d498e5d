package iam

import (
	"fmt"
	"sync"
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Many who read, add to and write back one policy at the same time: whoever keeps to
// the etag loses nothing, neither their own change nor another's.
func TestConcurrentPolicy(t *testing.T) {
	k, err := New(Options{Dir: t.TempDir()})
	check(t, err)
	const project, writers = "projects/acme-demo", 12
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for {
				p := k.Policy(project)
				p.Bindings = append(p.Bindings, &iampb.Binding{Role: "roles/browser", Members: []string{fmt.Sprintf("user:u%02d@elsewhere.example", i)}})
				_, err := k.SetPolicy(project, p, nil)
				if status.Code(err) == codes.Aborted {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	all.Wait()
	for i := range writers {
		email := fmt.Sprintf("u%02d@elsewhere.example", i)
		if !k.Holds(Caller{Email: email, Member: "user:" + email}, "resourcemanager.projects.get", project) {
			t.Errorf("the change of %s is lost", email)
		}
	}
}

// FuzzQuery: no query does more than to find some of the projects, or to be refused.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{"", "state:ACTIVE", "name:a* OR -labels.x:y", `("a b":c`, "NOT", "labels.:", "id:[", "a=b AND c:d"} {
		f.Add(q)
	}
	k, err := New(Options{})
	check(f, err)
	owner := Caller{Email: Owner, Member: "user:" + Owner}
	f.Fuzz(func(t *testing.T, q string) {
		found, err := k.SearchProjects(owner, q, true)
		if len(found) > 3 || err != nil && status.Code(err) != codes.InvalidArgument {
			t.Errorf("%q: %v, %v", q, found, err)
		}
	})
}
