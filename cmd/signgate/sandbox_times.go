package main

import "github.com/signgate/signgate/sandbox"

// sandboxTimes are about how many seconds each step takes in a sandbox, on two cores: its
// own work, and what it was told to let clusters and keys take.
func sandboxTimes(l *sandbox.Latency) map[string]float64 {
	times := map[string]float64{
		"project": 0.1, "newProject": 0.1, "apis": 0.1, "keyring": 0.1, "key": 0.1, "registry": 0.1, "image": 0.6, "signature": 0.3,
		"identity": 0.2, "workload": 0.2, "controller": 2.5, "policy": 0.8, "enforcement": 0.2, "proof": 1.2,
	}
	cluster := 5.0
	switch {
	case l == nil:
	case l.Profile == sandbox.Demo:
		cluster, times["key"] = 20, 1
	case l.Profile == sandbox.Real:
		cluster = max(cluster, 360*max(l.Factor, 0.001))
	}
	times["zonal"], times["regional"] = cluster, cluster
	return times
}
