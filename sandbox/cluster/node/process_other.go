//go:build !linux

package node

import "syscall"

// tied makes a child its own group. Only Linux ends it when this process is
// killed with -9.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
