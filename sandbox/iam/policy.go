package iam

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// policy is what is kept of one. Conditions are refused, so there are none.
type policy struct {
	Serial   uint64    `json:"serial"` // counts changes; the etag
	Bindings []binding `json:"bindings"`
	Audits   []audit   `json:"audits,omitempty"`
}

type binding struct {
	Role    string   `json:"role"`
	Members []string `json:"members"`
}

func newPolicy(b ...binding) *policy { return &policy{Serial: 1, Bindings: b} }

// etag is opaque to clients. Real ones decode to eight bytes too ("BwXhqDVTqaE=").
func (p *policy) etag() []byte {
	return binary.BigEndian.AppendUint64(nil, 0x0705<<48|p.Serial)
}

// noEtag is Google's for a resource whose policy was never set ("ACAB").
func noEtag() []byte { return []byte{0x00, 0x20, 0x01} }

// issued says whether an etag can be one that a policy here had. One of another
// world (a replayed recording's) tells nothing about what its client has read and
// counts as none; Google would refuse it.
func issued(etag []byte) bool {
	return bytes.Equal(etag, noEtag()) || len(etag) == 8 && binary.BigEndian.Uint64(etag)>>48 == 0x0705
}

// concurrent is the refusal of a change that was made of another state than the present one.
func concurrent(sent, present []byte) error {
	if !issued(sent) || bytes.Equal(sent, present) {
		return nil
	}
	return status.Error(codes.Aborted, "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.")
}

func (p *policy) proto() *iampb.Policy {
	if p == nil {
		return &iampb.Policy{Etag: noEtag()}
	}
	out := &iampb.Policy{Version: 1, Etag: p.etag()}
	for _, b := range p.Bindings {
		out.Bindings = append(out.Bindings, &iampb.Binding{Role: b.Role, Members: slices.Clone(b.Members)})
	}
	for _, a := range p.Audits {
		out.AuditConfigs = append(out.AuditConfigs, a.proto())
	}
	return out
}

func (p *policy) copy() *policy {
	c := *p
	c.Bindings, c.Audits = slices.Clone(p.Bindings), slices.Clone(p.Audits)
	for i, b := range c.Bindings {
		c.Bindings[i].Members = slices.Clone(b.Members)
	}
	for i, a := range c.Audits {
		c.Audits[i].Logs = slices.Clone(a.Logs)
		for j, l := range a.Logs {
			c.Audits[i].Logs[j].Exempted = slices.Clone(l.Exempted)
		}
	}
	return &c
}

// lists are those of members, wherever a policy has them.
func (p *policy) lists() [][]string {
	var all [][]string
	for _, b := range p.Bindings {
		all = append(all, b.Members)
	}
	for _, a := range p.Audits {
		for _, l := range a.Logs {
			all = append(all, l.Exempted)
		}
	}
	return all
}

// Policy is the resource's own policy, without what it inherits; an empty one if none
// was ever set. Whether the resource exists is for its service to say.
func (k *IAM) Policy(resource string) *iampb.Policy {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.state.Policies[k.canonical(resource)].proto()
}

// SetPolicy replaces the resource's policy and returns it as it is kept. An etag of another
// state than the present one is a conflict (ABORTED, 409); none overwrites. Only what the
// mask names is changed, which is "bindings" if there is no mask: not the audit configurations.
func (k *IAM) SetPolicy(resource string, p *iampb.Policy, mask *fieldmaskpb.FieldMask) (*iampb.Policy, error) {
	if p == nil {
		return nil, badRequest()
	}
	if err := plain(p); err != nil {
		return nil, err
	}
	var out *iampb.Policy
	err := k.change(func(s *state) error {
		name := k.canonical(resource)
		old := s.Policies[name]
		if err := concurrent(p.GetEtag(), old.proto().GetEtag()); err != nil {
			return err
		}
		next := &policy{Serial: 1}
		if old != nil {
			next = &policy{Serial: old.Serial + 1, Bindings: old.Bindings, Audits: old.Audits}
		}
		if len(mask.GetPaths()) == 0 || slices.Contains(mask.GetPaths(), "bindings") {
			bindings, err := k.bindings(name, old, p)
			if err != nil {
				return err
			}
			next.Bindings = bindings
		}
		if slices.Contains(mask.GetPaths(), "audit_configs") {
			audits, err := k.audits(name, old, p)
			if err != nil {
				return err
			}
			next.Audits = audits
		}
		s.Policies[name] = next
		k.grant(name, k.compile(next))
		out = next.proto()
		return nil
	})
	return out, err
}

