package steps

import "fmt"

// Makes says what each step makes, in a line, by the answers alone: for the plan of a
// project in which most cannot be looked at yet, since the APIs are off. Where a
// step can look, its Inspect begins with the same.

func (s project) Makes() string    { return fmt.Sprintf("project %s", s.a.Project) }
func (s apis) Makes() string       { return fmt.Sprintf("%d APIs in %s", len(services()), s.Project()) }
func (s keyring) Makes() string    { return fmt.Sprintf("key ring %q in %s", s.KeyRingID(), s.Region()) }
func (s key) Makes() string        { return s.summary() }
func (s cluster) Makes() string    { return s.summary() }
func (s workload) Makes() string   { return s.summary() }
func (s controller) Makes() string { return s.summary() }
func (s policy) Makes() string     { return s.policySummary() }

func (s registry) Makes() string {
	return fmt.Sprintf("Docker repository %q in %s", s.RepositoryID(), s.Region())
}

func (s copied) Makes() string {
	return fmt.Sprintf("%s as %s, and two more to be refused", s.a.Image, s.ImageName())
}

func (s signing) Makes() string { return "signature of " + s.ImageName() + " by its digest" }

func (s identity) Makes() string {
	return fmt.Sprintf("service account %s with %d roles", s.AccountEmail(), len(s.projectRoles())+1)
}

func (s enforcement) Makes() string {
	return fmt.Sprintf("namespace %q labelled %s=true", s.a.Namespace, includeLabel)
}

func (s proof) Makes() string {
	return fmt.Sprintf("four deployments in namespace %q, three to be refused", s.a.Namespace)
}
