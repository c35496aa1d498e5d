//nolint:staticcheck // fields that are deprecated are shown, and asked for, all the same
package gke

import (
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// An update that is refused makes no pool of identities.
func TestRefusedUpdate(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("one"))
	p, _ := w.k.Project(project)
	known := func() bool {
		_, err := w.k.SetPolicy("projects/acme-demo/locations/l/keyRings/r", &iampb.Policy{Bindings: []*iampb.Binding{{Role: "roles/cloudkms.viewer", Members: []string{
			"principal://iam.googleapis.com/projects/" + p.Number + "/locations/global/workloadIdentityPools/acme-demo.svc.id.goog/subject/ns/a/sa/b"}}}}, nil)
		return err == nil
	}
	identities := &containerpb.WorkloadIdentityConfig{WorkloadPool: project + ".svc.id.goog"}
	_, err := w.UpdateCluster(w.ctx, &containerpb.UpdateClusterRequest{Name: zone + "/clusters/one", Update: &containerpb.ClusterUpdate{
		DesiredWorkloadIdentityConfig: identities, DesiredEnterpriseConfig: &containerpb.DesiredEnterpriseConfig{}}})
	if status.Code(err) != codes.InvalidArgument || known() {
		t.Errorf("%v; the pool is known: %v", err, known())
	}
	if w.update(t, "one", &containerpb.ClusterUpdate{DesiredWorkloadIdentityConfig: identities}); !known() {
		t.Error("the pool is not known")
	}
}

// Authorized networks are filled in as when the cluster was made, in both places that show them.
func TestAuthorizedNetworks(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	w.create(t, zone, small("one"))
	for _, test := range []struct {
		name  string
		given *containerpb.MasterAuthorizedNetworksConfig
		want  *containerpb.MasterAuthorizedNetworksConfig
	}{
		{"on", &containerpb.MasterAuthorizedNetworksConfig{Enabled: true}, &containerpb.MasterAuthorizedNetworksConfig{Enabled: true, GcpPublicCidrsAccessEnabled: proto.Bool(false)}},
		{"off", &containerpb.MasterAuthorizedNetworksConfig{}, &containerpb.MasterAuthorizedNetworksConfig{GcpPublicCidrsAccessEnabled: proto.Bool(true)}},
	} {
		for how, u := range map[string]*containerpb.ClusterUpdate{
			"by endpoints": {DesiredControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
				IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{AuthorizedNetworksConfig: test.given}}},
			"as of old": {DesiredMasterAuthorizedNetworksConfig: test.given},
		} {
			c := w.update(t, "one", u)
			ip, old := c.GetControlPlaneEndpointsConfig().GetIpEndpointsConfig().GetAuthorizedNetworksConfig(), c.GetMasterAuthorizedNetworksConfig()
			if !proto.Equal(ip, test.want) || !proto.Equal(old, test.want) {
				t.Errorf("%s, %s: %v and %v, want %v", test.name, how, ip, old, test.want)
			}
		}
	}
}

// Keys that the store was encrypted with before still decrypt it.
func TestEncryption(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	decrypted, encrypted, all := containerpb.DatabaseEncryption_DECRYPTED, containerpb.DatabaseEncryption_ENCRYPTED, containerpb.DatabaseEncryption_ALL_OBJECTS_ENCRYPTION_ENABLED
	one := small("one")
	one.DatabaseEncryption = &containerpb.DatabaseEncryption{State: all, KeyName: "a", DecryptionKeys: []string{"output only"}}
	w.create(t, zone, one)
	made := w.get(t, zone, "one").GetDatabaseEncryption()
	for _, test := range []struct {
		state   containerpb.DatabaseEncryption_State // that is asked for, with
		key     string
		shown   containerpb.DatabaseEncryption_State
		current containerpb.DatabaseEncryption_CurrentState
		old     string // keys
	}{
		{all, "a", encrypted, containerpb.DatabaseEncryption_CURRENT_STATE_ENCRYPTED, ""}, // as made
		{decrypted, "", decrypted, containerpb.DatabaseEncryption_CURRENT_STATE_DECRYPTED, "a"},
		{encrypted, "a", encrypted, containerpb.DatabaseEncryption_CURRENT_STATE_ENCRYPTED, ""},
		{encrypted, "b", encrypted, containerpb.DatabaseEncryption_CURRENT_STATE_ENCRYPTED, "a"},
		{decrypted, "", decrypted, containerpb.DatabaseEncryption_CURRENT_STATE_DECRYPTED, "a b"},
	} {
		got := made
		if test.state != all {
			got = w.update(t, "one", &containerpb.ClusterUpdate{DesiredDatabaseEncryption: &containerpb.DatabaseEncryption{State: test.state, KeyName: test.key}}).GetDatabaseEncryption()
		}
		if got.GetState() != test.shown || got.GetCurrentState() != test.current || got.GetKeyName() != test.key || strings.Join(got.GetDecryptionKeys(), " ") != test.old {
			t.Errorf("%v with %q: %v", test.state, test.key, got)
		}
	}
}

// What is on can be switched off.
func TestSwitchedOff(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	one := small("one")
	one.ShieldedNodes, one.VerticalPodAutoscaling = &containerpb.ShieldedNodes{}, &containerpb.VerticalPodAutoscaling{Enabled: true}
	one.AddonsConfig = &containerpb.AddonsConfig{NetworkPolicyConfig: &containerpb.NetworkPolicyConfig{}, GcsFuseCsiDriverConfig: &containerpb.GcsFuseCsiDriverConfig{Enabled: true}}
	w.create(t, zone, one)
	c := w.get(t, zone, "one")
	if c.GetShieldedNodes().GetEnabled() || c.GetAddonsConfig().GetNetworkPolicyConfig().GetDisabled() || !c.GetAddonsConfig().GetKubernetesDashboard().GetDisabled() {
		t.Errorf("made: %v, %v", c.GetShieldedNodes(), c.GetAddonsConfig())
	}
	c = w.update(t, "one", &containerpb.ClusterUpdate{DesiredVerticalPodAutoscaling: &containerpb.VerticalPodAutoscaling{}})
	if c.GetVerticalPodAutoscaling().GetEnabled() {
		t.Errorf("updated: %v", c.GetVerticalPodAutoscaling())
	}
	c = w.update(t, "one", &containerpb.ClusterUpdate{DesiredAddonsConfig: &containerpb.AddonsConfig{DnsCacheConfig: &containerpb.DnsCacheConfig{}}})
	if c.GetAddonsConfig().GetDnsCacheConfig().GetEnabled() || c.GetAddonsConfig().GetNetworkPolicyConfig().GetDisabled() {
		t.Errorf("updated: %v", c.GetAddonsConfig())
	}
	op, err := w.SetAddonsConfig(w.ctx, &containerpb.SetAddonsConfigRequest{Name: zone + "/clusters/one", AddonsConfig: &containerpb.AddonsConfig{
		NetworkPolicyConfig: &containerpb.NetworkPolicyConfig{Disabled: true}, GcsFuseCsiDriverConfig: &containerpb.GcsFuseCsiDriverConfig{}}})
	check(t, err)
	w.done(t, zone, op)
	if a := w.get(t, zone, "one").GetAddonsConfig(); !a.GetNetworkPolicyConfig().GetDisabled() || a.GetGcsFuseCsiDriverConfig().GetEnabled() {
		t.Errorf("set: %v", a)
	}
}
