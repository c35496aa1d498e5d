package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/release"
	"sigs.k8s.io/yaml"

	"github.com/signgate/signgate/sandbox/chart"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// module is where the controller's module is, of the version that the chart is for.
func module(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", "github.com/sigstore/policy-controller@v"+chart.AppVersion).Output()
	if err != nil {
		t.Fatalf("get the module of policy-controller: %v\n%s", err, out)
	}
	var m struct{ Dir string }
	check(t, json.Unmarshal(out, &m))
	return m.Dir
}

// assemble makes a chart for a binary that is none.
func assemble(t testing.TB) (archive string) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "policy-controller")
	check(t, os.WriteFile(binary, bytes.Repeat([]byte("not a program\n"), 1000), 0o755))
	archive = filepath.Join(dir, chart.Archive)
	check(t, run(binary, archive, module(t)))
	return archive
}

func install(t testing.TB, archive, values string) (*release.Release, error) {
	t.Helper()
	c, err := loader.Load(archive)
	check(t, err)
	var v map[string]any
	check(t, yaml.Unmarshal([]byte(values), &v))
	in := action.NewInstall(&action.Configuration{})
	in.DryRun, in.ClientOnly, in.ReleaseName, in.Namespace = true, true, "policy-controller", "cosign-system"
	in.KubeVersion = &chartutil.KubeVersion{Version: "v1.35.4", Major: "1", Minor: "35"}
	return in.Run(c, v)
}

// rendered are a release's objects by kind and name, hooks too.
func rendered(t testing.TB, r *release.Release) map[string]object {
	t.Helper()
	text := r.Manifest
	for _, h := range r.Hooks {
		text += "\n---\n" + h.Manifest
	}
	all := map[string]object{}
	for document := range strings.SplitSeq(text, "\n---\n") {
		var o object
		check(t, yaml.Unmarshal([]byte(document), &o))
		if len(o) == 0 {
			continue
		}
		name := ""
		check(t, into(o, &name, "metadata", "name"))
		all[o["kind"].(string)+" "+name] = o
	}
	return all
}

