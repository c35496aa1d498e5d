package node

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// objects is a namespace's content.
type objects struct {
	secrets  map[string]map[string][]byte
	configs  map[string]map[string]string
	services []*corev1.Service
	tokens   int
}

func (o *objects) Secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	if data, ok := o.secrets[name]; ok {
		return &corev1.Secret{Data: data}, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

func (o *objects) ConfigMap(_ context.Context, _, name string) (*corev1.ConfigMap, error) {
	if data, ok := o.configs[name]; ok {
		return &corev1.ConfigMap{Data: data}, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name)
}

func (o *objects) Services(namespace string) ([]*corev1.Service, error) {
	var out []*corev1.Service
	for _, s := range o.services {
		if s.Namespace == namespace {
			out = append(out, s)
		}
	}
	return out, nil
}

func (o *objects) Token(context.Context, *corev1.Pod, *int64, string) (*authv1.TokenRequest, error) {
	o.tokens++
	return &authv1.TokenRequest{Status: authv1.TokenRequestStatus{
		Token: strings.Repeat("t", o.tokens), ExpirationTimestamp: metav1.NewTime(time.Now().Add(time.Hour)),
	}}, nil
}

func service(namespace, name, ip string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{ClusterIP: ip, Ports: []corev1.ServicePort{{Port: 443}}},
	}
}

func world() (*objects, *corev1.Pod) {
	o := &objects{
		secrets:  map[string]map[string][]byte{"s": {"key": []byte("secret"), "bad name=": []byte("x")}},
		configs:  map[string]map[string]string{"m": {"A": "a", "B": "b"}},
		services: []*corev1.Service{service("default", "kubernetes", "34.118.224.1"), service("default", "other", "34.118.224.9"), service("ns", "web", "34.118.224.2")},
	}
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "pod", UID: "u", Labels: map[string]string{"app": "x"}},
		Spec:       corev1.PodSpec{NodeName: "node", ServiceAccountName: "account"},
		Status:     corev1.PodStatus{PodIP: "10.48.0.7", HostIP: "10.162.0.2"},
	}
	return o, p
}

func fieldRef(path string) *corev1.EnvVarSource {
	return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}
}

func TestEnvironment(t *testing.T) {
	o, p := world()
	yes := true
	c := &corev1.Container{
		Name:      "c",
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")}},
		EnvFrom: []corev1.EnvFromSource{
			{Prefix: "M_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "m"}}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "none"}, Optional: &yes}},
		},
		Env: []corev1.EnvVar{
			{Name: "PLAIN", Value: "$(M_A) $(WEB_SERVICE_HOST) $(NOT_THERE) $$(M_A)"},
			{Name: "M_B", Value: "replaced"},
			{Name: "SECRET", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}, Key: "key"}}},
			{Name: "ABSENT", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "m"}, Key: "none", Optional: &yes}}},
			{Name: "NAMESPACE", ValueFrom: fieldRef("metadata.namespace")},
			{Name: "IP", ValueFrom: fieldRef("status.podIP")},
			{Name: "NODE", ValueFrom: fieldRef("spec.nodeName")},
			{Name: "LABEL", ValueFrom: fieldRef("metadata.labels['app']")},
			{Name: "LIMIT", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory"}}},
		},
	}
	p.Spec.Containers = []corev1.Container{*c}
	got, err := variablesOf(t.Context(), o, p, c)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"M_A": "a", "M_B": "replaced", "PLAIN": "a 34.118.224.2 $(NOT_THERE) $(M_A)", "SECRET": "secret",
		"NAMESPACE": "ns", "IP": "10.48.0.7", "NODE": "node", "LABEL": "x", "LIMIT": "67108864",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	for _, name := range []string{"ABSENT", "OTHER_SERVICE_HOST"} {
		if value, ok := got[name]; ok {
			t.Errorf("%s is set: %q", name, value)
		}
	}
	if got["KUBERNETES_SERVICE_HOST"] != "34.118.224.1" {
		t.Error("the API server's address is missing")
	}
}

func TestEnvironmentRefusesWhatIsMissing(t *testing.T) {
	o, p := world()
	c := &corev1.Container{Env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{
		SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "s"}, Key: "none"},
	}}}}
	if _, err := variablesOf(t.Context(), o, p, c); err == nil || err.Error() != "couldn't find key none in Secret ns/s" {
		t.Errorf("a missing key: %v", err)
	}
	c.Env[0].ValueFrom.SecretKeyRef.Name = "nowhere"
	if _, err := variablesOf(t.Context(), o, p, c); !apierrors.IsNotFound(err) {
		t.Errorf("a missing secret: %v", err)
	}
}

