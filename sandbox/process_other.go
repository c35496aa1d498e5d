//go:build !linux

package sandbox

// marked is none: this system does not show the environment of processes, so nothing
// is ended that could be somebody else's. Clusters end when their input does.
func marked(string) []int { return nil }

func end(int, string) {}
