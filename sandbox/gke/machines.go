package gke

import (
	"fmt"
	"strconv"
	"strings"
)

// machine is what of a machine type is left for pods.
type machine struct {
	cpus   float64 // that the type has, as quotas count them
	cpu    string  // allocatable, as Kubernetes writes it
	memory string
}

// machineOf knows the shapes of Google's machine types: FAMILY-KIND-CPUS, and those
// with shared cores. What it does not know it takes for an e2-medium.
func machineOf(kind string) machine {
	cpus, gib := 2.0, 4.0
	switch kind {
	case "e2-micro", "f1-micro":
		gib = 1
	case "e2-small", "g1-small":
		gib = 2
	case "e2-medium":
		return machine{cpus: 2, cpu: "940m", memory: "2869548Ki"}
	default:
		part := strings.Split(kind, "-")
		if len(part) < 3 {
			break
		}
		if n, err := strconv.ParseFloat(part[2], 64); err == nil && n >= 1 && n <= 896 {
			cpus, gib = n, n*perCPU(part[0], part[1])
		}
		if part[1] == "custom" && len(part) > 3 {
			if mib, err := strconv.ParseFloat(part[3], 64); err == nil {
				gib = mib / 1024
			}
		}
	}
	return machine{cpus: cpus, cpu: fmt.Sprintf("%dm", int(cpus*1000-reservedCPU(cpus))), memory: fmt.Sprintf("%dKi", int((gib-reservedMemory(gib))*1024*1024))}
}

// perCPU is the memory for each CPU, in GiB.
func perCPU(family, kind string) float64 {
	switch kind {
	case "highcpu":
		if family == "n1" {
			return 0.9
		}
		return 1
	case "highmem":
		if family == "n1" {
			return 6.5
		}
		return 8
	}
	if family == "n1" {
		return 3.75
	}
	return 4
}

// reservedCPU is what Kubernetes Engine keeps for itself, in thousandths: 6 % of the
// first CPU, 1 % of the second, 0.5 % of the third and fourth, 0.25 % of the others
// (cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes).
func reservedCPU(cpus float64) float64 {
	return 60*min(cpus, 1) + 10*clamp(cpus-1, 1) + 5*clamp(cpus-2, 2) + 2.5*max(0, cpus-4)
}

// reservedMemory is the same of memory, in GiB: a quarter of the first 4, a fifth of the
// next 4, a tenth of the next 8, 6 % of the next 112, 2 % of the rest; and what evicts pods.
func reservedMemory(gib float64) float64 {
	return 0.1 + 0.25*min(gib, 4) + 0.2*clamp(gib-4, 4) + 0.1*clamp(gib-8, 8) + 0.06*clamp(gib-16, 112) + 0.02*max(0, gib-128)
}

func clamp(x, most float64) float64 { return min(max(x, 0), most) }
