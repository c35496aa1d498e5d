package kube

import (
	"context"
	"io"
	"net/http"
)

// bound ends requests with a context that their maker does not know of: Helm's
// actions take none, or go on behind the caller's back when it ends.
type bound struct {
	ctx  context.Context
	base http.RoundTripper
}

func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	unhook := context.AfterFunc(b.ctx, cancel)
	end := func() { unhook(); cancel() }
	resp, err := b.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		end()
		return nil, err
	}
	resp.Body = boundBody{resp.Body, end}
	return resp, nil
}

type boundBody struct {
	io.ReadCloser
	end func()
}

func (b boundBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
