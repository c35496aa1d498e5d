package main

import (
	"os"
	"syscall"
)

// withoutPrivileges starts a program in a user namespace where it is nobody special: it
// owns what this user owns, and permissions hold for it.
func withoutPrivileges() *syscall.SysProcAttr {
	const somebody = 1000
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: somebody, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: somebody, HostID: os.Getgid(), Size: 1}},
	}
}
