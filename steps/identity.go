package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// identity is the service account that the nodes act as, and with them every pod
// without an identity of its own: policy-controller too, unless pods have them.
type identity struct{ cloud }

// projectRoles let nodes report and, where it acts as they do, policy-controller read the key.
func (n Names) projectRoles() []string {
	if n.Federated() {
		return []string{"roles/container.defaultNodeServiceAccount"} // the least that Google names for nodes
	}
	return []string{
		"roles/logging.logWriter", "roles/monitoring.metricWriter", "roles/monitoring.viewer",
		"roles/cloudkms.viewer", "roles/cloudkms.verifier",
	}
}

const readerRole = "roles/artifactregistry.reader"

func (s identity) Info() engine.Info {
	why := "nodes get an account of their own with six narrow roles, instead of the project's default one with all of Editor"
	if s.Federated() {
		why = "nodes get an account that may report and pull images, and nothing of the key: policy-controller gets rights as itself, which no other pod has"
	}
	return engine.Info{
		ID: "identity", Title: "Node identity", Needs: []string{"apis", "registry"},
		Why: why,
		Permissions: []string{
			"iam.serviceAccounts.create", "iam.serviceAccounts.get", "iam.serviceAccounts.enable", "iam.serviceAccounts.delete",
			"resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy",
			"artifactregistry.repositories.getIamPolicy", "artifactregistry.repositories.setIamPolicy"},
	}
}

func (s identity) resource() state.Resource {
	return state.Resource{Kind: "iam.serviceAccount", Name: s.Account()}
}

func (s cloud) accountTitle() string { return "signgate nodes of " + s.ClusterID() }

// description marks the account as ours: it can carry no labels.
func (s identity) description(l engine.Ledger) string {
	return fmt.Sprintf("nodes that run only signed images (%s=%s %s=%s)", labelManager, manager, labelSetup, l.Setup())
}

func (s identity) get(ctx context.Context, l engine.Ledger) (*adminpb.ServiceAccount, error) {
	account, err := lookUp(ctx, s.cloud, l, func(ctx context.Context) (*adminpb.ServiceAccount, error) {
		return s.c.IAM.GetServiceAccount(ctx, &adminpb.GetServiceAccountRequest{Name: s.Account()})
	})
	if err != nil {
		return nil, fmt.Errorf("look up service account %s: %w", s.AccountEmail(), err)
	}
	return account, nil
}

func (s identity) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.Makes()
	account, err := s.get(ctx, l)
	if err != nil {
		return engine.Change{}, err
	}
	if account == nil {
		return engine.Change{Action: engine.Create, Summary: summary}, nil
	}
	if change, clashes := clash(l, s.resource(), summary, another(l, described(account.GetDescription()))); clashes {
		return change, nil
	}
	if account.GetDisabled() {
		return engine.Change{Action: engine.Update, Drift: true, Summary: summary, Before: []string{"disabled"}, After: []string{"enabled"}}, nil
	}
	if change, differs, err := s.rights().differs(ctx, l, summary); err != nil || differs {
		return change, err
	}
	return settled(l, s.resource(), account.GetDescription() == s.description(l), summary), nil
}

func (s identity) rights() rights {
	blind := "the cluster can neither look up signatures nor pull images"
	if s.Federated() {
		blind = "nodes cannot pull images"
	}
	return rights{s.Member(), []grants{{s.projectPolicy(), s.projectRoles()}, {s.repositoryPolicy(), []string{readerRole}}}, blind}
}

func (s identity) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	account, err := s.get(ctx, l)
	if err != nil {
		return err
	}
	if account == nil {
		if account, err = s.create(ctx, l); err != nil {
			return fmt.Errorf("create service account %s: %w", s.AccountEmail(), err)
		}
	}
	if account.GetDisabled() {
		if err := s.c.IAM.EnableServiceAccount(ctx, &adminpb.EnableServiceAccountRequest{Name: s.Account()}); err != nil {
			return fmt.Errorf("enable service account %s: %w", s.AccountEmail(), err)
		}
	}
	err = adopt(l, s.resource(), account.GetDescription() == s.description(l), s.facts(l, account))
	if err != nil {
		return err
	}
	return s.rights().grant(ctx, l, s.unseen(l))
}

// What the record keeps of the account: the id that Google gave it, and those of accounts of that
// name that were deleted by hand. By these policies go on calling them.
const (
	factUniqueID  = "uniqueId"
	factEarlierID = "earlierIds" // joined by commas
)

