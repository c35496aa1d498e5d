package steps

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// registry is the private repository that holds the image and its signatures.
type registry struct{ cloud }

func (s registry) Info() engine.Info {
	return engine.Info{
		ID: "registry", Title: "Registry", Needs: []string{"apis"},
		Why:         "the image and its signature lie side by side where only the project's own accounts read",
		Permissions: []string{"artifactregistry.repositories.create", "artifactregistry.repositories.get", "artifactregistry.repositories.delete"},
	}
}

func (s registry) resource() state.Resource {
	return state.Resource{Kind: "artifactregistry.repository", Name: s.Repository()}
}

func (s registry) get(ctx context.Context, l engine.Ledger) (*artifactregistrypb.Repository, error) {
	repo, err := lookUp(ctx, s.cloud, l, func(ctx context.Context) (*artifactregistrypb.Repository, error) {
		return s.c.Artifacts.GetRepository(ctx, &artifactregistrypb.GetRepositoryRequest{Name: s.Repository()})
	})
	if err != nil {
		return nil, fmt.Errorf("look up repository %q: %w", s.RepositoryID(), err)
	}
	return repo, nil
}

// differs says why a repository cannot be used; neither format nor mode can be changed.
func (s registry) differs(repo *artifactregistrypb.Repository) *problem.Problem {
	standard := repo.GetMode() == artifactregistrypb.Repository_STANDARD_REPOSITORY || repo.GetMode() == artifactregistrypb.Repository_MODE_UNSPECIFIED
	if repo.GetFormat() == artifactregistrypb.Repository_DOCKER && standard {
		return nil
	}
	return raise("repository-differs", "repository %q is a %s of format %s, not a standard one for Docker images", s.RepositoryID(), repo.GetMode(), repo.GetFormat())
}

func (s registry) Inspect(ctx context.Context, l engine.Ledger) (engine.Change, error) {
	summary := s.Makes()
	repo, err := s.get(ctx, l)
	switch {
	case err != nil:
		return engine.Change{}, err
	case repo == nil:
		return engine.Change{Action: engine.Create, Summary: summary}, nil
	}
	if p := s.differs(repo); p != nil {
		return engine.Change{Action: engine.Blocked, Summary: summary, Problem: p}, nil
	}
	if change, clashes := clash(l, s.resource(), summary, another(l, repo.GetLabels())); clashes {
		return change, nil
	}
	return settled(l, s.resource(), ours(l, repo.GetLabels()), summary), nil
}

func (s registry) Apply(ctx context.Context, _ engine.Change, l engine.Ledger) error {
	if err := resume(ctx, l, s.c.Artifacts, s.resource()); err != nil {
		return err
	}
	repo, err := s.get(ctx, l)
	if err != nil {
		return err
	}
	if repo == nil {
		err := s.create(ctx, l)
		if err != nil && !gcp.Is(err, codes.AlreadyExists) {
			return fmt.Errorf("create repository %q: %w", s.RepositoryID(), err)
		}
		if repo, err = s.get(ctx, l); err != nil {
			return err
		}
		if repo == nil {
			return fmt.Errorf("create repository %q: it was made and is gone again", s.RepositoryID())
		}
	}
	if p := s.differs(repo); p != nil {
		return p
	}
	return adopt(l, s.resource(), ours(l, repo.GetLabels()), map[string]string{factCreated: created(repo)})
}

// factCreated is under which the record keeps when Google made the repository, to the
// fraction of a second. Another of the same name was made later.
const factCreated = "createTime"

func created(repo *artifactregistrypb.Repository) string {
	return repo.GetCreateTime().AsTime().Format(time.RFC3339Nano)
}

// mine says whether a repository that is there is the one that this setup made: by its
// labels, or, where somebody has changed those, by when it was made.
func (s registry) mine(l engine.Ledger, repo *artifactregistrypb.Repository) bool {
	e := l.Entry(s.resource())
	return ours(l, repo.GetLabels()) || e.Phase == state.Made && another(l, repo.GetLabels()) == "" && e.Facts[factCreated] == created(repo)
}

func (s registry) create(ctx context.Context, l engine.Ledger) error {
	if err := l.Intend(s.resource()); err != nil {
		return err
	}
	return s.ask(ctx, l, func(ctx context.Context) error {
		op, err := s.c.Artifacts.CreateRepository(ctx, &artifactregistrypb.CreateRepositoryRequest{
			Parent: s.Location(), RepositoryId: s.RepositoryID(),
			Repository: &artifactregistrypb.Repository{
				Format: artifactregistrypb.Repository_DOCKER, Mode: artifactregistrypb.Repository_STANDARD_REPOSITORY,
				Description: repositoryDescription, Labels: labels(l),
			},
		})
		if err != nil {
			return err
		}
		return follow(ctx, l, s.c.Artifacts, s.resource(), op)
	})
}

// Undo deletes the repository, and every image in it with it.
func (s registry) Undo(ctx context.Context, l engine.Ledger) error {
	if !l.Entry(s.resource()).Ours() {
		return nil
	}
	if err := resume(ctx, l, s.c.Artifacts, s.resource()); err != nil {
		return err
	}
	repo, err := s.get(ctx, l)
	if err != nil {
		return err
	}
	if repo != nil && !s.mine(l, repo) {
		return leaveIt(l, s.resource(), "%s", s.notOurs(repo))
	}
	if repo != nil {
		op, err := s.c.Artifacts.DeleteRepository(ctx, &artifactregistrypb.DeleteRepositoryRequest{Name: s.Repository()})
		if err == nil && !op.Done() {
			err = gcp.Finish(ctx, s.c.Artifacts, op.Name(), slow(l))
		}
		if err != nil && !gcp.NotFound(err) {
			return fmt.Errorf("delete repository %q: %w", s.RepositoryID(), err)
		}
	}
	return l.Gone(s.resource())
}

// notOurs is what speaks against a repository's being this setup's.
func (s registry) notOurs(repo *artifactregistrypb.Repository) string {
	return fmt.Sprintf("%s, and it is not the one that this setup made (it is of %s)", notLabelled, repo.GetCreateTime().AsTime().Format("15:04 on 2 January 2006"))
}

// relabel is the command that gives the repository this setup's labels.
func (s registry) relabel(l engine.Ledger) string {
	return shell("gcloud", "artifacts", "repositories", "update", s.RepositoryID(), "--location="+s.Region(), "--project="+s.ProjectID(), "--update-labels="+labelFlag(l))
}

const repositoryDescription = "images that only run signed; made by signgate"

func (s registry) Commands() []string {
	return []string{
		shell("gcloud", "artifacts", "repositories", "create", s.RepositoryID(), "--repository-format=docker",
			"--location="+s.Region(), "--project="+s.ProjectID()),
		shell("gcloud", "auth", "configure-docker", s.RegistryHost(), "--quiet"), // so that crane and cosign are let in
	}
}
