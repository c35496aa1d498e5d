package node

import (
	"context"
	"fmt"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	apiresource "k8s.io/kubernetes/pkg/api/v1/resource"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/pkg/kubelet/envvars"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// Objects gives what pods refer to.
type Objects interface {
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error)
	Services(namespace string) ([]*corev1.Service, error)
}

// environment resolves a container's variables as a kubelet does: services
// first, then envFrom, then env, where $(NAME) refers to what came before.
type environment struct {
	objects Objects
	pod     *corev1.Pod
	values  map[string]string
}

// variablesOf gives the container's variables by name.
func variablesOf(ctx context.Context, o Objects, pod *corev1.Pod, c *corev1.Container) (map[string]string, error) {
	e := environment{objects: o, pod: pod, values: map[string]string{}}
	services, err := e.services()
	if err != nil {
		return nil, err
	}
	for _, from := range c.EnvFrom {
		if err := e.from(ctx, from); err != nil {
			return nil, err
		}
	}
	expand := expansion.MappingFuncFor(e.values, services)
	for _, v := range c.Env {
		value := expansion.Expand(v.Value, expand)
		if v.ValueFrom != nil {
			var found bool
			if value, found, err = e.valueFrom(ctx, v.ValueFrom, c); err != nil {
				return nil, err
			} else if !found {
				continue
			}
		}
		e.values[v.Name] = value
	}
	for name, value := range services {
		if _, set := e.values[name]; !set {
			e.values[name] = value
		}
	}
	return e.values, nil
}

// services are the pod's namespace's and always the API server's.
func (e *environment) services() (map[string]string, error) {
	out := map[string]string{}
	wanted := map[string]*corev1.Service{}
	for _, namespace := range []string{corev1.NamespaceDefault, e.pod.Namespace} {
		list, err := e.objects.Services(namespace)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			master := namespace == corev1.NamespaceDefault && s.Name == "kubernetes"
			all := namespace == e.pod.Namespace && (e.pod.Spec.EnableServiceLinks == nil || *e.pod.Spec.EnableServiceLinks)
			if s.Spec.ClusterIP != "" && s.Spec.ClusterIP != corev1.ClusterIPNone && (master || all) {
				wanted[s.Name] = s
			}
		}
	}
	names := make([]string, 0, len(wanted))
	for name := range wanted {
		names = append(names, name)
	}
	sort.Strings(names)
	sorted := make([]*corev1.Service, 0, len(names))
	for _, name := range names {
		sorted = append(sorted, wanted[name])
	}
	for _, v := range envvars.FromServices(sorted) {
		out[v.Name] = v.Value
	}
	return out, nil
}

func (e *environment) from(ctx context.Context, from corev1.EnvFromSource) error {
	var data map[string]string
	switch {
	case from.ConfigMapRef != nil:
		m, err := e.objects.ConfigMap(ctx, e.pod.Namespace, from.ConfigMapRef.Name)
		if missing(err, from.ConfigMapRef.Optional) {
			return nil
		} else if err != nil {
			return err
		}
		data = m.Data
	case from.SecretRef != nil:
		s, err := e.objects.Secret(ctx, e.pod.Namespace, from.SecretRef.Name)
		if missing(err, from.SecretRef.Optional) {
			return nil
		} else if err != nil {
			return err
		}
		data = text(s.Data)
	}
	for key, value := range data {
		if name := from.Prefix + key; len(validation.IsRelaxedEnvVarName(name)) == 0 {
			e.values[name] = value
		}
	}
	return nil
}

func text(data map[string][]byte) map[string]string {
	out := make(map[string]string, len(data))
	for k, v := range data {
		out[k] = string(v)
	}
	return out
}

func missing(err error, optional *bool) bool {
	return apierrors.IsNotFound(err) && optional != nil && *optional
}

// valueFrom resolves one reference; found is false for an optional one that
// is not there.
func (e *environment) valueFrom(ctx context.Context, from *corev1.EnvVarSource, c *corev1.Container) (value string, found bool, err error) {
	switch {
	case from.FieldRef != nil:
		value, err = e.field(from.FieldRef.FieldPath)
		return value, true, err
	case from.ResourceFieldRef != nil:
		name := from.ResourceFieldRef.ContainerName
		if name == "" {
			name = c.Name
		}
		value, err = apiresource.ExtractResourceValueByContainerName(from.ResourceFieldRef, e.pod, name)
		return value, true, err
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		m, err := e.objects.ConfigMap(ctx, e.pod.Namespace, ref.Name)
		if err != nil {
			return "", false, unless(missing(err, ref.Optional), err)
		}
		value, ok := m.Data[ref.Key]
		return value, ok, absent(ok, ref.Optional, "ConfigMap", e.pod.Namespace, ref.Name, ref.Key)
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		s, err := e.objects.Secret(ctx, e.pod.Namespace, ref.Name)
		if err != nil {
			return "", false, unless(missing(err, ref.Optional), err)
		}
		value, ok := s.Data[ref.Key]
		return string(value), ok, absent(ok, ref.Optional, "Secret", e.pod.Namespace, ref.Name, ref.Key)
	}
	return "", false, fmt.Errorf("a variable's source that this node does not know")
}

func unless(excused bool, err error) error {
	if excused {
		return nil
	}
	return err
}

func absent(found bool, optional *bool, kind, namespace, name, key string) error {
	if found || optional != nil && *optional {
		return nil
	}
	return fmt.Errorf("couldn't find key %v in %s %v/%v", key, kind, namespace, name)
}

// field is the downward API: metadata and spec by path, status by name.
func (e *environment) field(path string) (string, error) {
	switch path {
	case "spec.nodeName":
		return e.pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return e.pod.Spec.ServiceAccountName, nil
	case "status.hostIP":
		return e.pod.Status.HostIP, nil
	case "status.hostIPs":
		return e.pod.Status.HostIP, nil
	case "status.podIP", "status.podIPs":
		return e.pod.Status.PodIP, nil
	}
	return fieldpath.ExtractFieldPathAsString(e.pod, path)
}

// list gives "NAME=value" lines in order.
func list(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for name, value := range env {
		out = append(out, name+"="+value)
	}
	sort.Strings(out)
	return out
}

// arguments expands $(NAME) in a container's command or args.
func arguments(args []string, env map[string]string) []string {
	expand := expansion.MappingFuncFor(env)
	out := make([]string, 0, len(args))
	for _, a := range args {
		out = append(out, expansion.Expand(a, expand))
	}
	return out
}

// everything selects every object.
func everything() labels.Selector { return labels.Everything() }

// rebase moves a path that lies under a mount to where the mount is in the
// machine's own file system.
func rebase(value string, mounts []Mount) string {
	for _, m := range mounts {
		if value == m.Path || strings.HasPrefix(value, strings.TrimSuffix(m.Path, "/")+"/") {
			return m.Source + strings.TrimPrefix(value, strings.TrimSuffix(m.Path, "/"))
		}
	}
	return value
}
