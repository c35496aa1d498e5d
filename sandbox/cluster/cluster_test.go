package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func deployment(name, image string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}},
			},
		},
	}
}

// available waits for a Deployment's Available condition.
func available(t *testing.T, c kubernetes.Interface, namespace, name string) {
	t.Helper()
	await(t, "deployment "+name+" to be Available", func() (bool, string) {
		d, err := c.AppsV1().Deployments(namespace).Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		for _, cond := range d.Status.Conditions {
			if cond.Type == appsv1.DeploymentAvailable && cond.Status == corev1.ConditionTrue {
				return true, ""
			}
		}
		pods, err := c.CoreV1().Pods(namespace).List(context.Background(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		seen, _ := json.Marshal(pods.Items)
		return false, string(seen)
	})
}

// waiting waits for a container to wait for that reason, and gives its words.
func waiting(t *testing.T, c kubernetes.Interface, app, reason string) (message string) {
	t.Helper()
	await(t, app+" to be "+reason, func() (bool, string) {
		pods, err := c.CoreV1().Pods("default").List(context.Background(), metav1.ListOptions{LabelSelector: "app=" + app})
		if err != nil {
			return false, err.Error()
		}
		for _, p := range pods.Items {
			for _, s := range p.Status.ContainerStatuses {
				if s.State.Waiting != nil && s.State.Waiting.Reason == reason {
					message = s.State.Waiting.Message
					return true, ""
				}
			}
		}
		seen, _ := json.Marshal(pods.Items)
		return false, string(seen)
	})
	return message
}

// TestCluster is one cluster's life: it starts, runs a Deployment, is killed
// with -9, leaves nothing, and comes back with its data.
func TestCluster(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	image := w.push(private+"/project/containers/nginx:v1", nil)
	r := w.start("")
	if r.ready.Stage != "ready" {
		t.Fatalf("not ready: %+v", r.lines)
	}
	c := r.client(ownerToken)
	if _, err := c.AppsV1().Deployments("default").Create(ctx, deployment("nginx", image), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	available(t, c, "default", "nginx")

	t.Run("node", func(t *testing.T) { checkNode(t, c) })
	t.Run("viewer", func(t *testing.T) {
		err := r.client(viewerToken).AppsV1().Deployments("default").Delete(ctx, "nginx", metav1.DeleteOptions{})
		if !apierrors.IsForbidden(err) {
			t.Errorf("a viewer's delete: %v", err)
		}
		_, err = r.client("nobody").CoreV1().Pods("default").List(ctx, metav1.ListOptions{})
		if !apierrors.IsUnauthorized(err) {
			t.Errorf("an unknown token: %v", err)
		}
	})
	t.Run("reviews", func(t *testing.T) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.reviews) == 0 {
			t.Error("IAM was never asked")
		}
		for _, s := range w.reviews {
			if strings.HasPrefix(s.User, "system:") {
				t.Errorf("IAM was asked about %s", s.User)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		w.mu.Lock()
		w.refuse = true
		w.mu.Unlock()
		other := deployment("refused", private+"/project/containers/other:v1")
		if _, err := c.AppsV1().Deployments("default").Create(ctx, other, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		words := waiting(t, c, "refused", "ErrImagePull")
		if !strings.Contains(words, `DENIED: Permission "artifactregistry.repositories.downloadArtifacts" denied`) {
			t.Errorf("the registry's words are not in %q", words)
		}
		waiting(t, c, "refused", "ImagePullBackOff")
		if err := c.AppsV1().Deployments("default").Delete(ctx, "refused", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("logs", func(t *testing.T) {
		pods, err := c.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=nginx"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.CoreV1().Pods("default").GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{}).DoRaw(ctx)
		if err != nil || !strings.Contains(string(got), "executes nothing") {
			t.Errorf("logs: %q, %v", got, err)
		}
	})
	t.Run("audit", func(t *testing.T) { checkAudit(t, filepath.Join(w.config.Dir, "audit.log")) })
	t.Run("second", func(t *testing.T) {
		if second := w.start(""); !strings.Contains(second.ready.Error, "already runs") {
			t.Errorf("a second start: %+v", second.lines)
		}
	})
	t.Run("files", func(t *testing.T) { checkPrivate(t, w.config.Dir) })

	if err := r.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	if conn, err := net.Dial("tcp", r.ready.APIServer); err == nil {
		_ = conn.Close()
		t.Error("the API server's port is still open")
	}
	r = w.start("") // the registry still refuses: what a node had, it has
	c = r.client(ownerToken)
	if _, err := c.AppsV1().Deployments("default").Get(ctx, "nginx", metav1.GetOptions{}); err != nil {
		t.Fatalf("after a restart: %v", err)
	}
	available(t, c, "default", "nginx")
	await(t, "nginx to run again", func() (bool, string) {
		pods, err := c.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=nginx"})
		if err != nil || len(pods.Items) != 1 {
			return false, fmt.Sprint(pods, err)
		}
		s := pods.Items[0].Status.ContainerStatuses[0]
		return s.RestartCount == 1 && s.State.Running != nil, s.String()
	})
	_ = r.stdin.Close() // the sandbox is gone
	<-r.ended
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit %d when its standard input ended", code)
	}
}

func checkNode(t *testing.T, c kubernetes.Interface) {
	nodes, err := c.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	if err != nil || len(nodes.Items) != 1 {
		t.Fatalf("nodes: %v, %v", nodes, err)
	}
	n := nodes.Items[0]
	for label, want := range map[string]string{
		"cloud.google.com/gke-nodepool": "default-pool", "topology.kubernetes.io/zone": "northamerica-northeast1-a",
		"topology.kubernetes.io/region": "northamerica-northeast1", "node.kubernetes.io/instance-type": "e2-medium", "kubernetes.io/os": "linux",
	} {
		if n.Labels[label] != want {
			t.Errorf("label %s is %q, want %q", label, n.Labels[label], want)
		}
	}
	if !strings.HasPrefix(n.Spec.ProviderID, "gce://") || n.Status.NodeInfo.KubeletVersion != "v1.35.4-gke.100" {
		t.Errorf("provider ID %q, version %q", n.Spec.ProviderID, n.Status.NodeInfo.KubeletVersion)
	}
	if cpu := n.Status.Allocatable.Cpu().String(); cpu != "940m" {
		t.Errorf("allocatable CPU is %s", cpu)
	}
}

// checkAudit finds the Deployment's creation with its body, and no read.
func checkAudit(t *testing.T, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var created bool
	data = data[:bytes.LastIndexByte(data, '\n')+1] // the last line may be half written
	for _, l := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var e struct {
			Verb, Level   string
			User          struct{ Username string }
			ObjectRef     struct{ Resource, Name string }
			RequestObject json.RawMessage
		}
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatalf("audit line %q: %v", l, err)
		}
		if e.Verb == "get" || e.Verb == "list" || e.Verb == "watch" || e.ObjectRef.Resource == "leases" || e.ObjectRef.Resource == "events" {
			t.Errorf("noise in the audit log: %s %s", e.Verb, e.ObjectRef.Resource)
		}
		if e.Verb == "create" && e.ObjectRef.Resource == "deployments" && e.ObjectRef.Name == "nginx" {
			created = e.User.Username == owner && e.Level == "RequestResponse" && len(e.RequestObject) > 0
		}
	}
	if !created {
		t.Error("the Deployment's creation, by whom and with its body, is not in the audit log")
	}
}

// checkPrivate finds no file or folder that others may read.
func checkPrivate(t *testing.T, dir string) {
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		if strings.HasPrefix(info.Name(), "..") {
			return nil // upstream's atomic writer's, in a private folder
		}
		if info.Mode().Perm()&0o077 != 0 && info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
