package node

import (
	"runtime"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/cluster/ports"
)

// object is the node as GKE shows one.
func (n *Node) object() *corev1.Node {
	s := n.spec
	project := s.Project
	if project == "" {
		project = "sandbox"
	}
	now := metav1.Now()
	resources := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse(s.CPU),
		corev1.ResourceMemory:           resource.MustParse(s.Memory),
		corev1.ResourcePods:             resource.MustParse("110"),
		corev1.ResourceEphemeralStorage: resource.MustParse("47060071478"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Labels: map[string]string{
			corev1.LabelHostname:                     s.Name,
			corev1.LabelOSStable:                     "linux",
			corev1.LabelArchStable:                   runtime.GOARCH,
			corev1.LabelTopologyZone:                 s.Zone,
			corev1.LabelTopologyRegion:               s.Region,
			corev1.LabelInstanceTypeStable:           s.MachineType,
			"cloud.google.com/gke-nodepool":          s.Pool,
			"cloud.google.com/gke-os-distribution":   "cos",
			"cloud.google.com/gke-container-runtime": "containerd",
			"cloud.google.com/machine-family":        family(s.MachineType),
			"cloud.google.com/gke-boot-disk":         "pd-balanced",
			"cloud.google.com/gke-provisioning":      "standard",
			"cloud.google.com/gke-stack-type":        "IPV4",
			"cloud.google.com/gke-netd-ready":        "true",
		}},
		Spec: corev1.NodeSpec{ProviderID: "gce://" + project + "/" + s.Zone + "/" + s.Name, PodCIDR: n.podCIDR, PodCIDRs: []string{n.podCIDR}},
		Status: corev1.NodeStatus{
			Capacity: resources, Allocatable: resources.DeepCopy(),
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: s.InternalIP},
				{Type: corev1.NodeHostName, Address: s.Name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: ports.KubeletPort}},
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion: "v" + n.config.Version, KubeProxyVersion: "v" + n.config.Version,
				OperatingSystem: "linux", Architecture: runtime.GOARCH,
				OSImage: "signgate sandbox (virtual-kubelet)", ContainerRuntimeVersion: "sandbox://1",
			},
			Conditions: []corev1.NodeCondition{
				{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet is posting ready status", LastHeartbeatTime: now, LastTransitionTime: now},
				{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientMemory", Message: "kubelet has sufficient memory available", LastHeartbeatTime: now, LastTransitionTime: now},
				{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasNoDiskPressure", Message: "kubelet has no disk pressure", LastHeartbeatTime: now, LastTransitionTime: now},
				{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID", Message: "kubelet has sufficient PID available", LastHeartbeatTime: now, LastTransitionTime: now},
			},
		},
	}
}

// family is the first part of a machine type: e2-medium is of e2.
func family(machine string) string {
	for i, r := range machine {
		if r == '-' {
			return machine[:i]
		}
	}
	return machine
}
