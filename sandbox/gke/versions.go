package gke

import (
	"context"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// The one version that there is: that of the Kubernetes that signgate-cluster is built from.
const (
	kubernetes = "1.35.4"
	current    = kubernetes + "-gke.1047000"
	nodeImage  = "gke-1354-gke1047000-cos-125-19216-104-126-c-pre"
)

// validVersion refuses a version that there is not. What is asked for may be an alias
// or the beginning of one ("1.35").
func validVersion(v string) error {
	if v == "" || v == "-" || v == "latest" || v == current || strings.HasPrefix(current, strings.TrimSuffix(v, ".")+".") || v == kubernetes {
		return nil
	}
	return invalid("No valid versions with the prefix \"%s\" found.", v)
}

// GetServerConfig tells the versions and images that there are.
func (s *Service) GetServerConfig(_ context.Context, r *containerpb.GetServerConfigRequest) (*containerpb.ServerConfig, error) {
	n := s.find(r)
	if err := s.known(n); err != nil {
		return nil, err
	}
	out := &containerpb.ServerConfig{
		DefaultClusterVersion: current, ValidMasterVersions: []string{current}, ValidNodeVersions: []string{current},
		DefaultImageType: "COS_CONTAINERD", ValidImageTypes: []string{"COS_CONTAINERD", "UBUNTU_CONTAINERD", "WINDOWS_LTSC_CONTAINERD"},
	}
	for _, channel := range []containerpb.ReleaseChannel_Channel{
		containerpb.ReleaseChannel_RAPID, containerpb.ReleaseChannel_REGULAR, containerpb.ReleaseChannel_STABLE, containerpb.ReleaseChannel_EXTENDED,
	} {
		out.Channels = append(out.Channels, &containerpb.ServerConfig_ReleaseChannelConfig{Channel: channel, DefaultVersion: current, ValidVersions: []string{current}})
	}
	return out, nil
}
