package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A request made without the caller's context ends with it all the same: before the
// answer, and in the middle of its body.
func TestBound(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			io.WriteString(w, "some")
			w.(http.Flusher).Flush()
		}
		began <- struct{}{}
		select {
		case <-end:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(end)
	for _, path := range []string{"/", "/body"} {
		ctx, cancel := context.WithCancel(t.Context())
		client := &http.Client{Transport: bound{ctx, &http.Transport{}}}
		go func() { <-began; cancel() }()
		resp, err := client.Get(server.URL + path)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}
