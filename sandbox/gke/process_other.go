//go:build !unix

package gke

import "os/exec"

// Clusters run on Unix systems; elsewhere this only has to build.
func group(*exec.Cmd) {}

func terminate(*exec.Cmd) {} // the end of its standard input tells it

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
