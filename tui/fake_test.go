package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// fakeBackend plays what a backend would answer. It holds no logic: what it
// answers is set by the test, what it was asked is recorded.
type fakeBackend struct {
	world    World
	connect  error
	setups   []state.Listed
	removing string // the setup whose removal was cut off
	projects []Project
	pageSize int
	failPage string // token of the page that fails once
	session  *fakeSession
	cost     *Cost

	mu      sync.Mutex
	created []state.Answers
}

// now is noon, and 42 seconds later once a run has said all it has to say.
func (b *fakeBackend) now() time.Time {
	b.session.mu.Lock()
	defer b.session.mu.Unlock()
	return noon().Add(time.Duration(b.session.said) * 42 * time.Second)
}

func (b *fakeBackend) World() World { return World{Sandbox: b.world.Sandbox} }

func (b *fakeBackend) Connect(_ context.Context, note func(string)) (World, error) {
	note("opening the sandbox")
	return b.world, b.connect
}

func (b *fakeBackend) Setups(context.Context) ([]state.Listed, error) { return b.setups, nil }

func (b *fakeBackend) Removing(name string) bool { return name == b.removing }

func (b *fakeBackend) Projects(_ context.Context, filter, token string) (ProjectPage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if token != "" && token == b.failPage {
		b.failPage = ""
		return ProjectPage{}, &problem.Problem{ID: "unavailable", What: "Google did not answer", Fix: "try again"}
	}
	var hits []Project
	for _, p := range b.projects {
		if strings.Contains(p.ID+p.Name, filter) {
			hits = append(hits, p)
		}
	}
	start := 0
	fmt.Sscan(token, &start)
	size := b.pageSize
	if size == 0 {
		size = 50
	}
	end := min(len(hits), start+size)
	page := ProjectPage{Projects: hits[start:end]}
	if end < len(hits) {
		page.Next = fmt.Sprint(end)
	}
	return page, nil
}

func (b *fakeBackend) Project(_ context.Context, id string) (Project, error) {
	if id == "acme-hidden" {
		return Project{ID: id}, nil
	}
	return Project{}, &problem.Problem{ID: "project-unknown", What: "there is no project " + id + ", or you may not see it",
		Fix: "check the id", Words: "The caller does not have permission"}
}

func (b *fakeBackend) Regions(context.Context, string) ([]Region, error) {
	return []Region{
		{Name: "europe-west1", Place: "Belgium"},
		{Name: "northamerica-northeast1", Place: "Montréal", Note: "low carbon"},
		{Name: "us-central1", Place: "Iowa"},
	}, nil
}

func (b *fakeBackend) Cost(a state.Answers) (Cost, bool) {
	if b.cost == nil {
		return Cost{}, false
	}
	c := *b.cost
	switch a.Shape {
	case state.Regional:
		c.Hourly, c.Monthly = .31, 226
	case state.Guide:
		c.Hourly, c.Monthly = .93, 679
	}
	return c, true
}

func (b *fakeBackend) Digest(_ context.Context, a state.Answers) (string, error) {
	if a.Image == "nginz" {
		return "", &problem.Problem{ID: "image-not-found", What: "there is no image nginz", Fix: "check the name"}
	}
	return "sha256:4c1c50d0ffc614f90b93b07d778028dc765548e823f676fb027f61d281ac380d", nil
}

// lookingAhead is a fake that has a preflight and looks at finished setups, too.
type lookingAhead struct {
	*fakeBackend
	checks []Check
	stands map[string]Standing
}

func (b *lookingAhead) Standing(_ context.Context, name string) (Standing, error) {
	if s, ok := b.stands[name]; ok {
		return s, nil
	}
	return Standing{OK: true}, nil
}

func (b *lookingAhead) Preflight(_ context.Context, a state.Answers, report func(Check)) error {
	for _, c := range b.checks {
		running := c
		running.State, running.Detail, running.Problem = CheckRunning, "", nil
		report(running)
		report(c)
	}
	return nil
}

