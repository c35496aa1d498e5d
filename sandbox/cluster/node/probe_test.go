package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestCheck(t *testing.T) {
	var healthy atomic.Bool
	healthy.Store(true)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !healthy.Load() || r.URL.Path != "/readyz" || r.Header.Get("k-kubelet-probe") != "webhook" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	dial := func(ctx context.Context, port int) (net.Conn, error) {
		if port != 8443 {
			return nil, errors.New("connection refused")
		}
		var d net.Dialer
		return d.DialContext(ctx, "tcp", s.Listener.Addr().String())
	}
	c := &corev1.Container{Ports: []corev1.ContainerPort{{Name: "https", ContainerPort: 8443}}}
	get := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
		Scheme: "HTTPS", Path: "/readyz", Port: intstr.FromString("https"), HTTPHeaders: []corev1.HTTPHeader{{Name: "k-kubelet-probe", Value: "webhook"}},
	}}}
	if err := check(t.Context(), get, c, "10.48.0.7", dial); err != nil {
		t.Errorf("healthy: %v", err)
	}
	healthy.Store(false)
	if err := check(t.Context(), get, c, "10.48.0.7", dial); err == nil || err.Error() != "HTTP probe failed with statuscode: 503" {
		t.Errorf("unhealthy: %v", err)
	}
	tcp := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(8443)}}}
	if err := check(t.Context(), tcp, c, "10.48.0.7", dial); err != nil {
		t.Errorf("tcp: %v", err)
	}
	tcp.TCPSocket.Port = intstr.FromInt32(1)
	if err := check(t.Context(), tcp, c, "10.48.0.7", dial); err == nil {
		t.Error("a closed port passed")
	}
	exec := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{}}}
	if err := check(t.Context(), exec, c, "", dial); err == nil || !strings.Contains(err.Error(), "use an httpGet") {
		t.Errorf("exec: %v", err)
	}
}

// watched runs a probe that succeeds after a while and gives when its first
// verdict came, whether it was good, and how many failures counted.
func watched(t *testing.T, p *corev1.Probe, early bool, after time.Duration) (at time.Duration, ok bool, failures int) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		began := time.Now()
		w := watcher{
			kind: "Readiness", probe: p, early: early,
			check: func(context.Context) error {
				if time.Since(began) < after {
					return errors.New("not yet")
				}
				return nil
			},
			verdict: func(good bool, _ string) { at, ok = time.Since(began), good; cancel() },
			failed:  func(string) { failures++ },
		}
		w.run(ctx)
	})
	return at, ok, failures
}

func TestWatcher(t *testing.T) {
	p := &corev1.Probe{InitialDelaySeconds: 20, PeriodSeconds: 1, FailureThreshold: 3, SuccessThreshold: 1}
	if at, ok, failures := watched(t, p, false, 2*time.Second); at != 20*time.Second || !ok || failures != 0 {
		t.Errorf("as a kubelet: %s %v, %d failures", at, ok, failures)
	}
	if at, ok, failures := watched(t, p, true, 2*time.Second); at < 2*time.Second || at > 3*time.Second || !ok || failures != 0 {
		t.Errorf("early: %s %v, %d failures", at, ok, failures)
	}
	if at, ok, failures := watched(t, p, true, time.Hour); at < 22*time.Second || at > 24*time.Second || ok || failures != 3 {
		t.Errorf("never ready: %s %v, %d failures", at, ok, failures)
	}
}

// A verdict is told when it changes, and each failure that counts.
func TestWatcherTellsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		const checks = "++---++-+"
		n, verdicts, failures := 0, "", 0
		w := watcher{
			kind: "Readiness", probe: &corev1.Probe{PeriodSeconds: 1, FailureThreshold: 2},
			check: func(context.Context) error {
				if n == len(checks) {
					cancel()
					return nil
				}
				n++
				if checks[n-1] == '-' {
					return errors.New("no")
				}
				return nil
			},
			verdict: func(good bool, _ string) { verdicts += map[bool]string{true: "+", false: "-"}[good] },
			failed:  func(string) { failures++ },
		}
		w.run(ctx)
		if verdicts != "+-+" || failures != 4 {
			t.Errorf("of %s were told %s and %d failures", checks, verdicts, failures)
		}
	})
}

func TestLogs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c", "0.log")
	l, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", lineMax+10)
	l.copy("stdout", strings.NewReader("one\ntwo\n"+long+"\nlast without end"))
	read := func(o api.ContainerLogOpts, ended func() bool) string {
		r, err := readLog(t.Context(), path, o, ended)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close() //nolint:errcheck // read only
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	yes := func() bool { return true }
	if got, want := read(api.ContainerLogOpts{}, yes), "one\ntwo\n"+long+"\nlast without end\n"; got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if got := read(api.ContainerLogOpts{Tail: 1}, yes); got != "last without end\n" {
		t.Errorf("tail: %q", got)
	}
	if got := read(api.ContainerLogOpts{LimitBytes: 5}, yes); got != "one\nt" {
		t.Errorf("limit: %q", got)
	}
	if got := read(api.ContainerLogOpts{Tail: 1, Timestamps: true}, yes); !strings.HasSuffix(got, "Z last without end\n") {
		t.Errorf("timestamps: %q", got)
	}
	var calls int
	got := read(api.ContainerLogOpts{Tail: 1, Follow: true}, func() bool {
		if calls++; calls == 2 {
			l.line("stderr", "F", []byte("followed"))
		}
		return calls > 2
	})
	if got != "last without end\nfollowed\n" {
		t.Errorf("follow: %q", got)
	}
	var b bytes.Buffer
	if _, err := (&limited{w: &b, left: 2}).Write([]byte("abc")); !errors.Is(err, errLimit) || b.String() != "ab" {
		t.Errorf("limited: %q, %v", b.String(), err)
	}
}
