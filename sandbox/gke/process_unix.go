//go:build unix

package gke

import (
	"os/exec"
	"syscall"
)

// group gives a process a group of its own: keys pressed in the terminal are not for
// it, and it can be ended together with its children.
func group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGTERM) }

func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
