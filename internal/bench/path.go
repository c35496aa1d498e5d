package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// scale is how much of Google Cloud's time clusters and keys take in the row path: a
// cluster's six minutes become 18 s.
const scale = 0.05

// path: a whole run against the longest chain of its steps, as its own events tell their
// times, where things take about as long as on Google Cloud, scaled.
func (b *bench) path() error {
	for _, args := range [][]string{
		{"sandbox", "reset", "--yes"}, {"sandbox", "up"}, {"sandbox", "latency", "real", "--factor", fmt.Sprint(scale)},
	} {
		if _, err := took(b.signgate(args...)); err != nil {
			return err
		}
	}
	start := time.Now()
	out, err := b.signgate("apply", "--yes", "--sandbox", "--output", "json").Output()
	if err != nil {
		return fmt.Errorf("%w\n%s", said(err), out)
	}
	process := time.Since(start)
	wall, critical, sequential, err := walked(out)
	if err != nil {
		return err
	}
	figure("the run, with the profile real scaled", fmt.Sprintf("%.2f s", wall), fmt.Sprintf("its critical path %.2f s, ratio %.3f (at most 1.05); the whole process %.2f s",
		critical, wall/critical, process.Seconds()))
	figure("the run, with the profile real scaled", fmt.Sprintf("%.2f s", wall), fmt.Sprintf("its steps one after another %.2f s, ratio %.3f (at most 0.75; no run can be below %.3f)",
		sequential, wall/sequential, critical/sequential))
	return nil
}

// walked reads a run's events: how long it took, how long the longest chain of steps
// that need one another did, and how long all did together.
func walked(events []byte) (wall, critical, sequential float64, err error) {
	var plan engine.Plan
	took := map[string]float64{}
	for line := range bytes.Lines(events) {
		var ev engine.Event
		if err := json.Unmarshal(line, &ev); err != nil {
			return 0, 0, 0, fmt.Errorf("%w: %s", err, line)
		}
		switch {
		case ev.Plan != nil:
			plan = *ev.Plan
		case ev.Type == engine.TypeStep && ev.Status != engine.Started:
			took[ev.Step] = ev.Seconds
		case ev.Summary != nil:
			wall = ev.Summary.Seconds
		}
	}
	if wall == 0 || len(took) != len(plan.Steps) {
		return 0, 0, 0, fmt.Errorf("%d of %d steps ended", len(took), len(plan.Steps))
	}
	for i := range plan.Steps { // whatever the plan thought of it
		plan.Steps[i].Change.Action = engine.Create
	}
	plan.Foresee(func(step string) time.Duration { return time.Duration(took[step] * float64(time.Second)) })
	return wall, plan.Forecast.Seconds, plan.Forecast.Sequential, nil
}

// rest is between two rounds of the row inspect. policy-controller's own client of the API
// server asks so many times a second and no more: it is asked here as by an apply now and then.
const rest = 500 * time.Millisecond

// away is how far Google Cloud is in the second figure of the row inspect: what an answer from
// another region takes.
const away = 30 * time.Millisecond

// inspect: a finished setup looked over, all steps at once, against the slowest step
// looked over alone, in turn. In one process, with connections that are open already. Once as the
// sandbox answers, where the processors are all that is waited for, and once from afar.
func (b *bench) inspect() error {
	if err := b.inspected("a finished setup, every step inspected"); err != nil {
		return err
	}
	if _, err := took(b.signgate("sandbox", "fault", "add", "*", "--delay", away.String())); err != nil {
		return err
	}
	err := b.inspected(fmt.Sprintf("the same, every answer %s late", ms(away)))
	_, cleared := took(b.signgate("sandbox", "fault", "clear"))
	return errors.Join(err, cleared)
}

func (b *bench) inspected(what string) error {
	clients, rec, err := b.reach()
	if err != nil {
		return err
	}
	defer clients.Close()
	store, err := state.Open(filepath.Join(b.state, "sandbox"), rec.Name)
	if err != nil {
		return err
	}
	defer store.Close()
	list := steps.List(store.Record().Answers, clients, steps.Options{OutDir: store.Folder(), Chart: b.chart})
	quiet := func(engine.Event) {}
	var whole []time.Duration
	alone := make([][]time.Duration, len(list))
	for i := range 2*b.runs + 2 {
		for n, step := range list {
			start := time.Now()
			if _, err := step.Inspect(b.ctx, engine.NewLedger(store, step.Info().ID, quiet)); err != nil {
				return err
			}
			alone[n] = append(alone[n], time.Since(start))
		}
		e, err := engine.New(store, list)
		if err != nil {
			return err
		}
		start := time.Now()
		plan, err := e.Plan(b.ctx, quiet)
		if err == nil && !plan.Clean() {
			err = errors.New("the setup is not as wanted: run the row path or flow first")
		}
		if err != nil {
			return err
		}
		whole = append(whole, time.Since(start))
		if i == 0 { // the first opens the connections
			whole = nil
			clear(alone)
		}
		time.Sleep(rest)
	}
	slowest, name := time.Duration(0), ""
	for n, step := range list {
		if t := median(alone[n]); t > slowest {
			slowest, name = t, step.Info().ID
		}
	}
	all := median(whole)
	figure(what, ms(all), fmt.Sprintf("the slowest alone, %s, %s, ratio %.2f (at most 1.50)", name, ms(slowest), ratio(all, slowest)))
	return nil
}

// reach gives clients of the sandbox that runs, and the only setup in it.
func (b *bench) reach() (*gcp.Clients, state.Record, error) {
	out, err := b.signgate("sandbox", "status", "--output", "json").Output()
	if err != nil {
		return nil, state.Record{}, said(err)
	}
	var s struct {
		Dir, Proxy string
		Chart      struct{ URL, Name, Version, Digest string }
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return nil, state.Record{}, err
	}
	b.chart = kube.Chart{Repo: s.Chart.URL, Name: s.Chart.Name, Version: s.Chart.Version, Digest: s.Chart.Digest}
	all, err := state.List(filepath.Join(b.state, "sandbox"))
	if err != nil || len(all) != 1 {
		return nil, state.Record{}, fmt.Errorf("%d setups on record, want one (run the row flow first): %w", len(all), err)
	}
	proxy, err := url.Parse(s.Proxy)
	if err != nil {
		return nil, state.Record{}, err
	}
	pem, err := os.ReadFile(filepath.Join(s.Dir, "ca.pem"))
	if err != nil {
		return nil, state.Record{}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	env, err := b.environ()
	if err != nil {
		return nil, state.Record{}, err
	}
	file := ""
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, "GOOGLE_APPLICATION_CREDENTIALS="); ok {
			file = value
		}
	}
	c, err := gcp.Dial(context.WithoutCancel(b.ctx), gcp.Options{Network: gcp.Network{Proxy: proxy, Roots: roots}, CredentialsFile: file})
	if err != nil {
		return nil, state.Record{}, err
	}
	c.BillTo(all[0].Record.Answers.Project)
	return c, all[0].Record, nil
}