func TestArguments(t *testing.T) {
	img := &Image{Config: v1.Config{Entrypoint: []string{"/entry", "sub"}, Cmd: []string{"default"}}}
	env := map[string]string{"A": "1"}
	for name, c := range map[string]struct {
		spec corev1.Container
		want []string
	}{
		"image's own":        {corev1.Container{}, []string{"sub", "default"}},
		"args replace cmd":   {corev1.Container{Args: []string{"-x=$(A)"}}, []string{"sub", "-x=1"}},
		"command replaces":   {corev1.Container{Command: []string{"/other", "y"}}, []string{"y"}},
		"command and args":   {corev1.Container{Command: []string{"/other"}, Args: []string{"z"}}, []string{"z"}},
		"nothing to replace": {corev1.Container{Args: []string{"$(NONE)"}}, []string{"sub", "$(NONE)"}},
	} {
		if got := argv(&c.spec, img, env); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestVolumes(t *testing.T) {
	o, p := world()
	yes, mode := true, int32(0o444)
	p.Spec.Volumes = []corev1.Volume{
		{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "m"}, Items: []corev1.KeyToPath{{Key: "A", Path: "sub/a.txt"}}, DefaultMode: &mode,
		}}},
		{Name: "absent", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "none", Optional: &yes}}},
		{Name: "empty", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "account", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.namespace"}}}}},
		}}}},
	}
	v := newVolumes(t.TempDir(), o, o)
	if err := v.Sync(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	reads(t, v.path("config/sub/a.txt"), "a")
	reads(t, v.path("account/token"), "t")
	reads(t, v.path("account/namespace"), "ns")

	o.configs["m"]["A"] = "changed"
	if err := v.Sync(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	reads(t, v.path("config/sub/a.txt"), "changed")
	reads(t, v.path("account/token"), "t") // still young
	maps.DeleteFunc(v.renew, func(string, time.Time) bool { return true })
	if err := v.Sync(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	reads(t, v.path("account/token"), "tt")

	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}})
	if err := v.Sync(t.Context(), p); err == nil || !strings.Contains(err.Error(), `volume "host" : the sandbox's node has`) {
		t.Errorf("a hostPath: %v", err)
	}
}

func reads(t *testing.T, path, want string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || string(data) != want {
		t.Errorf("%s: %q, %v; want %q", path, data, err, want)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%s: others may read it: %v", path, info.Mode())
	}
}

func TestMounts(t *testing.T) {
	o, _ := world()
	v := newVolumes(t.TempDir(), o, o)
	c := &corev1.Container{VolumeMounts: []corev1.VolumeMount{
		{Name: "a", MountPath: "/var/run"}, {Name: "b", MountPath: "/var/run/deep", SubPathExpr: "$(NAME)/x", ReadOnly: true},
	}}
	got, err := v.Mounts(c, map[string]string{"NAME": "n"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Mount{{Path: "/var/run/deep", Source: v.path("b/n/x"), ReadOnly: true}, {Path: "/var/run", Source: v.path("a")}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("mounts %v, want %v", got, want)
	}
	for in, out := range map[string]string{
		"/var/run/deep/f": filepath.Join(v.path("b/n/x"), "f"), "/var/run": v.path("a"), "/var/runner": "/var/runner", "plain": "plain",
	} {
		if moved := rebase(in, got); moved != out {
			t.Errorf("%s is at %s, want %s", in, moved, out)
		}
	}
	c.VolumeMounts[1].SubPathExpr = "../../etc"
	if _, err := v.Mounts(c, nil); err == nil || !strings.Contains(err.Error(), "leads out of it") {
		t.Errorf("a path out of the volume: %v", err)
	}
}

func TestBackoff(t *testing.T) {
	var b Backoff
	for i, want := range []time.Duration{0, 10, 20, 40, 80, 160, 300, 300} {
		if got := b.Next(); got != want*time.Second {
			t.Errorf("restart %d waits %s, want %ds", i, got, want)
		}
		b.Ran(9 * time.Minute)
	}
	b.Ran(10 * time.Minute)
	if got := b.Next(); got != 0 {
		t.Errorf("after a long run it waits %s", got)
	}
}

func TestAddresses(t *testing.T) {
	a, cidr, err := newAddresses("10.48.0.0/14", 3)
	if err != nil || cidr.String() != "10.48.3.0/24" {
		t.Fatal(cidr, err)
	}
	seen := map[string]bool{}
	for range perNode {
		ip, err := a.take()
		if err != nil || seen[ip] || !strings.HasPrefix(ip, "10.48.3.") {
			t.Fatal(ip, err)
		}
		seen[ip] = true
	}
	if _, err := a.take(); err == nil {
		t.Error("an address too many")
	}
	a.give("10.48.3.9")
	if ip, err := a.take(); err != nil || ip != "10.48.3.9" {
		t.Error(ip, err)
	}
	a.give("10.48.3.7")
	if !a.keep("10.48.3.7") || a.keep("10.48.3.7") || a.keep("10.48.4.7") || a.keep("") {
		t.Error("what can be kept is a free address of the node's own")
	}
	if _, _, err := newAddresses("10.48.0.0/24", 1); err == nil {
		t.Error("a node beyond the range")
	}
}
