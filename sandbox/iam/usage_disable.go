package iam

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signgate/signgate/sandbox/journal"
)

// DisableService switches an API off. What needs it keeps it on, unless that goes too.
func (u *usage) DisableService(_ context.Context, req *serviceusagepb.DisableServiceRequest) (*longrunningpb.Operation, error) {
	p, err := u.consumer(req.GetName())
	if err != nil {
		return nil, err
	}
	k := u.iam
	_, name, ok := strings.Cut(req.GetName(), "/services/")
	switch {
	case !ok:
		return nil, badRequest()
	case k.apis.byName[name] == nil:
		return nil, unknownServices([]string{name})
	case p.State != Active:
		return nil, consumerInvalid(Usage, p.ID)
	}
	off := &serviceusagepb.DisableServiceResponse{Service: service(p, name, false)}
	off.Service.Parent = "projects/" + p.Number
	if !slices.Contains(p.Enabled, name) {
		return done(nothingToDo, off)
	}
	dependents := k.apis.dependents(name, p.Enabled)
	if len(dependents) > 0 && !req.GetDisableDependentServices() {
		return nil, needed(name, dependents)
	}
	if req.GetCheckIfServiceHasUsage() == serviceusagepb.DisableServiceRequest_CHECK && k.called(p, name) {
		return nil, inUse(name)
	}
	var op *longrunningpb.Operation
	err = k.change(func(s *state) error {
		p := k.project(p.ID)
		if k.busy(p) {
			return busy()
		}
		next := p.copy()
		next.Enabled = slices.DeleteFunc(next.Enabled, func(a string) bool { return a == name || slices.Contains(dependents, a) })
		begun, err := k.begin(s, "operations/acat."+opaque(), p.ID, k.latency.EnableService, &emptypb.Empty{}, off)
		if err != nil {
			return err
		}
		*p, op = next, begun
		return nil
	})
	if err != nil {
		return nil, err
	}
	op.Metadata, err = anypb.New(&emptypb.Empty{})
	return op, err
}

// called says whether an API was called for a project in the last 30 days, as far as the
// journal goes back.
func (k *IAM) called(p Project, api string) bool {
	return slices.ContainsFunc(k.journal.Calls(), func(c journal.Call) bool {
		id := projectOf(c.Resource)
		return c.Host == api && (id == p.ID || id == p.Number) && k.clock().Sub(c.Time) < kept && c.Code == codes.OK.String()
	})
}
