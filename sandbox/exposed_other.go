//go:build !linux

package sandbox

// exposed cannot be looked up here; on such systems policy-controller listens on all interfaces.
func exposed() []string {
	return []string{"policy-controller's ports, while a cluster has it: this system has no private network for it"}
}
