package steps

import (
	"context"
	"fmt"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// workload is what policy-controller may do as itself, where pods have identities of
// their own: look at the one key and read the one repository. No other pod may, and
// no node. It waits for the cluster, since Google refuses a member of the project's
// identity pool until the first cluster has made that pool.
type workload struct{ cloud }

// controllerKeyRoles let policy-controller find the key's version and read its public
// half. On the key alone, and without the right to have Cloud KMS verify, which it never asks for.
func controllerKeyRoles() []string {
	return []string{"roles/cloudkms.viewer", "roles/cloudkms.publicKeyViewer"}
}

func (s workload) Info() engine.Info {
	return engine.Info{
		ID: "workload", Title: "Controller identity", Needs: []string{"key", "registry", "cluster"},
		Why: "policy-controller signs in as itself: it may look at this key and read this repository, and nothing else in the cluster may",
		Permissions: []string{
			"resourcemanager.projects.get", "cloudkms.cryptoKeys.getIamPolicy", "cloudkms.cryptoKeys.setIamPolicy",
			"artifactregistry.repositories.getIamPolicy", "artifactregistry.repositories.setIamPolicy"},
	}
}

func (s workload) summary() string {
	return fmt.Sprintf("%s/%s with %d roles on the key and one on the repository", controllerNamespace, controllerAccount, len(controllerKeyRoles()))
}

// rights of the controller; its name in policies has the project's number in it.
func (s workload) rights(ctx context.Context) (rights, error) {
	p, err := s.c.GetProject(ctx, s.ProjectID())
	if err != nil {
		return rights{}, fmt.Errorf("look up the number of project %s: %w", s.ProjectID(), err)
	}
	return s.rightsOf(p.Number), nil
}

func (s workload) rightsOf(number string) rights {
	return rights{s.ControllerMember(number), []grants{{s.keyPolicy(), controllerKeyRoles()}, {s.repositoryPolicy(), []string{readerRole}}},
		"no signature can be looked up: every image is refused"}
}

func (s workload) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	r, err := s.rights(ctx)
	if err != nil {
		return engine.Change{}, err
	}
	if change, differs, err := r.differs(ctx, l, s.summary()); err != nil || differs {
		return change, err
	}
	for _, e := range l.Entries() {
		if e.Phase == state.Made {
			return engine.Change{Action: engine.None, Summary: s.summary()}, nil
		}
	}
	return engine.Change{Action: engine.Reuse, Summary: s.summary()}, nil
}

func (s workload) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	r, err := s.rights(ctx)
	if err != nil {
		return err
	}
	return r.grant(ctx, l, gcp.NoPool) // the cluster has made it; not every server may have heard of it
}

func (s workload) Undo(ctx context.Context, l engine.Ledger) error {
	r, err := s.rights(ctx)
	if err != nil {
		return err
	}
	return r.revoke(ctx, l)
}

func (s workload) Commands() []string {
	lines := []string{"PROJECT_NUMBER=$(gcloud projects describe " + shell(s.ProjectID()) + " --format='value(projectNumber)')"}
	member := ` --member="` + s.ControllerMember("$PROJECT_NUMBER") + `"`
	for _, role := range controllerKeyRoles() {
		lines = append(lines, shell("gcloud", "kms", "keys", "add-iam-policy-binding", positional(s.a.Key, s.Key()), "--keyring="+s.KeyRingID(),
			"--location="+s.Region(), "--project="+s.ProjectID(), "--role="+role)+member)
	}
	return append(lines, shell("gcloud", "artifacts", "repositories", "add-iam-policy-binding", s.RepositoryID(),
		"--location="+s.Region(), "--project="+s.ProjectID(), "--role="+readerRole)+member)
}