// passing is a preflight without a fault.
func passing() []Check {
	all := []Check{
		{ID: "sign-in", Group: "you", Title: "signed in to Google", State: CheckPass, Detail: "owner@acme.example"},
		{ID: "project", Group: "project", Title: "project acme-demo", State: CheckPass, Detail: "number 1234567890"},
		{ID: "billing", Group: "project", Title: "billing", State: CheckUnknown, Detail: "this account may not see it"},
	}
	for _, p := range []string{"cloudkms.keyRings.create", "cloudkms.cryptoKeys.create", "container.clusters.create", "container.clusters.get",
		"artifactregistry.repositories.create", "iam.serviceAccounts.create"} {
		all = append(all, Check{ID: "permission:" + p, Group: "permissions", Title: p, State: CheckPass, Detail: "on the project"})
	}
	return all
}

// lacking is one that misses two permissions.
func lacking() []Check {
	all := passing()
	for i, role := range map[int]string{4: "roles/cloudkms.admin", 5: "roles/container.admin"} {
		all[i].State = CheckFail
		all[i].Problem = &problem.Problem{ID: "permissions-missing", What: all[i].Title + " is missing",
			Why: "the account that is signed in may not do everything this setup needs",
			Fix: "ask an owner to run: gcloud projects add-iam-policy-binding acme-demo --member=user:owner@acme.example --role=" + role}
	}
	return all
}

func (b *fakeBackend) Create(_ context.Context, a state.Answers) (Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.created = append(b.created, a)
	b.session.answers = a
	return b.session, nil
}

func (b *fakeBackend) Open(_ context.Context, name string) (Session, error) {
	if name != b.session.name {
		return nil, &state.LockedError{Name: name, PID: 4711}
	}
	return b.session, nil
}

// fakeSession plays recorded events.
type fakeSession struct {
	name    string
	answers state.Answers
	plan    engine.Plan
	events  []engine.Event // of a run, or of a destroy
	runErr  []error        // of the runs in turn; the last holds on
	entries []state.Entry
	hold    chan struct{} // a run waits here before its end, if it is not nil
	stream  func(context.Context, func(engine.Event))
	looking func(context.Context) error // what a Plan waits for, if it is not nil
	changes func(context.Context) error // and a Change

	destroyErr []error // of one Destroy after the other

	mu      sync.Mutex
	stop    chan struct{}
	runs    int
	said    int
	stopped int
	closed  int
}

func (s *fakeSession) Name() string           { return s.name }
func (s *fakeSession) Answers() state.Answers { return s.answers }
func (s *fakeSession) Entries() []state.Entry { return s.entries }
func (s *fakeSession) Resume(undo bool) string {
	if undo {
		return "signgate destroy --sandbox --setup " + s.name
	}
	return "signgate --sandbox --setup " + s.name
}
func (s *fakeSession) Result(step string) string {
	return map[string]string{"project": "acme-demo", "keyring": "cosign", "cluster": "cosign-test-cluster"}[step]
}
func (s *fakeSession) Describe(e state.Entry) string {
	return map[string]string{"cloudkms.keyRing": "key ring cosign", "container.cluster": "cluster cosign-test-cluster"}[e.Kind]
}
func (s *fakeSession) Next() []Hint {
	return []Hint{
		{"reach the cluster", "signgate sandbox kubeconfig >sandbox.yaml"},
		{"refused, since nobody signed it", "kubectl --kubeconfig=sandbox.yaml create deployment try --image=busybox --namespace=default"},
		{"sign one more image", "signgate sign --sandbox --setup acme-demo IMAGE"},
		{"does the gate still hold?", "signgate status --sandbox --setup acme-demo"},
		{"the same as a script", "signgate export --sandbox --setup acme-demo script"},
		{"remove it all again", "signgate destroy --sandbox --setup acme-demo"},
	}
}
func (s *fakeSession) Means(reason string) string { return "it has no signature" }
func (s *fakeSession) Link(e state.Entry) string {
	if e.Kind != "container.cluster" {
		return ""
	}
	return "https://console.cloud.google.com/kubernetes/list?project=acme-demo"
}

