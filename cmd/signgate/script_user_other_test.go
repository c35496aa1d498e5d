//go:build !linux

package main

import "syscall"

// withoutPrivileges is for Linux, where root can be held back.
func withoutPrivileges() *syscall.SysProcAttr { return nil }