func (s identity) facts(l engine.Ledger, account *adminpb.ServiceAccount) map[string]string {
	have := l.Entry(s.resource()).Facts
	facts := map[string]string{factUniqueID: account.GetUniqueId()}
	earlier := slices.DeleteFunc(earlierIDs(have), func(id string) bool { return id == account.GetUniqueId() })
	if last := have[factUniqueID]; last != "" && last != account.GetUniqueId() {
		earlier = append(earlier, last)
	}
	if len(earlier) > 0 {
		facts[factEarlierID] = strings.Join(earlier, ",")
	}
	return facts
}

func earlierIDs(facts map[string]string) []string {
	return strings.FieldsFunc(facts[factEarlierID], func(r rune) bool { return r == ',' })
}

// unseen are refusals that pass because the account is new: we made it within the
// last minutes, and not every server of Google's has heard of it.
func (s identity) unseen(l engine.Ledger) func(error) bool {
	e := l.Entry(s.resource())
	return func(err error) bool {
		return e.Phase == state.Made && time.Since(e.Time) < 10*time.Minute && gcp.Unseen(err)
	}
}

func (s identity) create(ctx context.Context, l engine.Ledger) (*adminpb.ServiceAccount, error) {
	if err := l.Intend(s.resource()); err != nil {
		return nil, err
	}
	var account *adminpb.ServiceAccount
	err := s.ask(ctx, l, func(ctx context.Context) (err error) {
		account, err = s.c.IAM.CreateServiceAccount(ctx, &adminpb.CreateServiceAccountRequest{
			Name: s.Project(), AccountId: s.AccountID(),
			ServiceAccount: &adminpb.ServiceAccount{DisplayName: s.accountTitle(), Description: s.description(l)},
		})
		return err
	})
	if err != nil && !gcp.Is(err, codes.AlreadyExists) {
		return nil, err
	}
	// A new account answers 404, or 403, for some seconds.
	err = gcp.Retry{For: time.Minute, When: func(err error) bool { return gcp.Is(err, codes.NotFound, codes.PermissionDenied) },
		Notice: func(error) { notice(l, "the new service account is not visible yet; waiting") },
	}.Do(ctx, func(ctx context.Context) (err error) {
		account, err = s.c.IAM.GetServiceAccount(ctx, &adminpb.GetServiceAccountRequest{Name: s.Account()})
		return err
	})
	return account, err
}

// Undo takes back the roles first: those of a deleted account would stay in the
// policies under another name.
func (s identity) Undo(ctx context.Context, l engine.Ledger) error {
	e := l.Entry(s.resource())
	var deleted []string
	for _, id := range append(earlierIDs(e.Facts), e.Facts[factUniqueID]) {
		deleted = append(deleted, fmt.Sprintf("deleted:%s?uid=%s", s.Member(), id))
	}
	if err := s.rights().revoke(ctx, l, deleted...); err != nil {
		return err
	}
	if !e.Ours() {
		return nil
	}
	account, err := s.get(ctx, l)
	if err != nil {
		return err
	}
	mine := account.GetDescription() == s.description(l) || (e.Phase == state.Made && account.GetUniqueId() == e.Facts[factUniqueID])
	if account != nil && !mine {
		return leaveIt(l, s.resource(), "it is not the one that this setup made")
	}
	if account != nil {
		err := s.c.IAM.DeleteServiceAccount(ctx, &adminpb.DeleteServiceAccountRequest{Name: s.Account()})
		if err != nil && !gcp.NotFound(err) {
			return fmt.Errorf("delete service account %s: %w", s.AccountEmail(), err)
		}
	}
	return l.Gone(s.resource())
}

func (s identity) Commands() []string {
	lines := []string{shell("gcloud", "iam", "service-accounts", "create", s.AccountID(), "--display-name="+s.accountTitle(), "--project="+s.ProjectID())}
	for _, role := range s.projectRoles() {
		lines = append(lines, shell("gcloud", "projects", "add-iam-policy-binding", s.ProjectID(), "--member="+s.Member(), "--role="+role, "--condition=None"))
	}
	return append(lines, shell("gcloud", "artifacts", "repositories", "add-iam-policy-binding", s.RepositoryID(),
		"--location="+s.Region(), "--project="+s.ProjectID(), "--member="+s.Member(), "--role="+readerRole))
}