func (s *fakeSession) Commands(step string) []string {
	if step == "cluster" {
		return []string{"gcloud container clusters create cosign-test-cluster --zone northamerica-northeast1-a " +
			"--service-account cosign-test-cluster-sa@acme-demo.iam.gserviceaccount.com --num-nodes 1"}
	}
	if step == "proof" {
		var all []string
		for i, v := range verdicts() {
			all = append(all, "kubectl create deployment "+[]string{"nginx-unsigned-public", "nginx-unsigned-private", "nginx-wrong-key", "nginx"}[i]+
				" --namespace=default --image="+v.Image)
		}
		return all
	}
	return []string{"gcloud " + step + " --project acme-demo"}
}

func (s *fakeSession) Plan(ctx context.Context) (engine.Plan, error) {
	if s.looking != nil {
		return engine.Plan{}, s.looking(ctx)
	}
	return s.plan, nil
}

func (s *fakeSession) Run(ctx context.Context, _ engine.Plan, how RunOptions, emit func(engine.Event)) error {
	s.mu.Lock()
	n := s.runs
	s.runs++
	s.stop = make(chan struct{})
	stop := s.stop
	s.mu.Unlock()
	for _, ev := range s.events {
		if ev.Status == engine.Started && how.Before != nil {
			if err := how.Before(ctx, engine.Info{ID: ev.Step}); err != nil {
				return engine.ErrStopped
			}
		}
		emit(ev)
	}
	if s.stream != nil {
		s.stream(ctx, emit)
	}
	s.mu.Lock()
	s.said++
	s.mu.Unlock()
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-stop:
			return engine.ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(s.runErr) == 0 {
		return nil
	}
	return s.runErr[min(n, len(s.runErr)-1)]
}

func (s *fakeSession) Change(ctx context.Context, a state.Answers) error {
	if s.changes != nil {
		return s.changes(ctx)
	}
	s.answers = a
	return nil
}

func (s *fakeSession) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped++
	if s.stop != nil {
		close(s.stop)
		s.stop = nil
	}
}

func (s *fakeSession) Removals(context.Context) ([]Removal, error) {
	return []Removal{
		{Name: `cluster "cosign-test-cluster"`},
		{Name: `key version 1 of "cosign"`, Why: "destroyed on 24 December 2026"},
		{Name: `key ring "cosign"`, Keep: true, Why: "Google lets nobody remove it"},
	}, nil
}

func (s *fakeSession) Destroy(ctx context.Context, emit func(engine.Event)) error {
	emit(engine.Event{Type: engine.TypeStep, Step: "cluster", Status: engine.Started})
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.destroyErr) > 0 {
		err := s.destroyErr[0]
		s.destroyErr = s.destroyErr[1:]
		if err != nil {
			return err
		}
	}
	emit(engine.Event{Type: engine.TypeStep, Step: "cluster", Status: engine.Undone, Seconds: 3})
	emit(engine.Event{Type: engine.TypeNotice, Text: "the record is gone too"})
	return nil
}

func (s *fakeSession) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed++; s.closed > 1 {
		return errors.New("closed twice")
	}
	return nil
}

func (s *fakeSession) Try(_ context.Context, image string) (engine.Verdict, error) {
	return engine.Verdict{Case: engine.CaseTried, Image: image, Actual: engine.Denied, Reason: "unsigned",
		Message: `admission webhook "policy.sigstore.dev" denied the request: validation failed: no signatures found`}, nil
}

func (s *fakeSession) Estimate(step string) time.Duration {
	return map[string]time.Duration{"cluster": 5 * time.Minute, "controller": 40 * time.Second}[step]
}

// noon is when everything in the tests happens.
func noon() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// infos are the thirteen steps, as the engine describes them.
func infos() []engine.Info {
	i := func(id, title, why string, needs ...string) engine.Info {
		return engine.Info{ID: id, Title: title, Why: why, Needs: needs}
	}
	return []engine.Info{
		i("project", "Project", "everything lives in one project"),
		i("apis", "APIs", "services are off until they are asked for", "project"),
		i("keyring", "Key ring", "keys live in a ring, in one region", "apis"),
		i("key", "Signing key", "its private half never leaves Cloud KMS", "keyring"),
		i("registry", "Registry", "images of your own, in private", "apis"),
		i("image", "Image", "something to sign", "registry"),
		i("signature", "Signature", "says that you stand behind this digest", "key", "image"),
		i("identity", "Node identity", "the nodes may do little, and only that", "apis", "registry"),
		i("cluster", "Cluster", "the machines that run containers", "identity"),
		i("controller", "Policy controller", "asks about every image before it runs", "cluster"),
		i("policy", "Policy", "which images, which key", "controller", "key"),
		i("enforcement", "Enforcement", "from here on only signed images start", "policy"),
		i("proof", "Proof", "seen, not believed", "enforcement", "signature"),
	}
}

