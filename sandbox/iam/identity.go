package iam

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// ServiceIdentity is the account by which an API does its work in a project, as Service
// Usage tells of it: its service agent.
type ServiceIdentity struct {
	Email    string `json:"email,omitempty"` // "" where the API has none
	UniqueID string `json:"uniqueId,omitempty"`
}

// IdentityRule is what GenerateServiceIdentity asks for; no definition here has the method.
func IdentityRule() Rule {
	return Rule{Method: "/google.api.serviceusage.v1beta1.ServiceUsage/GenerateServiceIdentity", API: Usage,
		Permission: "serviceusage.services.enable", Changes: true, Denied: usageDenied("generate service identity for")}
}

// ServiceIdentity is the same however often it is asked for, so nothing is kept of it.
// Policies take it at its word, as they take all that Google's own projects hold.
func (k *IAM) ServiceIdentity(project, service string) (ServiceIdentity, error) {
	p, ok := k.Project(project)
	a := k.apis.byName[service]
	switch {
	case !ok || p.State != Active:
		return ServiceIdentity{}, consumerInvalid(Usage, project)
	case a == nil:
		return ServiceIdentity{}, unknownServices([]string{service})
	}
	email := a.agent(p.Number)
	if email == "" {
		return ServiceIdentity{}, nil
	}
	k.mu.RLock()
	sum := hmac.New(sha256.New, k.state.Key)
	k.mu.RUnlock()
	_, _ = sum.Write([]byte("identity " + email))
	id := binary.BigEndian.Uint64(sum.Sum(nil)) % 1e18
	return ServiceIdentity{Email: email, UniqueID: fmt.Sprintf("1%020d", id)}, nil
}
