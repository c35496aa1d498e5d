package iam

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"
	"google.golang.org/genproto/googleapis/api/serviceconfig"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// usage is Service Usage v1: which APIs are on in a project.
type usage struct {
	serviceusagepb.UnimplementedServiceUsageServer
	iam *IAM
}

func (k *IAM) usageRules() []Rule {
	const service = "/google.api.serviceusage.v1.ServiceUsage/"
	rules := []Rule{
		{Method: service + "EnableService", Permission: "serviceusage.services.enable", Changes: true, Denied: usageDenied("enable")},
		{Method: service + "DisableService", Permission: "serviceusage.services.disable", Changes: true, Denied: usageDenied("disable")},
		{Method: service + "GetService", Permission: "serviceusage.services.get", Denied: usageDenied("get")},
		{Method: service + "ListServices", Permission: "serviceusage.services.list", Denied: k.listDenied},
		{Method: service + "BatchEnableServices", Permission: "serviceusage.services.enable", Changes: true, Denied: usageDenied("enable"), Resource: firstService},
		{Method: service + "BatchGetServices", Permission: "serviceusage.services.get", Denied: usageDenied("get"), Resource: firstService},
	}
	for i := range rules {
		rules[i].API = Usage
	}
	return append(rules, k.operationRules(Usage, "serviceusage.services.enable")...)
}

// firstService stands for all of a batch: they are in one project.
func firstService(m proto.Message) string {
	switch req := m.(type) {
	case *serviceusagepb.BatchEnableServicesRequest:
		if len(req.GetServiceIds()) > 0 {
			return req.GetParent() + "/services/" + req.GetServiceIds()[0]
		}
	case *serviceusagepb.BatchGetServicesRequest:
		if _, id, ok := strings.Cut(strings.Join(req.GetNames()[:min(1, len(req.GetNames()))], ""), "/services/"); ok {
			return req.GetParent() + "/services/" + id
		}
	}
	return Target(m)
}

// consumer is the project of "projects/P" or "projects/P/services/S"; the gate has seen
// that the caller may do something with it.
func (u *usage) consumer(name string) (Project, error) {
	p, ok := u.iam.Project(projectOf(name))
	if !ok {
		return p, u.iam.listDenied("", name)
	}
	return p, nil
}

// service is one as an operation shows it.
func service(p Project, name string, on bool) *serviceusagepb.Service {
	out := &serviceusagepb.Service{Name: "projects/" + p.Number + "/services/" + name, State: serviceusagepb.State_DISABLED}
	if on {
		out.State, out.Parent = serviceusagepb.State_ENABLED, "projects/"+p.Number
	}
	return out
}

// configured is one as a list shows it.
func (u *usage) configured(p Project, name string) *serviceusagepb.Service {
	out := service(p, name, u.iam.on(p, name))
	out.Config = &serviceusagepb.ServiceConfig{
		Name: name, Title: u.iam.apis.title(name), Documentation: &serviceconfig.Documentation{},
		Quota: &serviceconfig.Quota{}, Authentication: &serviceconfig.Authentication{},
		Usage: &serviceconfig.Usage{Requirements: []string{"serviceusage.googleapis.com/tos/cloud"}},
	}
	return out
}

func (u *usage) GetService(_ context.Context, req *serviceusagepb.GetServiceRequest) (*serviceusagepb.Service, error) {
	p, err := u.consumer(req.GetName())
	if err != nil {
		return nil, err
	}
	_, name, ok := strings.Cut(req.GetName(), "/services/")
	if !ok {
		return nil, badRequest()
	}
	if u.iam.apis.byName[name] == nil {
		return nil, unknownServices([]string{name})
	}
	return u.configured(p, name), nil
}