func planOf(act engine.Action) engine.Plan {
	var p engine.Plan
	for _, in := range infos() {
		p.Steps = append(p.Steps, engine.Planned{Info: in, Change: engine.Change{Action: act, Summary: in.Title + ` "cosign"`}})
	}
	p.Steps[0].Change = engine.Change{Action: engine.Reuse, Summary: "acme-demo, billing linked"}
	return p
}

func verdicts() []engine.Verdict {
	frame := `admission webhook "policy.sigstore.dev" denied the request: validation failed: `
	return []engine.Verdict{
		{Case: engine.CaseUnsignedPublic, Image: "docker.io/library/nginx", Expected: engine.Denied, Actual: engine.Denied, Reason: "no policy covers it", OK: true,
			Message: frame + "no matching policies: spec.template.spec.containers[0].image"},
		{Case: engine.CaseUnsignedPrivate, Image: "northamerica-northeast1-docker.pkg.dev/acme-demo/containers/unsigned@sha256:aaaabbbbccccddddeeeeffff0000111122223333444455556666777788889999",
			Expected: engine.Denied, Actual: engine.Denied, Reason: "unsigned", OK: true,
			Message: frame + "failed policy: private-signed-images-cip: signature key validation failed: no signatures found"},
		{Case: engine.CaseWrongKey, Image: "northamerica-northeast1-docker.pkg.dev/acme-demo/containers/wrong-key", Expected: engine.Denied, Actual: engine.Denied,
			Reason: "wrong-key", OK: true, Message: frame + "no matching signatures: invalid signature when validating ASN.1 encoded signature"},
		{Case: engine.CaseSigned, Image: "northamerica-northeast1-docker.pkg.dev/acme-demo/containers/nginx", Expected: engine.Admitted, Actual: engine.Admitted,
			Reason: "signed", OK: true, Message: "deployment.apps/nginx available"},
	}
}

// script is the beginning of a run, up to and with some of the last steps.
func script() []engine.Event {
	at := noon()
	var all []engine.Event
	add := func(after time.Duration, ev engine.Event) {
		at = at.Add(after)
		ev.Time = at
		all = append(all, ev)
	}
	done := func(id, text string, s float64) {
		add(0, engine.Event{Type: engine.TypeStep, Step: id, Status: engine.Started})
		add(time.Duration(s*float64(time.Second)), engine.Event{Type: engine.TypeStep, Step: id, Status: engine.Done, Seconds: s, Text: text})
	}
	add(0, engine.Event{Type: engine.TypeStep, Step: "project", Status: engine.Reused, Text: "acme-demo"})
	done("apis", "6 enabled", 2.1)
	done("keyring", "cosign", .4)
	done("key", "cosign v1", 1.2)
	done("registry", "containers", 3)
	done("image", "nginx sha256:4c1c…", 6.3)
	done("signature", "1 signature", .9)
	done("identity", "6 grants", 2.2)
	add(0, engine.Event{Type: engine.TypeStep, Step: "cluster", Status: engine.Started})
	add(5*time.Second, engine.Event{Type: engine.TypeProgress, Step: "cluster", Progress: &engine.Progress{Stage: "CLUSTER_DEPLOYING", Done: 64, Total: 100}})
	add(time.Second, engine.Event{Type: engine.TypeNotice, Step: "cluster", Text: "container.GetOperation ok 212ms"})
	return all
}

