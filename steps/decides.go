package steps

// Decides lists the steps whose things depend on an answer, by the answer's key in
// the config file. Of an answer that it does not know, all do. A shape that gives pods
// identities of their own, or takes them, decides what "workloadIdentity" does besides.
func Decides(path string) []string {
	switch path {
	case "region":
		return []string{"keyring", "key", "registry", "image", "signature", "identity", "cluster", "workload", "controller", "policy", "enforcement", "proof"}
	case "workloadIdentity", "cluster":
		return []string{"identity", "cluster", "workload", "controller", "policy", "enforcement", "proof"}
	case "shape", "zone", "diskGB", "nodes":
		return []string{"cluster", "controller", "policy", "enforcement", "proof"}
	case "machineType": // its processor decides the image's platform
		return []string{"image", "signature", "cluster", "controller", "policy", "enforcement", "proof"}
	case "image":
		return []string{"image", "signature", "proof"}
	case "keyRing", "key":
		return []string{"keyring", "key", "signature", "identity", "workload", "policy", "proof"}
	case "repository":
		return []string{"registry", "image", "signature", "identity", "workload", "policy", "proof"}
	case "publicLog":
		return []string{"signature"}
	case "namespace":
		return []string{"enforcement", "proof"}
	case "policy":
		return []string{"policy", "enforcement", "proof"}
	}
	return []string{"project", "apis", "keyring", "key", "registry", "image", "signature", "identity", "cluster", "workload", "controller", "policy", "enforcement", "proof"}
}

// PinsOf lists what a step pins once for the whole setup.
func PinsOf(step string) []string {
	switch step {
	case "key":
		return []string{PinKeyVersion}
	case "image":
		return []string{PinImageDigest, PinUnsignedDigest, PinWrongKeyDigest}
	}
	return nil
}
