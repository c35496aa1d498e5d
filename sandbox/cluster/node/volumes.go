package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/kubernetes/pkg/api/v1/resource"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/secret"
	volumeutil "k8s.io/kubernetes/pkg/volume/util"
)

// Mount is a volume, or a part of one, as a container sees it.
type Mount struct {
	Path     string // in the container
	Source   string // in the machine's file system
	ReadOnly bool
}

// Tokens gives service accounts' tokens.
type Tokens interface {
	Token(ctx context.Context, pod *corev1.Pod, seconds *int64, audience string) (*authv1.TokenRequest, error)
}

// volumes lays a pod's volumes out in its private folder and keeps them as
// the API server has them.
type volumes struct {
	dir     string
	objects Objects
	tokens  Tokens
	renew   map[string]time.Time // token by volume and path: when to ask again
	cached  map[string][]byte
}

func newVolumes(dir string, o Objects, t Tokens) *volumes {
	return &volumes{dir: dir, objects: o, tokens: t, renew: map[string]time.Time{}, cached: map[string][]byte{}}
}

func (v *volumes) path(name string) string { return filepath.Join(v.dir, name) }

// Sync writes every volume; it is called again as long as the pod runs.
func (v *volumes) Sync(ctx context.Context, pod *corev1.Pod) error {
	for _, volume := range pod.Spec.Volumes {
		if err := os.MkdirAll(v.path(volume.Name), 0o700); err != nil {
			return err
		}
		payload, err := v.payload(ctx, pod, &volume)
		if err != nil {
			return fmt.Errorf("MountVolume.SetUp failed for volume %q : %w", volume.Name, err)
		}
		if payload == nil {
			continue
		}
		w, err := volumeutil.NewAtomicWriter(v.path(volume.Name), "pod "+pod.Namespace+"/"+pod.Name)
		if err != nil {
			return err
		}
		if err := w.Write(payload, nil); err != nil {
			return fmt.Errorf("MountVolume.SetUp failed for volume %q : %w", volume.Name, err)
		}
	}
	return nil
}

type files = map[string]volumeutil.FileProjection

// payload is what a volume holds; nil where the pod itself writes.
func (v *volumes) payload(ctx context.Context, pod *corev1.Pod, volume *corev1.Volume) (files, error) {
	switch s := volume.VolumeSource; {
	case s.EmptyDir != nil:
		return nil, nil
	case s.ConfigMap != nil:
		return v.configMap(ctx, pod, s.ConfigMap.Name, s.ConfigMap.Items, s.ConfigMap.DefaultMode, s.ConfigMap.Optional)
	case s.Secret != nil:
		return v.secret(ctx, pod, s.Secret.SecretName, s.Secret.Items, s.Secret.DefaultMode, s.Secret.Optional)
	case s.DownwardAPI != nil:
		return v.downward(pod, s.DownwardAPI.Items, s.DownwardAPI.DefaultMode)
	case s.Projected != nil:
		return v.projected(ctx, pod, volume.Name, s.Projected)
	}
	return nil, errors.New("the sandbox's node has emptyDir, configMap, secret, downwardAPI and projected volumes only")
}

func (v *volumes) configMap(ctx context.Context, pod *corev1.Pod, name string, items []corev1.KeyToPath, mode *int32, optional *bool) (files, error) {
	m, err := v.objects.ConfigMap(ctx, pod.Namespace, name)
	if missing(err, optional) {
		m = &corev1.ConfigMap{}
	} else if err != nil {
		return nil, err
	}
	return configmap.MakePayload(items, m, private(mode), optional != nil && *optional)
}

func (v *volumes) secret(ctx context.Context, pod *corev1.Pod, name string, items []corev1.KeyToPath, mode *int32, optional *bool) (files, error) {
	s, err := v.objects.Secret(ctx, pod.Namespace, name)
	if missing(err, optional) {
		s = &corev1.Secret{}
	} else if err != nil {
		return nil, err
	}
	return secret.MakePayload(items, s, private(mode), optional != nil && *optional)
}

