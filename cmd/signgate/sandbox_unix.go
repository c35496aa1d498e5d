//go:build unix

package main

import "syscall"

// detached gives a process a session of its own, so that it outlives the terminal.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// become replaces this program by another: its exit code, signals and terminal are the other's own.
func become(path string, args, env []string) error { return syscall.Exec(path, args, env) }
