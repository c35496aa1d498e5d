package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/state"
)

// readAgain is when the policy controller reads the key again: admission itself
// never asks KMS, so what is lost there takes effect only then.
const readAgain = "when it next reads it (a restart, a change of the policy, every 10 hours) every image is refused"

func (s project) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	f := finding(l, s.resource(), "active, billed")
	p, err := s.c.GetProject(ctx, s.a.Project)
	if _, off := gcp.Disabled(err); !off && gcp.Is(err, codes.NotFound, codes.PermissionDenied) {
		f = is(f, "")
		return []engine.Finding{means(f, engine.Shuts, "gcloud projects undelete "+s.a.Project, "the project is gone, or not to be seen any more")}, nil
	}
	if err != nil {
		return nil, err
	}
	if p.State != "ACTIVE" {
		f = is(f, strings.ToLower(p.State))
		return []engine.Finding{means(f, engine.Shuts, "gcloud projects undelete "+s.a.Project, "the project is being deleted, and its cluster is stopped")}, nil
	}
	billing, _, err := s.c.ProjectBilling(ctx, s.a.Project)
	if err != nil {
		return nil, err
	}
	seen := f.Wanted
	if billing == gcp.BillingOff {
		seen = "active, not billed"
	}
	return []engine.Finding{means(is(f, seen), engine.MayShut, shell("gcloud", "billing", "projects", "link", s.a.Project, "--billing-account=ACCOUNT"),
		"the project has no billing account: Google stops the cluster and the key service")}, nil
}

func (s apis) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	off, err := s.off(ctx)
	if err != nil {
		return nil, err
	}
	var all []engine.Finding
	for _, service := range services() {
		seen := "on"
		if slices.Contains(off, service) {
			seen = "off"
		}
		f := is(finding(l, s.resource(service), "on"), seen)
		if f.Recorded == "" && f.State == engine.Changed {
			f.State = engine.NotYet
		}
		effect, because := lostAPI(service)
		all = append(all, means(f, effect, repairChanged("apis"), because))
	}
	return all, nil
}

// lostAPI is what the gate loses with an API.
func lostAPI(service string) (engine.Effect, string) {
	switch service {
	case "cloudkms.googleapis.com":
		return engine.MayShut, "the API of Cloud KMS is off: nothing can be signed, and the policy controller cannot read the key; " + readAgain
	case "artifactregistry.googleapis.com":
		return engine.Shuts, "the API of Artifact Registry is off: the cluster can neither look up signatures nor pull images"
	case "container.googleapis.com":
		return engine.Harmless, "the API of Kubernetes Engine is off: what runs goes on, but nobody can look at the cluster or change it from here"
	case "iam.googleapis.com":
		return engine.Harmless, "the API of IAM is off: the nodes' account works on, but cannot be looked at"
	}
	return engine.Harmless, "only signgate itself asks " + service
}

func (s keyring) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	ring, err := s.get(ctx, l)
	if err != nil {
		return nil, err
	}
	f := is(finding(l, s.resource(), "there"), when(ring != nil, "there"))
	return []engine.Finding{means(f, engine.MayShut, repairMissing, "the key ring is gone, and with it the key; "+readAgain)}, nil
}

func (s registry) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	repo, err := s.get(ctx, l)
	if err != nil {
		return nil, err
	}
	f := finding(l, s.resource(), "a standard repository for Docker")
	seen := when(repo != nil, f.Wanted)
	if repo != nil {
		if p := s.differs(repo); p != nil {
			seen = p.What
		} else if f.Recorded == state.Made && !s.mine(l, repo) {
			return []engine.Finding{means(is(f, seen+", without our labels"), engine.Harmless, s.relabel(l), "signgate destroy leaves the repository alone: "+s.notOurs(repo))}, nil
		}
	}
	return []engine.Finding{means(is(f, seen), engine.Shuts, repairMissing, "the repository is gone, and with it every image and signature in it")}, nil
}

func (s identity) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	account, err := s.get(ctx, l)
	if err != nil {
		return nil, err
	}
	f := finding(l, s.resource(), "enabled")
	state := when(account != nil, "enabled")
	repair := repairMissing
	if account.GetDisabled() {
		state, repair = "disabled", repairChanged("identity")
	}
	all := []engine.Finding{means(is(f, state), engine.Shuts, repair, "the nodes' account is gone or disabled: they can neither pull images nor look up signatures")}
	roles, err := s.rights().findings(ctx, l, "identity", s.AccountEmail())
	return append(all, roles...), err
}

func (s workload) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	r, err := s.rights(ctx)
	if err != nil {
		return nil, err
	}
	return r.findings(ctx, l, "workload", controllerNamespace+"/"+controllerAccount)
}

