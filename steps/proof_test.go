package steps

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/kube"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

const (
	refusal = `admission webhook "policy.sigstore.dev" denied the request: validation failed: `
	covered = "northamerica-northeast1-docker.pkg.dev/acme-demo/containers/nginx@sha256:0bcd60beb93f4427c29cf3a669743caf58490e98ded4380c33c09f092734a6ab"
	unmet   = refusal + "failed policy: private-signed-images-cip: spec.template.spec.containers[0].image\n" + covered + " signature key validation failed for authority authority-0 for " + covered + ": "
)

// The words of policy-controller v0.13.1, as it says them.
func TestWhyDenied(t *testing.T) {
	for _, c := range []struct{ words, reason string }{
		{refusal + "no matching policies: spec.template.spec.containers[0].image\nindex.docker.io/library/nginx@sha256:59f6", ReasonNoPolicy},
		{unmet + "no signatures found", ReasonUnsigned},
		{unmet + "no matching signatures: invalid signature when validating ASN.1 encoded signature", ReasonWrongKey},
		{unmet + `GET https://northamerica-northeast1-docker.pkg.dev/v2/acme-demo/containers/nginx/manifests/sha256-0bcd.sig: DENIED: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/acme-demo/locations/northamerica-northeast1/repositories/containers" (or it may not exist)`, ReasonDenied},
		{refusal + "invalid value: northamerica-northeast1-docker.pkg.dev/acme-demo/containers/nginx:v1 must be an image digest: spec.template.spec.containers[0].image", ReasonUnresolved},
		{unmet + "GET https://index.docker.io/v2/library/nginx/manifests/sha256-0bcd.sig: TOOMANYREQUESTS: You have reached your unauthenticated pull rate limit", ReasonUnreachable},
		{unmet + `Get "https://northamerica-northeast1-docker.pkg.dev/v2/": dial tcp: lookup northamerica-northeast1-docker.pkg.dev: no such host`, ReasonUnreachable},
		{`Internal error occurred: failed calling webhook "policy.sigstore.dev": failed to call webhook: Post "https://webhook.cosign-system.svc:443/mutations?timeout=10s": no endpoints available for service "webhook"`, ReasonWebhookDown},
		{`Internal error occurred: failed calling webhook "policy.sigstore.dev": failed to call webhook: Post "https://webhook.cosign-system.svc:443/validations?timeout=10s": context deadline exceeded`, ReasonWebhookDown},
		{`admission webhook "other.example" denied the request: no matching policies`, ReasonOther},
		{refusal + "something new", ReasonOther},
		{`deployments.apps is forbidden: User "viewer@acme.example" cannot create resource "deployments"`, ReasonOther},
	} {
		reason, words := whyDenied(errors.New(c.words + "\x1b[31m"))
		if reason != c.reason {
			t.Errorf("%q: got %s, want %s", c.words, reason, c.reason)
		}
		if words != c.words+"[31m" {
			t.Errorf("the words became %q", words)
		}
		if Meaning(reason) == Meaning("") && reason != ReasonOther {
			t.Errorf("%s has no meaning", reason)
		}
	}
}