func (u *usage) ListServices(_ context.Context, req *serviceusagepb.ListServicesRequest) (*serviceusagepb.ListServicesResponse, error) {
	p, err := u.consumer(req.GetParent())
	if err != nil {
		return nil, err
	}
	want, filtered := strings.CutPrefix(strings.ReplaceAll(req.GetFilter(), " ", ""), "state:")
	if req.GetFilter() != "" && (!filtered || want != "ENABLED" && want != "DISABLED") {
		return nil, badNames("SU_INVALID_FILTER", "Invalid filter: "+req.GetFilter()+".")
	}
	var all []*serviceusagepb.Service
	for _, a := range u.iam.apis.all {
		if s := u.configured(p, a.Name); !filtered || s.GetState().String() == want {
			all = append(all, s)
		}
	}
	part, next, err := Page(all, cmp.Or(req.GetPageSize(), 50), 200, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &serviceusagepb.ListServicesResponse{Services: part, NextPageToken: next}, nil
}

func (u *usage) BatchGetServices(_ context.Context, req *serviceusagepb.BatchGetServicesRequest) (*serviceusagepb.BatchGetServicesResponse, error) {
	p, err := u.consumer(req.GetParent())
	if err != nil {
		return nil, err
	}
	if len(req.GetNames()) == 0 {
		return nil, badNames("SU_MISSING_NAMES", "Request must contain at least one service name.")
	}
	if len(req.GetNames()) > 30 {
		return nil, badNames("SU_TOO_MANY_NAMES", "Request must contain at most 30 service names.")
	}
	out, unknown := &serviceusagepb.BatchGetServicesResponse{}, []string(nil)
	for _, full := range req.GetNames() {
		parent, name, ok := strings.Cut(full, "/services/")
		if q, there := u.iam.Project(projectOf(parent)); !ok || !there || q.ID != p.ID {
			return nil, badRequest()
		}
		if u.iam.apis.byName[name] == nil {
			unknown = append(unknown, name)
			continue
		}
		out.Services = append(out.Services, u.configured(p, name))
	}
	if len(unknown) > 0 {
		return nil, unknownServices(unknown)
	}
	return out, nil
}

func (u *usage) EnableService(_ context.Context, req *serviceusagepb.EnableServiceRequest) (*longrunningpb.Operation, error) {
	_, name, ok := strings.Cut(req.GetName(), "/services/")
	if !ok {
		return nil, badRequest()
	}
	return u.enable(req.GetName(), []string{name}, &emptypb.Empty{}, func(list []*serviceusagepb.Service) proto.Message {
		return &serviceusagepb.EnableServiceResponse{Service: list[0]}
	})
}

func (u *usage) BatchEnableServices(_ context.Context, req *serviceusagepb.BatchEnableServicesRequest) (*longrunningpb.Operation, error) {
	if len(req.GetServiceIds()) == 0 {
		return nil, badNames("SU_MISSING_NAMES", "Request must contain at least one service name.")
	}
	if len(req.GetServiceIds()) > 20 {
		return nil, badNames("SU_TOO_MANY_NAMES", "Request must contain at most 20 service names.")
	}
	return u.enable(req.GetParent(), req.GetServiceIds(), &serviceusagepb.OperationMetadata{}, func(list []*serviceusagepb.Service) proto.Message {
		return &serviceusagepb.BatchEnableServicesResponse{Services: list}
	})
}

// enable switches all of the APIs on, with what they need, or none of them.
func (u *usage) enable(name string, apis []string, metadata proto.Message, answer func([]*serviceusagepb.Service) proto.Message) (*longrunningpb.Operation, error) {
	p, err := u.consumer(name)
	if err != nil {
		return nil, err
	}
	k := u.iam
	if err := k.mayEnable(p, apis); err != nil {
		return nil, err
	}
	var list []*serviceusagepb.Service
	for _, a := range apis {
		list = append(list, service(p, a, true))
	}
	if !slices.ContainsFunc(apis, func(a string) bool { return !k.on(p, a) }) {
		return done(nothingToDo, answer(list))
	}
	var op *longrunningpb.Operation
	err = k.change(func(s *state) error {
		p := k.project(p.ID)
		if k.busy(p) {
			return busy()
		}
		next := p.copy()
		var from time.Time
		if k.latency.EnableService > 0 || k.slow.Load().EnableService > 0 {
			from = k.clock().Add(k.latency.EnableService)
		}
		next.switchOn(k.apis.closure(apis), from)
		begun, err := k.begin(s, "operations/acat."+opaque(), p.ID, k.latency.EnableService, metadata, answer(list))
		if err != nil {
			return err
		}
		*p, op = next, begun
		return nil
	})
	return op, err
}

// mayEnable is nil if the project can have the APIs: they are there, and those that
// cost are paid for.
func (k *IAM) mayEnable(p Project, apis []string) error {
	var unknown, unpaid []string
	for _, name := range apis {
		if k.apis.byName[name] == nil {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return unknownServices(unknown)
	}
	if p.State != Active {
		return consumerInvalid(Usage, p.ID)
	}
	for _, name := range k.apis.closure(apis) {
		if k.apis.byName[name].Billing && !slices.Contains(p.Enabled, name) {
			unpaid = append(unpaid, name)
		}
	}
	if len(unpaid) > 0 && !k.Pays(p.ID) {
		return noBilling(p, unpaid)
	}
	return nil
}

// done is an operation that nobody has to wait for.
func done(name string, response proto.Message) (*longrunningpb.Operation, error) {
	r, err := anypb.New(response)
	return &longrunningpb.Operation{Name: name, Done: true, Result: &longrunningpb.Operation_Response{Response: r}}, err
}