// private takes a mode down to the owner's part: pods run as this user, and
// their files are nobody else's.
func private(mode *int32) *int32 {
	m := int32(0o600)
	if mode != nil {
		m = *mode&0o700 | 0o400
	}
	return &m
}

func (v *volumes) downward(pod *corev1.Pod, items []corev1.DownwardAPIVolumeFile, mode *int32) (files, error) {
	e := environment{pod: pod}
	out := files{}
	for _, item := range items {
		var value string
		var err error
		switch {
		case item.FieldRef != nil:
			value, err = e.field(item.FieldRef.FieldPath)
		case item.ResourceFieldRef != nil:
			value, err = apiresource.ExtractResourceValueByContainerName(item.ResourceFieldRef, pod, item.ResourceFieldRef.ContainerName)
		}
		if err != nil {
			return nil, err
		}
		m := private(mode)
		if item.Mode != nil {
			m = private(item.Mode)
		}
		out[item.Path] = volumeutil.FileProjection{Data: []byte(value), Mode: *m}
	}
	return out, nil
}

func (v *volumes) projected(ctx context.Context, pod *corev1.Pod, volume string, p *corev1.ProjectedVolumeSource) (files, error) {
	out := files{}
	for _, s := range p.Sources {
		var part files
		var err error
		switch {
		case s.ConfigMap != nil:
			part, err = v.configMap(ctx, pod, s.ConfigMap.Name, s.ConfigMap.Items, p.DefaultMode, s.ConfigMap.Optional)
		case s.Secret != nil:
			part, err = v.secret(ctx, pod, s.Secret.Name, s.Secret.Items, p.DefaultMode, s.Secret.Optional)
		case s.DownwardAPI != nil:
			part, err = v.downward(pod, s.DownwardAPI.Items, p.DefaultMode)
		case s.ServiceAccountToken != nil:
			part, err = v.token(ctx, pod, volume, s.ServiceAccountToken)
		default:
			err = errors.New("the sandbox's node projects configMap, secret, downwardAPI and serviceAccountToken only")
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(out, part)
	}
	return out, nil
}

// token asks for a new one when 80 % of the old one's life is over.
func (v *volumes) token(ctx context.Context, pod *corev1.Pod, volume string, p *corev1.ServiceAccountTokenProjection) (files, error) {
	key := volume + "/" + p.Path
	if time.Now().After(v.renew[key]) {
		tr, err := v.tokens.Token(ctx, pod, p.ExpirationSeconds, p.Audience)
		if err != nil {
			return nil, fmt.Errorf("failed to fetch token: %w", err)
		}
		life := time.Until(tr.Status.ExpirationTimestamp.Time)
		v.renew[key], v.cached[key] = time.Now().Add(life*8/10), []byte(tr.Status.Token)
	}
	return files{p.Path: {Data: v.cached[key], Mode: 0o600}}, nil
}

// Mounts says where a container finds its volumes, longest paths first.
func (v *volumes) Mounts(c *corev1.Container, env map[string]string) ([]Mount, error) {
	out := make([]Mount, 0, len(c.VolumeMounts))
	for _, m := range c.VolumeMounts {
		source := v.path(m.Name)
		sub := m.SubPath
		if m.SubPathExpr != "" {
			sub = arguments([]string{m.SubPathExpr}, env)[0]
		}
		if sub != "" {
			if !filepath.IsLocal(sub) {
				return nil, fmt.Errorf("volume %q: the path %q leads out of it", m.Name, sub)
			}
			source = filepath.Join(source, sub)
			if _, err := os.Stat(source); err != nil {
				if err := os.MkdirAll(source, 0o700); err != nil {
					return nil, err
				}
			}
		}
		if !filepath.IsAbs(m.MountPath) || strings.Contains(m.MountPath, "..") {
			return nil, fmt.Errorf("volume %q: the mount path %q is not absolute", m.Name, m.MountPath)
		}
		out = append(out, Mount{Path: filepath.Clean(m.MountPath), Source: source, ReadOnly: m.ReadOnly})
	}
	sort.SliceStable(out, func(i, j int) bool { return len(out[i].Path) > len(out[j].Path) })
	return out, nil
}