func TestSameBytes(t *testing.T) {
	t.Parallel()
	first, err := os.ReadFile(assemble(t))
	check(t, err)
	second, err := os.ReadFile(assemble(t))
	check(t, err)
	if !bytes.Equal(first, second) {
		t.Error("the same input gave two charts")
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	result := action.NewLint().Run([]string{assemble(t)}, nil)
	for _, m := range result.Messages {
		if m.Severity > support.InfoSev {
			t.Error(m)
		}
	}
	for _, err := range result.Errors {
		t.Error(err)
	}
}

// TestObjects holds the release to what upstream's chart (policy-controller 0.10.6) makes.
func TestObjects(t *testing.T) {
	t.Parallel()
	r, err := install(t, assemble(t), "")
	check(t, err)
	all := rendered(t, r)
	want := []string{
		"ClusterRole policy-controller-webhook", "ClusterRoleBinding policy-controller-webhook",
		"ConfigMap config-image-policies", "ConfigMap config-policy-controller", "ConfigMap config-sigstore-keys", "ConfigMap policy-controller-webhook-logging",
		"CustomResourceDefinition clusterimagepolicies.policy.sigstore.dev", "CustomResourceDefinition trustroots.policy.sigstore.dev",
		"Deployment policy-controller-webhook", "Job leases-cleanup",
		"MutatingWebhookConfiguration defaulting.clusterimagepolicy.sigstore.dev", "MutatingWebhookConfiguration policy.sigstore.dev",
		"PodDisruptionBudget policy-controller-webhook",
		"Role policy-controller-cleanup", "Role policy-controller-webhook", "RoleBinding policy-controller-cleanup", "RoleBinding policy-controller-webhook",
		"Secret webhook-certs", "Service policy-controller-webhook-metrics", "Service webhook",
		"ServiceAccount policy-controller-webhook", "ServiceAccount policy-controller-webhook-cleanup",
		"ValidatingWebhookConfiguration policy.sigstore.dev", "ValidatingWebhookConfiguration validating.clusterimagepolicy.sigstore.dev",
	}
	var have []string
	for name := range all {
		have = append(have, name)
	}
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("objects:\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	if len(r.Hooks) != 4 {
		t.Errorf("%d hooks, want the clean-up's 4", len(r.Hooks))
	}
	for _, h := range r.Hooks {
		if !slices.Equal(h.Events, []release.HookEvent{release.HookPostDelete}) || !slices.Equal(h.DeletePolicies, []release.HookDeletePolicy{release.HookSucceeded}) {
			t.Errorf("the hook %s comes at %v, goes at %v", h.Name, h.Events, h.DeletePolicies)
		}
	}
}

// fields are places in objects and what is there.
type fields []struct {
	object string
	path   []any
	want   string // YAML
}

func (f fields) check(t *testing.T, all map[string]object) {
	t.Helper()
	for _, one := range f {
		var got, want any
		if err := into(all[one.object], &got, one.path...); err != nil {
			t.Errorf("%s: %v", one.object, err)
			continue
		}
		check(t, yaml.Unmarshal([]byte(one.want), &want))
		gotText, _ := yaml.Marshal(got)
		wantText, _ := yaml.Marshal(want)
		if !bytes.Equal(gotText, wantText) {
			t.Errorf("%s %v:\n%swant\n%s", one.object, one.path, gotText, wantText)
		}
	}
}

const deployment = "Deployment policy-controller-webhook"

func container(path ...any) []any {
	return append([]any{"spec", "template", "spec", "containers", 0}, path...)
}

func TestFields(t *testing.T) {
	t.Parallel()
	archive := assemble(t)
	r, err := install(t, archive, "")
	check(t, err)
	img, err := chart.Describe(filepath.Join(filepath.Dir(archive), "policy-controller"))
	check(t, err)
	fields{
		{deployment, []any{"spec", "replicas"}, "1"},
		{deployment, []any{"spec", "selector", "matchLabels"}, "{app.kubernetes.io/name: policy-controller, app.kubernetes.io/instance: policy-controller, control-plane: policy-controller-webhook}"},
		{deployment, []any{"spec", "template", "spec", "terminationGracePeriodSeconds"}, "300"},
		{deployment, container("image"), chart.Repository + "@" + img.Digest()},
		{deployment, container("readinessProbe"), "{failureThreshold: 6, initialDelaySeconds: 20, periodSeconds: 1, httpGet: {path: /readyz, port: 8443, scheme: HTTPS, httpHeaders: [{name: k-kubelet-probe, value: webhook}]}}"},
		{deployment, container("livenessProbe"), "{failureThreshold: 6, initialDelaySeconds: 30, periodSeconds: 1, httpGet: {path: /healthz, port: 8443, scheme: HTTPS, httpHeaders: [{name: k-kubelet-probe, value: webhook}]}}"},
		{deployment, container("ports"), "[{name: https, containerPort: 8443, protocol: TCP}, {name: metrics, containerPort: 9090, protocol: TCP}]"},
		{deployment, container("resources"), "{limits: {cpu: 200m, memory: 512Mi}, requests: {cpu: 100m, memory: 128Mi}}"},
		{deployment, container("securityContext"), "{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsUser: 1000, capabilities: {drop: [ALL]}}"},
		{deployment, container("env"), "[{name: SYSTEM_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}, {name: CONFIG_LOGGING_NAME, value: policy-controller-webhook-logging}, " +
			"{name: CONFIG_OBSERVABILITY_NAME, value: policy-controller-webhook-observability}, {name: METRICS_DOMAIN, value: sigstore.dev/policy}, {name: WEBHOOK_NAME, value: webhook}, {name: HOME, value: /home/nonroot}]"},
		{"Service webhook", []any{"spec", "ports"}, "[{name: https, port: 443, targetPort: https, protocol: TCP}]"},
		{"PodDisruptionBudget policy-controller-webhook", []any{"spec", "minAvailable"}, "1"},
		{"ValidatingWebhookConfiguration policy.sigstore.dev", []any{"webhooks"}, "[{name: policy.sigstore.dev, admissionReviewVersions: [v1], failurePolicy: Fail, sideEffects: None, " +
			"clientConfig: {service: {name: webhook, namespace: cosign-system}}, namespaceSelector: {matchExpressions: [{key: policy.sigstore.dev/include, operator: In, values: ['true']}]}}]"},
		{"MutatingWebhookConfiguration policy.sigstore.dev", []any{"webhooks", 0, "reinvocationPolicy"}, "IfNeeded"},
		{"ClusterRoleBinding policy-controller-webhook", []any{"subjects"}, "[{kind: ServiceAccount, name: policy-controller-webhook, namespace: cosign-system}]"},
	}.check(t, rendered(t, r))
}

func TestValues(t *testing.T) {
	t.Parallel()
	r, err := install(t, assemble(t), `
cosign: {webhookTimeoutSeconds: {mutating: 7}}
loglevel: debug
webhook:
  configData: {no-match-policy: allow}
  extraArgs: {disable-tuf: true, policy-resync-period: 1h}
  failurePolicy: Ignore
  serviceAccount: {annotations: {iam.gke.io/gcp-service-account: a@b.example}}
  webhookTimeoutSeconds: {defaulting: 3}
`)
	check(t, err)
	fields{
		{deployment, container("args"), "[-disable-tuf=true, -policy-resync-period=1h]"},
		{"MutatingWebhookConfiguration policy.sigstore.dev", []any{"webhooks", 0, "timeoutSeconds"}, "7"},
		{"MutatingWebhookConfiguration policy.sigstore.dev", []any{"webhooks", 0, "failurePolicy"}, "Ignore"},
		{"MutatingWebhookConfiguration defaulting.clusterimagepolicy.sigstore.dev", []any{"webhooks", 0, "timeoutSeconds"}, "3"},
		{"MutatingWebhookConfiguration defaulting.clusterimagepolicy.sigstore.dev", []any{"webhooks", 0, "failurePolicy"}, "Fail"},
		{"ConfigMap config-policy-controller", []any{"data"}, "{no-match-policy: allow}"},
		{"ConfigMap policy-controller-webhook-logging", []any{"data", "loglevel.webhook"}, "debug"},
		{"ServiceAccount policy-controller-webhook", []any{"metadata", "annotations"}, "{iam.gke.io/gcp-service-account: a@b.example}"},
	}.check(t, rendered(t, r))
}

func TestWrongValues(t *testing.T) {
	t.Parallel()
	archive := assemble(t)
	for values, want := range map[string]string{
		"webhook: {replicaCount: many}":             "got string, want integer",
		"webhook: {extraArgs: -disable-tuf}":        "got string, want object",
		"webhook: {webhookNames: {defaulting: ''}}": "webhook.webhookNames.defaulting is missing",
	} {
		if _, err := install(t, archive, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", values, err, want)
		}
	}
}

func TestWrongInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary := filepath.Join(dir, "policy-controller")
	if err := run(binary, filepath.Join(dir, "c.tgz"), dir); err == nil {
		t.Error("assembled without a binary")
	}
	check(t, os.WriteFile(binary, []byte("x"), 0o755))
	if err := run(binary, filepath.Join(dir, "c.tgz"), dir); err == nil {
		t.Error("assembled from a folder that is no module")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*c*.tgz*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
