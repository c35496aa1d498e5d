package iam

import (
	"context"
	"time"
)

// Request is a call that comes in by another way than gRPC.
type Request struct {
	Host   string
	Method string // as a gRPC method is named: "/google.cloudresourcemanager.v1.Projects/GetProject"
	Token  string // access token
	Quota  string // header x-goog-user-project
}

// Serve takes a call that is no gRPC method through the gate: do is called with
// the caller if it is admitted, and the call is journaled as it ends.
func (k *IAM) Serve(ctx context.Context, q Request, r Rule, resource string, do func(context.Context) error) error {
	p := &pass{iam: k, rule: &r, method: q.Method, host: hostname(q.Host), quota: q.Quota, token: q.Token, resource: resource, start: time.Now()}
	err := p.decide()
	if err == nil {
		err = do(NewContext(ctx, p.caller))
	}
	p.leave(err)
	return err
}