// rest is the end of a run that goes well.
func rest() []engine.Event {
	var all []engine.Event
	for _, id := range []string{"cluster", "controller", "policy", "enforcement"} {
		all = append(all, engine.Event{Type: engine.TypeStep, Step: id, Status: engine.Done, Seconds: 1.5, Text: "ready", Time: noon().Add(30 * time.Second)})
	}
	for _, v := range verdicts() {
		all = append(all, engine.Event{Type: engine.TypeVerdict, Step: "proof", Verdict: &v, Time: noon().Add(40 * time.Second)})
	}
	return append(all,
		engine.Event{Type: engine.TypeStep, Step: "proof", Status: engine.Done, Seconds: 4, Text: "4 verdicts as expected", Time: noon().Add(41 * time.Second)},
		engine.Event{Type: engine.TypeSummary, Summary: &engine.Summary{OK: true, Seconds: 41, Created: 12, Reused: 1}, Time: noon().Add(41 * time.Second)})
}

// judging is a run in the middle of its proof, in a namespace where something runs already.
func judging() []engine.Event {
	all := append(script(), rest()[:4]...)
	all = append(all, engine.Event{Type: engine.TypeNotice, Warning: true, Step: "enforcement", Time: noon().Add(31 * time.Second),
		Text: `deployment/web in namespace "default" runs busybox:1.36 and would be refused at its next start: no policy is about this image`},
		engine.Event{Type: engine.TypeStep, Step: "proof", Status: engine.Started, Time: noon().Add(32 * time.Second)})
	for _, v := range verdicts()[:2] {
		all = append(all, engine.Event{Type: engine.TypeVerdict, Step: "proof", Verdict: &v, Time: noon().Add(40 * time.Second)})
	}
	return all
}

// setups are some on record: an unfinished one and two that are done.
func setups(b *fakeBackend) []state.Listed {
	return []state.Listed{
		{Name: "acme-demo", Record: state.Record{Answers: b.session.answers, Created: noon().Add(-3 * time.Hour)}},
		{Name: "fine", Record: state.Record{Answers: b.session.answers, Finished: noon().Add(-20 * time.Minute)}},
		{Name: "old", Record: state.Record{Answers: b.session.answers, Finished: noon().Add(-72 * time.Hour)}},
	}
}

// failure is a run whose cluster step fails.
func failure() []engine.Event {
	p := &problem.Problem{ID: "quota-exceeded", What: "the region's quota of SSD_TOTAL_GB is too small", Why: "the cluster asks for 900 GB, 500 are left",
		Fix: "choose the zonal shape, or ask for more quota", Words: `Insufficient regional quota to satisfy request: resource "SSD_TOTAL_GB": request requires '900.0' and is short '400.0'.`}
	all := append(script(), engine.Event{Type: engine.TypeStep, Step: "cluster", Status: engine.Failed, Seconds: 8, Problem: p})
	for _, id := range []string{"controller", "policy", "enforcement", "proof"} {
		all = append(all, engine.Event{Type: engine.TypeStep, Step: id, Status: engine.Skipped})
	}
	return append(all, engine.Event{Type: engine.TypeSummary, Summary: &engine.Summary{Failed: 1, Skipped: 4}})
}

func newFake() *fakeBackend {
	s := &fakeSession{name: "acme-demo", plan: planOf(engine.Create), answers: state.Defaults(), events: append(script(), rest()...),
		entries: []state.Entry{
			{Resource: state.Resource{Kind: "cloudkms.keyRing", Name: "projects/acme-demo/locations/northamerica-northeast1/keyRings/cosign"}, Step: "keyring", Phase: state.Made},
			{Resource: state.Resource{Kind: "container.cluster", Name: "projects/acme-demo/locations/northamerica-northeast1-a/clusters/cosign-test-cluster"}, Step: "cluster", Phase: state.Made},
		}}
	s.answers.Project = "acme-demo"
	return &fakeBackend{
		world:    World{Sandbox: true, Account: "owner@acme.example", State: "~/.local/state/signgate/sandbox"},
		projects: []Project{{ID: "acme-demo", Name: "Acme Demo"}, {ID: "acme-staging", Name: "Acme Staging"}, {ID: "acme-tools", Name: "Acme Tools"}},
		session:  s,
		cost:     &Cost{Hourly: .14, Monthly: 102},
	}
}
