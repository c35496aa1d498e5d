package matrix

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// api is a way to a cluster, and the kinds of objects that it has.
type api struct {
	ask    discovery.DiscoveryInterface
	client dynamic.Interface
}

// api is that of the world's cluster. The way there is asked for once.
func (w *World) api(ctx context.Context) (*api, error) {
	if w.cluster != nil {
		return w.cluster, nil
	}
	kubeconfig, err := w.command(ctx, "sandbox", "kubeconfig").Output()
	if err != nil {
		return nil, fmt.Errorf("sandbox kubeconfig: %w: %s", err, stderr(err))
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	ask, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	w.cluster = &api{ask, client}
	return w.cluster, nil
}

// objects are all of the cluster's, of every kind that can be listed: kind, then namespace and
// name, then the object.
func (w *World) objects(ctx context.Context) (map[string]map[string]any, error) {
	api, err := w.api(ctx)
	if err != nil {
		return nil, err
	}
	lists, err := api.ask.ServerPreferredResources()
	if err != nil {
		return nil, fmt.Errorf("list the kinds of objects: %w", err)
	}
	all := map[string]map[string]any{}
	var kinds []schema.GroupVersionResource
	for _, list := range lists {
		group, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, kind := range list.APIResources {
			resource := group.WithResource(kind.Name)
			rule := ruleFor("cluster/" + resource.GroupResource().String() + "/any/any")
			if slices.Contains(kind.Verbs, "list") && (rule == nil || !rule.Left) {
				kinds = append(kinds, resource)
			}
		}
	}
	return all, fetch(ctx, api.client, kinds, all)
}

func stderr(err error) []byte {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.Stderr
	}
	return nil
}

// fetch lists every kind, all at once.
func fetch(ctx context.Context, client dynamic.Interface, kinds []schema.GroupVersionResource, all map[string]map[string]any) error {
	var mu sync.Mutex
	var wait sync.WaitGroup
	var errs []error
	for _, kind := range kinds {
		wait.Go(func() {
			got, err := client.Resource(kind).List(ctx, metav1.ListOptions{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("list %s: %w", kind.Resource, err))
				return
			}
			all[kind.GroupResource().String()] = byName(got.Items)
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// byName has objects by namespace and name. Helm's record is opened: it is packed twice.
func byName(items []unstructured.Unstructured) map[string]any {
	all := map[string]any{}
	for _, item := range items {
		key := item.GetName()
		if began := item.GetGenerateName(); began != "" {
			key = began + "*"
		}
		if item.GetNamespace() != "" {
			key = item.GetNamespace() + "/" + key
		}
		for all[key] != nil { // two of the same beginning are two
			key += "+"
		}
		if packed, ok, _ := unstructured.NestedString(item.Object, "data", "release"); ok {
			if tree, err := unpack(packed); err == nil {
				item.Object["data"] = map[string]any{"release": tree}
			}
		}
		all[key] = item.Object
	}
	return all
}

func unpack(packed string) (any, error) {
	once, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return nil, err
	}
	twice, err := base64.StdEncoding.DecodeString(string(once))
	if err != nil {
		return nil, err
	}
	plain, err := gzip.NewReader(bytes.NewReader(twice))
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	text, err := io.ReadAll(plain)
	if err != nil {
		return nil, err
	}
	var release map[string]any
	if err := json.Unmarshal(text, &release); err != nil {
		return nil, err
	}
	if chart, ok := release["chart"].(map[string]any); ok {
		release["chart"] = chart["metadata"] // its files say nothing that its version does not
	}
	return release, nil
}

// generated gives objects whose names Kubernetes makes up the name that they began with.
func generated(all map[string]map[string]any) *strings.Replacer {
	var pairs []string
	for _, objects := range all {
		for _, one := range objects {
			object := unstructured.Unstructured{Object: one.(map[string]any)}
			if began := object.GetGenerateName(); began != "" {
				pairs = append(pairs, object.GetName(), began+"*")
			}
		}
	}
	return strings.NewReplacer(pairs...)
}