// DropPolicy forgets the policies of a resource that is deleted, and of everything below it.
func (k *IAM) DropPolicy(resource string) error {
	return k.change(func(s *state) error {
		name := k.canonical(resource)
		below := func(at string) bool { return at == name || strings.HasPrefix(at, name+"/") }
		maps.DeleteFunc(s.Policies, func(at string, _ *policy) bool { return below(at) })
		maps.DeleteFunc(k.coming, func(at string, _ []coming) bool { return below(at) })
		maps.DeleteFunc(k.grants, func(at string, _ map[string]grant) bool { return below(at) })
		return nil
	})
}

// plain refuses what the sandbox does not evaluate, rather than to keep it without effect.
func plain(p *iampb.Policy) error {
	if v := p.GetVersion(); v < 0 || v == 2 || v > 3 {
		return invalid("Invalid policy version %d: valid values are 0, 1, and 3.", v)
	}
	for _, b := range p.GetBindings() {
		if b.GetCondition() != nil {
			return invalid("Conditions are not part of the sandbox, and a condition that is not evaluated would give the role to everybody: "+
				"the binding of %s has the condition %q.", b.GetRole(), b.GetCondition().GetExpression())
		}
	}
	return nil
}

// bindings normalises as Google does: one binding a role, roles in alphabetical order, no member
// twice, no empty binding; on a project members are sorted too.
func (k *IAM) bindings(resource string, old *policy, p *iampb.Policy) ([]binding, error) {
	members := map[string][]string{}
	for _, b := range p.GetBindings() {
		if !k.grantable(b.GetRole(), resource) {
			return nil, invalid("Role (%s) does not exist in the resource's hierarchy.", b.GetRole())
		}
		for _, m := range b.GetMembers() {
			m, err := k.member(resource, m, old)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(members[b.GetRole()], m) {
				members[b.GetRole()] = append(members[b.GetRole()], m)
			}
		}
	}
	var all []binding
	for _, role := range slices.Sorted(maps.Keys(members)) {
		if strings.Count(resource, "/") == 1 {
			slices.Sort(members[role])
		}
		all = append(all, binding{Role: role, Members: members[role]})
	}
	return all, nil
}

// GetIamPolicy serves the method of that name for a resource that exists.
func (k *IAM) GetIamPolicy(req *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	if v := req.GetOptions().GetRequestedPolicyVersion(); v < 0 || v == 2 || v > 3 {
		return nil, invalid("Invalid requested policy version %d: valid values are 0, 1, and 3.", v)
	}
	return k.Policy(req.GetResource()), nil
}

// SetIamPolicy serves the method of that name for a resource that exists.
func (k *IAM) SetIamPolicy(req *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	return k.SetPolicy(req.GetResource(), req.GetPolicy(), req.GetUpdateMask())
}

// TestIamPermissions serves the method of that name for a resource that exists. A permission
// that cannot be asked of the resource refuses the whole question (400).
func (k *IAM) TestIamPermissions(c Caller, req *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	if len(req.GetPermissions()) > 100 {
		return nil, invalid("The number of permissions (%d) exceeds the maximum of 100.", len(req.GetPermissions()))
	}
	for _, p := range req.GetPermissions() {
		if strings.Contains(p, "*") || !k.Testable(req.GetResource(), p) {
			return nil, invalid("Permission %s is not valid for this resource.", p)
		}
	}
	return &iampb.TestIamPermissionsResponse{Permissions: k.TestPermissions(c, req.GetResource(), req.GetPermissions())}, nil
}