// findings are a row for each role of a member, who is called who.
func (r rights) findings(ctx context.Context, l engine.Ledger, step, who string) ([]engine.Finding, error) {
	var all []engine.Finding
	for _, part := range r.parts {
		missing, err := part.missing(ctx, r.member, part.roles)
		if gcp.NotFound(err) { // the policy went with what it was of
			missing, err = part.roles, nil
		}
		if err != nil {
			return all, err
		}
		for _, role := range part.roles {
			f := is(finding(l, binding(part.name, role, r.member), "given"), when(!slices.Contains(missing, role), "given"))
			effect, because := r.lost(role, who)
			all = append(all, means(f, effect, repairChanged(step), because))
		}
	}
	return all, nil
}

// lost is what the gate loses with a role of the member.
func (r rights) lost(role, who string) (engine.Effect, string) {
	switch {
	case strings.HasPrefix(role, "roles/cloudkms."):
		return engine.MayShut, fmt.Sprintf("%s has lost %s: the policy controller cannot read the key any more; %s", who, role, readAgain)
	case role == readerRole:
		return engine.Shuts, fmt.Sprintf("%s has lost %s on the repository: %s", who, role, r.blind)
	}
	return engine.Harmless, who + " has lost " + role + ": the nodes report less"
}

func (s cluster) look(ctx context.Context, l engine.Ledger) ([]engine.Finding, error) {
	c, err := s.get(ctx, l)
	if err != nil {
		return nil, err
	}
	wanted := "running, with our labels"
	if s.a.ExistingCluster {
		wanted = "running"
	}
	f := finding(l, s.resource(), wanted)
	f.Created, _ = time.Parse(time.RFC3339, c.GetCreateTime()) // unknown where it says none
	if c == nil {
		return []engine.Finding{means(is(f, ""), engine.Shuts, repairMissing, "the cluster is gone, and everything that ran in it")}, nil
	}
	seen, effect, because := "running", engine.Harmless, ""
	repair := s.relabel(l)
	switch c.GetStatus() {
	case containerpb.Cluster_RUNNING, containerpb.Cluster_RECONCILING, containerpb.Cluster_DEGRADED:
	default:
		seen = strings.ToLower(c.GetStatus().String())
		effect, because, repair = engine.Shuts, "the cluster is not running ("+seen+")", repairMissing
	}
	if s.a.ExistingCluster {
		return append([]engine.Finding{means(is(f, seen), effect, repair, because)}, s.lookPools(c, l)...), nil
	}
	if p := s.differs(&containerpb.Cluster{Name: c.GetName(), Autopilot: c.GetAutopilot(), Autoscaling: c.GetAutoscaling(), WorkloadIdentityConfig: c.GetWorkloadIdentityConfig()}); p != nil {
		seen, effect, because, repair = p.What, engine.MayShut, p.What+"; "+readAgain, "signgate explain "+p.ID
	}
	if ours(l, c.GetResourceLabels()) {
		seen += ", with our labels"
	} else {
		seen += ", without our labels"
		if because == "" {
			because = "the cluster has lost the labels by which signgate knows it for its own, so it is not touched any more, nor anything removed"
		}
	}
	all := []engine.Finding{means(is(f, seen), effect, repair, because)}
	return append(all, s.lookPools(c, l)...), nil
}

// lookPools looks at what of node pools cannot be changed: account, scopes, identities.
// Autopilot has its own.
func (s cluster) lookPools(c *containerpb.Cluster, l engine.Ledger) []engine.Finding {
	if s.Autopilot() || s.a.ExistingCluster && !s.ownPool() {
		return nil
	}
	if s.ownPool() { // the others are theirs
		c = &containerpb.Cluster{NodePools: slices.DeleteFunc(slices.Clone(c.GetNodePools()), func(p *containerpb.NodePool) bool { return p.GetName() != poolName })}
	}
	faults := make([][]string, len(c.GetNodePools()))
	good := false
	for i, pool := range c.GetNodePools() {
		s.poolDiffers(pool, func(format string, args ...any) { faults[i] = append(faults[i], fmt.Sprintf(format, args...)) })
		good = good || len(faults[i]) == 0
	}
	var all []engine.Finding
	for i, pool := range c.GetNodePools() {
		f := finding(l, state.Resource{Kind: "container.nodePool", Name: s.Cluster() + "/nodePools/" + pool.GetName()}, "the nodes' account and scopes")
		f.Recorded = l.Entry(s.resource()).Phase
		seen := f.Wanted
		if len(faults[i]) > 0 {
			seen = strings.Join(faults[i], "; ")
		}
		all = append(all, means(is(f, seen), engine.MayShut, s.newPool(pool.GetName(), good),
			seen+": a policy controller that comes to run there cannot read the key, or not the repository; "+readAgain))
	}
	return all
}

// newPool are the commands that put a pool as wanted in the place of another: neither
// account nor scopes of one can be changed. A pool that is as wanted will do for it.
func (s cluster) newPool(instead string, other bool) string {
	remove := shell("gcloud", "container", "node-pools", "delete", instead, "--cluster="+s.ClusterID(), s.placeFlag(), "--project="+s.ProjectID())
	if other {
		return remove
	}
	return s.poolCommand() + " && " + remove
}
