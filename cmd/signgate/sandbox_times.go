package main

// sandboxTimes are about how many seconds each step takes in a sandbox that is as fast
// as it can be, on two cores.
func sandboxTimes() map[string]float64 {
	return map[string]float64{
		"project": 0.1, "newProject": 0.1, "apis": 0.1, "keyring": 0.1, "key": 0.1, "registry": 0.1, "image": 0.6, "signature": 0.3,
		"identity": 0.2, "workload": 0.2, "zonal": 5, "regional": 5, "controller": 2.5, "policy": 0.8, "enforcement": 0.2, "proof": 1.2,
	}
}
