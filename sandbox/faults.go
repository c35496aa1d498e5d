package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/signgate/signgate/sandbox/fault"
)

// Faults are what is to go wrong in this sandbox: nothing, unless something is added.
func (s *Sandbox) Faults() *fault.Set { return &s.faults }

// askedMax bounds what is asked of the control socket.
const askedMax = 64 << 10

// decode reads a request's one object, strictly.
func decode(r *http.Request, into any) error {
	read := json.NewDecoder(io.LimitReader(r.Body, askedMax))
	read.DisallowUnknownFields()
	return read.Decode(into)
}

// controlFaults lets other processes of the same user add faults and take them away.
func (d *daemon) controlFaults(mux *http.ServeMux) {
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { reply(w, d.faults.List()) })
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var f fault.Fault
		err := decode(r, &f)
		if err == nil {
			f.ID, err = d.faults.Add(f)
		}
		answer(w, f, err)
	})
	mux.HandleFunc("POST /faults/{id}/release", func(w http.ResponseWriter, r *http.Request) {
		answer(w, d.faults.List(), d.faults.Release(r.PathValue("id")))
	})
	mux.HandleFunc("GET /faults/{id}/held", func(w http.ResponseWriter, r *http.Request) {
		err := d.faults.Wait(r.Context(), r.PathValue("id"))
		answer(w, d.faults.List(), err)
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, r *http.Request) {
		before := d.faults.List()
		answer(w, before, d.faults.Clear(r.URL.Query()["id"]...))
	})
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply(w, v)
}

// AddFault arms a fault in a running sandbox and gives its id.
func (r *Running) AddFault(ctx context.Context, f fault.Fault) (string, error) {
	if err := r.Call(ctx, http.MethodPost, "/faults", f, &f); err != nil {
		return "", err
	}
	return f.ID, nil
}

// ListFaults are those of a running sandbox.
func (r *Running) ListFaults(ctx context.Context) ([]fault.Seen, error) {
	var all []fault.Seen
	err := r.Call(ctx, http.MethodGet, "/faults", nil, &all)
	return all, err
}

// AwaitHeld returns when a call is held at a fault.
func (r *Running) AwaitHeld(ctx context.Context, id string) error {
	return r.Call(ctx, http.MethodGet, "/faults/"+url.PathEscape(id)+"/held", nil, nil)
}

// IsHeld says whether a call is held at a fault. One whose client has gone is not, once the sandbox
// has noticed.
func (r *Running) IsHeld(ctx context.Context, id string) (bool, error) {
	all, err := r.ListFaults(ctx)
	return slices.ContainsFunc(all, func(f fault.Seen) bool { return f.ID == id && f.Held > 0 }), err
}

// ReleaseFault lets the calls go on that are held at a fault.
func (r *Running) ReleaseFault(ctx context.Context, id string) error {
	return r.Call(ctx, http.MethodPost, "/faults/"+url.PathEscape(id)+"/release", nil, nil)
}

// ClearFaults disarms the faults of those ids, or all of them.
func (r *Running) ClearFaults(ctx context.Context, ids ...string) error {
	if err := r.Call(ctx, http.MethodDelete, "/faults?"+url.Values{"id": ids}.Encode(), nil, nil); err != nil {
		return fmt.Errorf("clear faults: %w", err)
	}
	return nil
}
