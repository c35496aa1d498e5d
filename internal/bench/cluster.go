package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// controllerNamespace is where both sides install.
const controllerNamespace = "cosign-system"

// cluster is the sandbox's one, for Helm by a kubeconfig, and for clearing up between runs.
type cluster struct {
	b          *bench
	helm       string
	env        []string
	kubeconfig string
	client     *kubernetes.Clientset
}

// cluster writes a kubeconfig with a token in it: Helm's time is to be its own, not that of a program that gets it one.
func (b *bench) cluster(helm string) (*cluster, error) {
	env, err := b.environ()
	if err != nil {
		return nil, err
	}
	text, err := b.signgate("sandbox", "kubeconfig").Output()
	if err != nil {
		return nil, said(err)
	}
	config, err := clientcmd.Load(text)
	if err != nil {
		return nil, err
	}
	for _, user := range config.AuthInfos {
		if err := b.token(user); err != nil {
			return nil, err
		}
	}
	c := &cluster{b: b, helm: helm, kubeconfig: filepath.Join(b.state, "kubeconfig")}
	if err := clientcmd.WriteToFile(*config, c.kubeconfig); err != nil {
		return nil, err
	}
	c.env = append(env, "KUBECONFIG="+c.kubeconfig)
	for _, name := range []string{"CACHE", "CONFIG", "DATA"} { // not the user's own
		c.env = append(c.env, "HELM_"+name+"_HOME="+filepath.Join(b.state, "helm", strings.ToLower(name)))
	}
	rest, err := clientcmd.NewDefaultClientConfig(*config, nil).ClientConfig()
	if err != nil {
		return nil, err
	}
	c.client, err = kubernetes.NewForConfig(rest)
	return c, err
}

// token has a user's program say its token, and puts that in its place.
func (b *bench) token(user *clientcmdapi.AuthInfo) error {
	if user.Exec == nil {
		return nil
	}
	out, err := b.command(user.Exec.Command, user.Exec.Args...).Output()
	if err != nil {
		return said(err)
	}
	_, rest, _ := strings.Cut(string(out), `"token":"`)
	user.Token, _, _ = strings.Cut(rest, `"`)
	if user.Token == "" {
		return fmt.Errorf("%s gave no token", strings.Join(user.Exec.Args, " "))
	}
	user.Exec = nil
	return nil
}

// run is Helm on the cluster.
func (c *cluster) run(args ...string) *exec.Cmd {
	cmd := c.b.command(c.helm, args...)
	cmd.Env = c.env
	return cmd
}

// clear takes away what an install left, so that the next one begins where this one
// did: the release, its pods at once, its leases, the namespace with them.
func (c *cluster) clear() error {
	if _, err := took(c.run("uninstall", "policy-controller", "-n", controllerNamespace, "--no-hooks")); err != nil {
		return err
	}
	ctx, now := c.b.ctx, int64(0)
	soon := metav1.DeleteOptions{GracePeriodSeconds: &now}
	namespaces := c.client.CoreV1().Namespaces()
	watch, err := namespaces.Watch(ctx, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", controllerNamespace).String()})
	if err != nil {
		return err
	}
	defer watch.Stop()
	if err := namespaces.Delete(ctx, controllerNamespace, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	late := time.After(2 * time.Minute)
	for {
		// A deployment that is going may still make a pod: asked again and again until the namespace is gone.
		if err := c.client.CoreV1().Pods(controllerNamespace).DeleteCollection(ctx, soon, metav1.ListOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if _, err := namespaces.Get(ctx, controllerNamespace, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			return nil
		}
		select {
		case <-watch.ResultChan():
		case <-time.After(200 * time.Millisecond):
		case <-late:
			return fmt.Errorf("namespace %s is still there", controllerNamespace)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
