package kube_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/signgate/signgate/internal/kube"
)

// api is as much of an API server as lists and watches one namespace: each list
// gives the next of its rounds, the watch after it that round's events.
type api struct {
	mu     sync.Mutex
	rounds []round
	lists  int
	tokens []string
	hold   chan struct{} // closed: watches end; nil: they end after their events
}

type round struct {
	item   string   // phase of the namespace in the list, "" if it is not there
	status int      // of the answer to the list, 0 for 200
	events []string // "MODIFIED Active", "DELETED x", "ERROR 410"
}

func object(phase, version string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{"name": "here", "resourceVersion": version}, "status": map[string]any{"phase": phase}}
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	a.mu.Lock()
	a.tokens = append(a.tokens, r.Header.Get("Authorization"))
	if r.URL.Query().Get("watch") == "" {
		a.lists++
	}
	now := a.rounds[min(a.lists, len(a.rounds))-1]
	a.mu.Unlock()
	if r.URL.Query().Get("fieldSelector") != "metadata.name=here" {
		http.Error(w, "not the one asked for", http.StatusBadRequest)
		return
	}
	if r.URL.Query().Get("watch") != "" {
		a.watch(w, r, now)
		return
	}
	if now.status != 0 {
		w.WriteHeader(now.status)
		json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": now.status, "reason": http.StatusText(now.status)})
		return
	}
	items := []any{}
	if now.item != "" {
		items = append(items, object(now.item, "1"))
	}
	json.NewEncoder(w).Encode(map[string]any{"kind": "NamespaceList", "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": "1"}, "items": items})
}

func (a *api) watch(w http.ResponseWriter, r *http.Request, now round) {
	for _, e := range now.events {
		kind, phase, _ := strings.Cut(e, " ")
		what := object(phase, "2")
		if kind == "ERROR" {
			what = map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410, "reason": "Expired"}
		}
		json.NewEncoder(w).Encode(map[string]any{"type": kind, "object": what})
	}
	w.(http.Flusher).Flush()
	if a.hold != nil {
		select {
		case <-a.hold:
		case <-r.Context().Done():
		}
	}
}

func dial(t *testing.T, a http.Handler) *kube.Cluster {
	t.Helper()
	server := httptest.NewUnstartedServer(a)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	c, err := kube.Dial(kube.Options{
		Host:      strings.TrimPrefix(server.URL, "https://"),
		CA:        pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		Transport: &http.Transport{TLSClientConfig: server.Client().Transport.(*http.Transport).TLSClientConfig.Clone(), ForceAttemptHTTP2: true},
		Tokens:    oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "mine"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func isActive(now *unstructured.Unstructured) (bool, error) {
	if now == nil {
		return false, nil
	}
	phase, _, _ := unstructured.NestedString(now.Object, "status", "phase")
	if phase == "Broken" {
		return false, errors.New("it is broken")
	}
	return phase == "Active", nil
}

func TestAwait(t *testing.T) {
	for name, c := range map[string]struct {
		rounds []round
		lists  int
		fails  string
	}{
		"there already":               {[]round{{item: "Active"}}, 1, ""},
		"comes by an event":           {[]round{{events: []string{"ADDED Pending", "MODIFIED Active"}}}, 1, ""},
		"the watch ends before":       {[]round{{item: "Pending"}, {item: "Pending", events: []string{"MODIFIED Active"}}}, 2, ""},
		"the watch is too old":        {[]round{{item: "Pending", events: []string{"ERROR 410"}}, {item: "Active"}}, 2, ""},
		"the server is busy at first": {[]round{{status: 429}, {status: 503}, {item: "Active"}}, 3, ""},
		"its kind comes later":        {[]round{{status: 404}, {item: "Active"}}, 2, ""},
		"refused":                     {[]round{{status: 403}}, 1, "watch namespaces here"},
		"what is done fails":          {[]round{{item: "Pending", events: []string{"MODIFIED Broken"}}}, 1, "it is broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &api{rounds: c.rounds}
			err := dial(t, a).Await(t.Context(), kube.NamespaceObject("here"), isActive)
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("got %v, want %q", err, c.fails)
			}
			if a.lists != c.lists {
				t.Errorf("%d lists, want %d", a.lists, c.lists)
			}
			for _, token := range a.tokens {
				if token != "Bearer mine" {
					t.Errorf("asked with %q", token)
				}
			}
		})
	}
}

func TestAwaitGone(t *testing.T) {
	a := &api{rounds: []round{{item: "Terminating", events: []string{"MODIFIED Terminating", "DELETED Terminating"}}}}
	if err := dial(t, a).AwaitGone(t.Context(), kube.NamespaceObject("here")); err != nil {
		t.Error(err)
	}
}

// A silent watch ends with the caller's context, not later.
func TestAwaitEndsWithItsContext(t *testing.T) {
	a := &api{rounds: []round{{item: "Pending"}}, hold: make(chan struct{})}
	defer close(a.hold)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := dial(t, a).Await(ctx, kube.NamespaceObject("here"), func(*unstructured.Unstructured) (bool, error) {
		cancel()
		return false, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDialWantsARoot(t *testing.T) {
	_, err := kube.Dial(kube.Options{Host: "x", CA: []byte("none"), Transport: &http.Transport{}})
	if err == nil {
		t.Error("a root that is none was taken")
	}
}
