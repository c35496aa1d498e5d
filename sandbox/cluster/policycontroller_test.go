package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// binaries are those that make build makes: policy-controller refuses an API
// server whose version was not stamped at link time, as this test's is not.
func binaries(t *testing.T) (cluster, controller string) {
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	cluster, controller = filepath.Join(bin, "signgate-cluster"), filepath.Join(bin, "policy-controller")
	for _, path := range []string{cluster, controller} {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			t.Skipf("%s is not there: make cluster policy-controller", path)
		}
	}
	return cluster, controller
}

// upstreamObjects are policy-controller's own manifests, from its module.
func upstreamObjects(t *testing.T, image string) []*unstructured.Unstructured {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/sigstore/policy-controller").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "config", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*unstructured.Unstructured
	for _, f := range files {
		if filepath.Base(f) == "kustomization.yaml" {
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.ReplaceAll(data, []byte("ko://github.com/sigstore/policy-controller/cmd/webhook"), []byte(image))
		data = bytes.ReplaceAll(data, []byte("args: ["), []byte("args: [\"-disable-tuf=true\","))
		d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
		for {
			var u unstructured.Unstructured
			if err := d.Decode(&u); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			if u.GetKind() != "" {
				out = append(out, &u)
			}
		}
	}
	return out
}

// applier creates objects of any kind.
type applier struct {
	t      *testing.T
	client dynamic.Interface
	mapper meta.ResettableRESTMapper
}

func (r *running) applier(token string) *applier {
	r.w.t.Helper()
	ca, err := os.ReadFile(r.w.config.CACert)
	r.w.check(err)
	d, err := dynamic.NewForConfig(&rest.Config{
		Host: "https://" + r.ready.APIServer, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: ca}, QPS: 100, Burst: 100,
	})
	r.w.check(err)
	return &applier{t: r.w.t, client: d, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(r.client(token).Discovery()))}
}

func (a *applier) create(u *unstructured.Unstructured) error {
	m, err := a.mapper.RESTMapping(u.GroupVersionKind().GroupKind(), u.GroupVersionKind().Version)
	if err != nil {
		a.mapper.Reset()
		return err
	}
	var c dynamic.ResourceInterface = a.client.Resource(m.Resource)
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		c = a.client.Resource(m.Resource).Namespace(u.GetNamespace())
	}
	_, err = c.Create(context.Background(), u, metav1.CreateOptions{})
	return err
}

// TestPolicyController runs the unmodified policy-controller as a pod and
// has it decide.
func TestPolicyController(t *testing.T) {
	t.Run("isolated", func(t *testing.T) { policyController(t, false) })
	t.Run("host network", func(t *testing.T) { policyController(t, true) })
}

func policyController(t *testing.T, host bool) {
	cluster, controller := binaries(t)
	w := newWorld(t)
	ctx := context.Background()
	image := w.push("index.docker.io/sigstore/policy-controller:v0.13.1", func(c *v1.Config) { c.Entrypoint = []string{"/ko-app/webhook"} })
	w.config.Programs = map[string]string{image: controller}
	w.config.HostNetwork = host
	unsigned := w.push(private+"/project/containers/unsigned:v1", nil)
	r := w.start(cluster)
	if r.ready.Stage != "ready" {
		t.Fatalf("not ready: %+v", r.lines)
	}
	began := time.Now()
	a, c := r.applier(ownerToken), r.client(ownerToken)
	for _, u := range upstreamObjects(t, image) {
		await(t, "creating "+u.GetKind()+" "+u.GetName(), func() (bool, string) {
			err := a.create(u)
			return err == nil || apierrors.IsAlreadyExists(err), errorText(err)
		})
	}
	available(t, c, "cosign-system", "webhook")
	t.Logf("Available %s after its objects were sent", time.Since(began).Round(time.Millisecond))

	policy := clusterImagePolicy(t)
	await(t, "the policy to be accepted", func() (bool, string) { err := a.create(policy); return err == nil, errorText(err) })
	_, err := c.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "guarded", Labels: map[string]string{"policy.sigstore.dev/include": "true"},
	}}, metav1.CreateOptions{})
	w.check(err)
	d := deployment("unsigned", unsigned)
	d.Namespace = "guarded"
	await(t, "the unsigned image to be refused for its missing signature", func() (bool, string) {
		_, err := c.AppsV1().Deployments("guarded").Create(ctx, d, metav1.CreateOptions{})
		w.mu.Lock()
		defer w.mu.Unlock()
		return err != nil && strings.Contains(err.Error(), "no signatures found"), errorText(err) + strings.Join(w.pods[max(0, len(w.pods)-5):], "\n")
	})
	t.Logf("refused %s after its objects were sent", time.Since(began).Round(time.Millisecond))
	w.mu.Lock()
	asked := strings.Join(w.pods, "\n")
	w.mu.Unlock()
	if !strings.Contains(asked, "cosign-system/webhook-") || !strings.Contains(asked, " webhook "+w.config.Nodes[0].Name) {
		t.Errorf("who asked the metadata server: %q", asked)
	}
	pods, err := c.CoreV1().Pods("cosign-system").List(ctx, metav1.ListOptions{})
	w.check(err)
	logs, err := c.CoreV1().Pods("cosign-system").GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{}).DoRaw(ctx)
	if err != nil || !bytes.Contains(logs, []byte("policy-controller")) {
		t.Errorf("logs: %.300q, %v", logs, err)
	}
	checkOpen(t, r, host)
	left := children(t, r.cmd.Process.Pid)
	if len(left) == 0 {
		t.Error("no process runs for the pod")
	}
	w.check(r.cmd.Process.Kill())
	<-r.ended
	await(t, "the pod's process to be gone", func() (bool, string) {
		for _, pid := range left {
			if _, err := os.Stat("/proc/" + pid); err == nil {
				return false, pid
			}
		}
		return true, ""
	})
}

func errorText(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

// clusterImagePolicy trusts one key that signed nothing.
func clusterImagePolicy(t *testing.T) *unstructured.Unstructured {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	data := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"images":      []any{map[string]any{"glob": private + "/project/containers/*"}},
		"authorities": []any{map[string]any{"name": "key", "key": map[string]any{"data": data}}},
	}}}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: "policy.sigstore.dev", Version: "v1alpha1", Kind: "ClusterImagePolicy"})
	u.SetName("signed")
	return u
}

// children are the processes that a process started.
func children(t *testing.T, parent int) []string {
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(parent)).Output()
	if err != nil {
		t.Logf("pgrep: %v", err)
	}
	return strings.Fields(string(out))
}

// checkOpen holds what listens on all interfaces to what was said.
func checkOpen(t *testing.T, r *running, host bool) {
	var said []string
	for {
		select {
		case l := <-r.rest:
			said = append(said, l.Open...)
			continue
		default:
		}
		break
	}
	if host != (len(said) > 0) {
		t.Errorf("open on all interfaces, as told: %v; host network: %v", said, host)
	}
}