// A refusal for the wrong reason is no success.
func TestVerdict(t *testing.T) {
	s := proof{}
	s.a = state.Defaults()
	trials := s.trials(pinned{PinImageDigest: "sha256:a", PinUnsignedDigest: "sha256:b", PinWrongKeyDigest: "sha256:c"})
	noPolicy, unsigned, wrongKey := errors.New(refusal+"no matching policies"), errors.New(unmet+"no signatures found"), errors.New(unmet+"no matching signatures")
	for _, c := range []struct {
		name   string
		answer error
		ok     bool
	}{
		{engine.CaseUnsignedPublic, noPolicy, true}, {engine.CaseUnsignedPublic, unsigned, true}, {engine.CaseUnsignedPublic, nil, false},
		{engine.CaseUnsignedPrivate, unsigned, true}, {engine.CaseUnsignedPrivate, noPolicy, false}, {engine.CaseUnsignedPrivate, wrongKey, false}, {engine.CaseUnsignedPrivate, nil, false},
		{engine.CaseWrongKey, wrongKey, true}, {engine.CaseWrongKey, unsigned, false}, {engine.CaseWrongKey, noPolicy, false}, {engine.CaseWrongKey, nil, false},
		{engine.CaseSigned, nil, true}, {engine.CaseSigned, noPolicy, false}, {engine.CaseSigned, unsigned, false}, {engine.CaseSigned, wrongKey, false},
	} {
		for _, trial := range trials {
			if trial.name != c.name {
				continue
			}
			v := trial.verdict(c.answer)
			if v.OK != c.ok || (v.Actual == engine.Denied) != (c.answer != nil) || v.Reason == "" || v.Message == "" {
				t.Errorf("%s answered with %v: %+v, want ok %t", c.name, c.answer, v, c.ok)
			}
		}
	}
	if s.trials(pinned{PinImageDigest: "sha256:a"}) != nil {
		t.Error("trials without images")
	}
}

// pinned is a ledger that only knows pins.
type pinned map[string]string

func (p pinned) Pin(key string) string                         { return p[key] }
func (p pinned) Entry(state.Resource) state.Entry              { return state.Entry{} }
func (p pinned) Entries() []state.Entry                        { return nil }
func (p pinned) Intend(state.Resource) error                   { return nil }
func (p pinned) Operation(state.Resource, string) error        { return nil }
func (p pinned) Made(state.Resource, map[string]string) error  { return nil }
func (p pinned) Found(state.Resource, map[string]string) error { return nil }
func (p pinned) Gone(state.Resource) error                     { return nil }
func (p pinned) SetPin(key, value string) error                { p[key] = value; return nil }
func (p pinned) Setup() string                                 { return "s1" }
func (p pinned) Report(engine.Event)                           {}

func inAnswers(change func(*state.Answers)) inside {
	a := state.Defaults()
	a.Project = "acme-demo"
	if change != nil {
		change(&a)
	}
	return inside{cloud: cloud{Names: NamesOf(a)}}
}

