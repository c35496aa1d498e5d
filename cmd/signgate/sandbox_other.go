//go:build !unix

package main

import (
	"errors"
	"syscall"
)

func detached() *syscall.SysProcAttr { return nil }

func become(string, []string, []string) error {
	return errors.New("the sandbox runs programs on Linux and macOS only")
}
