package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/probe"
	probehttp "k8s.io/kubernetes/pkg/probe/http"
)

// relayTimeout is how long a connection out of a pod may take.
const relayTimeout = 10 * time.Second

// DialPort reaches a port of a pod.
type DialPort func(ctx context.Context, port int) (net.Conn, error)

// check asks once; the error has a kubelet's words.
func check(ctx context.Context, p *corev1.Probe, c *corev1.Container, podIP string, dial DialPort) error {
	ctx, cancel := context.WithTimeout(ctx, seconds(p.TimeoutSeconds, 1))
	defer cancel()
	switch {
	case p.HTTPGet != nil:
		return checkHTTP(ctx, p.HTTPGet, c, podIP, dial)
	case p.TCPSocket != nil:
		port, err := probe.ResolveContainerPort(p.TCPSocket.Port, c)
		if err != nil {
			return err
		}
		conn, err := dial(ctx, port)
		if err != nil {
			return err
		}
		return conn.Close()
	case p.Exec != nil:
		return errors.New("the sandbox's node runs no commands in containers: use an httpGet or tcpSocket probe")
	}
	return errors.New("the sandbox's node has httpGet and tcpSocket probes only")
}

// checkHTTP is upstream's own probe over a connection into the pod.
func checkHTTP(ctx context.Context, get *corev1.HTTPGetAction, c *corev1.Container, podIP string, dial DialPort) error {
	req, err := probehttp.NewRequestForHTTPGetAction(get, c, podIP, "probe")
	if err != nil {
		return err
	}
	into := func(ctx context.Context, _, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, err
		}
		return dial(ctx, n)
	}
	client := &http.Client{
		Transport: &http.Transport{
			DialContext:       into,
			DisableKeepAlives: true,
			// A kubelet does not check the certificate either.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as upstream
		},
		CheckRedirect: probehttp.RedirectChecker(false),
	}
	result, words, err := probehttp.DoHTTPProbe(req.WithContext(ctx), client)
	if err != nil {
		return err
	}
	if result == probe.Success || result == probe.Warning {
		return nil
	}
	return errors.New(words)
}

func seconds(n int32, least int32) time.Duration {
	return time.Duration(max(n, least)) * time.Second
}

// watcher repeats one probe and tells when its verdict changes.
type watcher struct {
	kind    string // Readiness, Liveness, Startup
	probe   *corev1.Probe
	check   func(context.Context) error
	early   bool // do not wait: failures within the delay count for nothing
	verdict func(ok bool, words string)
	failed  func(words string) // each failure that counts
}

// firstPoll is how soon an early probe is repeated; it slows to the period.
const firstPoll = 50 * time.Millisecond

// run repeats until the context ends.
func (w *watcher) run(ctx context.Context) {
	began := time.Now()
	delay := time.Duration(w.probe.InitialDelaySeconds) * time.Second
	period := seconds(w.probe.PeriodSeconds, 1)
	if !w.early && !sleep(ctx, delay) {
		return
	}
	wait := firstPoll
	said, was := false, false
	tell := func(ok bool, words string) {
		if !said || ok != was {
			w.verdict(ok, words)
		}
		said, was = true, ok
	}
	var successes, failures int32
	for {
		err := w.check(ctx)
		if ctx.Err() != nil {
			return
		}
		waiting := w.early && time.Since(began) < delay
		switch {
		case err == nil:
			successes, failures = successes+1, 0
			if successes >= max(w.probe.SuccessThreshold, 1) {
				tell(true, "")
			}
		case !waiting:
			successes, failures = 0, failures+1
			w.failed(fmt.Sprintf("%s probe failed: %s", w.kind, err))
			if failures >= max(w.probe.FailureThreshold, 1) {
				tell(false, err.Error())
			}
		}
		next := period
		if waiting && err != nil {
			next, wait = min(wait, period), wait*3/2
		}
		if !sleep(ctx, next) {
			return
		}
	}
}

// sleep waits; false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