func TestPolicyIsRenderedFromTheAnswers(t *testing.T) {
	s := inAnswers(func(a *state.Answers) { a.Suffix, a.Policy = "lab", "mine" })
	l := pinned{PinKeyVersion: "3"}
	want, err := s.policyWanted(l)
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(want.Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	const spec = `authorities:
- key:
    kms: gcpkms://projects/acme-demo/locations/northamerica-northeast1/keyRings/cosign-lab/cryptoKeys/cosign/cryptoKeyVersions/3
images:
- glob: northamerica-northeast1-docker.pkg.dev/acme-demo/containers-lab/*
mode: enforce
`
	if string(text) != spec || want.GetName() != "mine" || !ours(l, want.GetLabels()) {
		t.Errorf("policy %q, labels %v:\n%s", want.GetName(), want.GetLabels(), text)
	}
	if differs := s.policyDiffers(l, want); differs != nil {
		t.Errorf("it differs from itself: %v", differs)
	}
}

// first is a policy's first authority.
func first(spec map[string]any) map[string]any {
	return spec["authorities"].([]any)[0].(map[string]any)
}

func TestPolicyDiffers(t *testing.T) {
	s, l := inAnswers(nil), pinned{PinKeyVersion: "1"}
	for what, c := range map[string]struct {
		change func(spec map[string]any)
		first  string
	}{
		"more images": {func(m map[string]any) { m["images"] = append(m["images"].([]any), map[string]any{"glob": "**"}) }, "images "},
		"another version": {func(m map[string]any) {
			m["authorities"] = []any{map[string]any{"key": map[string]any{"kms": s.KMSRef("2")}}}
		}, "key "},
		"a second key": {func(m map[string]any) {
			m["authorities"] = append(m["authorities"].([]any), map[string]any{"key": map[string]any{"kms": s.KMSRef("2")}})
		}, "key "},
		"anything goes": {func(m map[string]any) {
			m["authorities"] = []any{map[string]any{"static": map[string]any{"action": "pass"}}}
		}, "no key; authority 0 with static {\"action\":\"pass\"}"},
		"signatures from elsewhere": {func(m map[string]any) { first(m)["source"] = []any{map[string]any{"oci": "elsewhere.example/x"}} },
			`authority 0 with source [{"oci":"elsewhere.example/x"}]`},
		"a log entry as well":   {func(m map[string]any) { first(m)["ctlog"] = map[string]any{"url": "https://rekor.sigstore.dev"} }, "authority 0 with ctlog "},
		"attestations instead":  {func(m map[string]any) { first(m)["attestations"] = []any{} }, "authority 0 with attestations "},
		"another format":        {func(m map[string]any) { first(m)["signatureFormat"] = "bundle" }, `authority 0 with signatureFormat "bundle"`},
		"a timestamp as well":   {func(m map[string]any) { first(m)["rfc3161timestamp"] = map[string]any{"trustRootRef": "x"} }, "authority 0 with rfc3161timestamp "},
		"another digest":        {func(m map[string]any) { first(m)["key"].(map[string]any)["hashAlgorithm"] = "sha512" }, `authority 0 with key.hashAlgorithm "sha512"`},
		"the default digest":    {func(m map[string]any) { first(m)["key"].(map[string]any)["hashAlgorithm"] = "sha256" }, ""},
		"the default format":    {func(m map[string]any) { first(m)["signatureFormat"] = "legacy" }, ""},
		"a field of tomorrow's": {func(m map[string]any) { first(m)["moon"] = "full" }, `authority 0 with moon "full"`},
		"only warns":            {func(m map[string]any) { m["mode"] = "warn" }, "mode warn"},
		"only some kinds":       {func(m map[string]any) { m["match"] = []any{map[string]any{"resource": "cronjobs"}} }, "a field match"},
		"by default":            {func(m map[string]any) { delete(m, "mode") }, ""},
		"with defaults on":      {func(m map[string]any) { first(m)["name"] = "authority-0" }, ""},
	} {
		now, err := s.policyWanted(l)
		if err != nil {
			t.Fatal(err)
		}
		c.change(now.Object["spec"].(map[string]any))
		before, after := inWords(s.policyDiffers(l, now))
		got := strings.Join(before, "; ")
		if c.first == "" && got != "" || !strings.HasPrefix(got, c.first) || len(before) != len(after) {
			t.Errorf("%s: %q, want %q", what, got, c.first)
		}
	}
}

// What somebody adds to an authority opens the gate or shuts it, each in its own way; the worst counts.
func TestEditedAuthorities(t *testing.T) {
	kms := map[string]any{"kms": inAnswers(nil).KMSRef("1")}
	one := func(field string, value any) []any { return []any{map[string]any{"key": kms, field: value}} }
	beside := func(field string, value any) []any {
		return []any{map[string]any{"key": kms}, map[string]any{field: value}}
	}
	for what, c := range map[string]struct {
		authorities []any
		log         bool
		effect      engine.Effect
		because     string
	}{
		"source":          {one("source", []any{map[string]any{"tagPrefix": "x"}}), false, engine.Shuts, "looked for elsewhere"},
		"ctlog":           {one("ctlog", map[string]any{}), false, engine.Shuts, "signatures have none"},
		"ctlog, in a log": {one("ctlog", map[string]any{}), true, engine.MayShut, "--public-log"},
		"attestations":    {one("attestations", []any{}), false, engine.Shuts, "wants attestations"},
		"bundles":         {one("signatureFormat", "bundle"), false, engine.Shuts, "another format"},
		"timestamps":      {one("rfc3161timestamp", map[string]any{}), false, engine.Shuts, "wants a timestamp"},
		"unknown":         {one("moon", "full"), false, engine.MayShut, "authority 0 with moon"},
		"all":             {[]any{map[string]any{"static": map[string]any{"action": "pass"}}}, false, engine.Opens, "lets in everything"},
		"all beside":      {beside("static", map[string]any{"action": "pass"}), false, engine.Opens, "authority 1 with static"},
		"none":            {[]any{map[string]any{"static": map[string]any{"action": "fail"}}}, false, engine.Shuts, "has no key"},
		"none beside":     {beside("static", map[string]any{"action": "fail"}), false, engine.Harmless, "never met"},
		"keyless beside":  {beside("keyless", map[string]any{}), false, engine.Opens, "what others have signed"},
		"a key in text":   {beside("key", map[string]any{"data": strings.Repeat("k", 500)}), false, engine.Opens, "kkk…: it lets in"},
	} {
		s, l := inAnswers(func(a *state.Answers) { a.PublicLog = c.log }), pinned{PinKeyVersion: "1"}
		now, err := s.policyWanted(l)
		if err != nil {
			t.Fatal(err)
		}
		now.Object["spec"].(map[string]any)["authorities"] = c.authorities
		effect, because := s.edited(l, s.policyDiffers(l, now))
		if effect != c.effect || !strings.Contains(because, c.because) {
			t.Errorf("%s: %s because %s; want %s because %s", what, effect, because, c.effect, c.because)
		}
	}
}

func TestPolicyState(t *testing.T) {
	const denied = "transient error getting info from KMS: rpc error: code = PermissionDenied desc = Permission 'cloudkms.cryptoKeys.get' denied on resource 'projects/p' (or it may not exist)."
	for what, c := range map[string]struct {
		status string
		ready  bool
		words  string
	}{
		"nothing said yet":     {"", false, ""},
		"said of the last one": {"observedGeneration: 1\nconditions: [{type: Ready, status: 'True'}, {type: KeysInlined, status: 'True'}]", false, ""},
		"in force":             {"observedGeneration: 2\nconditions: [{type: Ready, status: 'True'}, {type: KeysInlined, status: 'True'}]", true, ""},
		"ready without keys":   {"observedGeneration: 2\nconditions: [{type: Ready, status: 'True'}]", false, ""},
		"refused":              {"observedGeneration: 2\nconditions: [{type: KeysInlined, status: 'False', reason: InliningKeysFailed, message: \"" + denied + "\"}, {type: Ready, status: 'False'}]", false, denied},
	} {
		now := &unstructured.Unstructured{Object: map[string]any{}}
		var status map[string]any
		if err := yaml.Unmarshal([]byte(c.status), &status); err != nil {
			t.Fatal(err)
		}
		if g, ok := status["observedGeneration"].(float64); ok {
			status["observedGeneration"] = int64(g)
		}
		now.Object["status"] = status
		now.SetGeneration(2)
		ready, words := policyState(now)
		if ready != c.ready || !strings.Contains(words, c.words) || c.words == "" && words != "" {
			t.Errorf("%s: ready %t, %q", what, ready, words)
		}
	}
	for words, id := range map[string]string{
		denied: "", "code = NotFound desc = CryptoKeyVersion projects/p/x not found.": "key-version-missing",
		"kms specification should be in the format gcpkms://…": "kms-reference",
	} {
		if p := problem.From(keyLost(words)); (p == nil) != (id == "") || p != nil && p.ID != id {
			t.Errorf("%q is lost as %v, want %q", words, p, id)
		}
	}
	if p := keyUnread("Request had insufficient authentication scopes."); p.ID != "scopes-insufficient" {
		t.Errorf("got %s", p.ID)
	}
}

func TestEndpoint(t *testing.T) {
	const ca = "Y2E="
	named := &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{Endpoint: "gke-1.gke.goog", AllowExternalTraffic: new(true)}
	address := func(enabled, public bool) *containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig {
		return &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: &enabled, EnablePublicEndpoint: &public}
	}
	for what, c := range map[string]struct {
		points *containerpb.ControlPlaneEndpointsConfig
		host   string
		ca     string
	}{
		"an address":          {nil, "203.0.113.10", ca},
		"both":                {&containerpb.ControlPlaneEndpointsConfig{DnsEndpointConfig: named, IpEndpointsConfig: address(true, true)}, "203.0.113.10", ca},
		"addresses off":       {&containerpb.ControlPlaneEndpointsConfig{DnsEndpointConfig: named, IpEndpointsConfig: address(false, false)}, "gke-1.gke.goog", ""},
		"a private address":   {&containerpb.ControlPlaneEndpointsConfig{DnsEndpointConfig: named, IpEndpointsConfig: address(true, false)}, "gke-1.gke.goog", ""},
		"private, no name":    {&containerpb.ControlPlaneEndpointsConfig{IpEndpointsConfig: address(true, false)}, "203.0.113.10", ca},
		"nothing from here":   {&containerpb.ControlPlaneEndpointsConfig{IpEndpointsConfig: address(false, false)}, "", ""},
		"a name for insiders": {&containerpb.ControlPlaneEndpointsConfig{DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{Endpoint: "x"}, IpEndpointsConfig: address(false, false)}, "", ""},
	} {
		host, root := endpoint(&containerpb.Cluster{Endpoint: "203.0.113.10", MasterAuth: &containerpb.MasterAuth{ClusterCaCertificate: ca}, ControlPlaneEndpointsConfig: c.points})
		if host != c.host || root != c.ca {
			t.Errorf("%s: %q %q, want %q %q", what, host, root, c.host, c.ca)
		}
	}
}

// Every problem that a step raises is one that `signgate explain` knows.
func TestRaisedProblemsAreInTheCatalogue(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := ""
			at := 0
			switch f := call.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			switch name {
			case "raise", "Raise":
			case "blocked":
				at = 1
			default:
				return true
			}
			if id, ok := call.Args[at].(*ast.BasicLit); ok {
				found++
				text, err := strconv.Unquote(id.Value)
				if _, known := problem.Explain(text); err != nil || !known {
					t.Errorf("%s raises %s, which the catalogue does not have", file, id.Value)
				}
			}
			return true
		})
	}
	if found < 20 {
		t.Errorf("only %d problems found: the test looks past them", found)
	}
}

func TestCommandsInTheCluster(t *testing.T) {
	in := inAnswers(nil)
	all := strings.Join([]string{
		strings.Join(controller{in, kube.Chart{Repo: "https://charts.example.com", Name: "policy-controller", Version: "1.2.3", Digest: "sha256:ab"}}.Commands(), "\n"), strings.Join(policy{in}.Commands(), "\n"),
		strings.Join(enforcement{in}.Commands(), "\n"), strings.Join(proof{in}.Commands(), "\n"),
	}, "\n")
	for _, want := range []string{
		"helm pull policy-controller --repo=https://charts.example.com --version=1.2.3", "echo 'ab  policy-controller-1.2.3.tgz' | sha256sum -c -", "helm upgrade --install policy-controller policy-controller-1.2.3.tgz", "--namespace=cosign-system --create-namespace",
		"cat >policy.yaml <<'EOF'\n", `kms: "gcpkms://projects/acme-demo/locations/northamerica-northeast1/keyRings/cosign/cryptoKeys/cosign/cryptoKeyVersions/1"`,
		"kubectl label --overwrite namespace default policy.sigstore.dev/include=true",
		"kubectl create deployment nginx --namespace=default --image=\"northamerica-northeast1-docker.pkg.dev/acme-demo/containers/nginx@$(crane digest ",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}
