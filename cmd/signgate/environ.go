package main

import (
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
)

// environ is the environment, read once: no other file asks for a variable.
type environ struct {
	vars map[string]string
	list []string
}

func readEnviron(list []string) environ {
	e := environ{vars: map[string]string{}, list: list}
	for _, kv := range list {
		if k, v, ok := strings.Cut(kv, "="); ok {
			e.vars[k] = v
		}
	}
	return e
}

// first returns the first of the variables that is set and not empty.
func (e environ) first(names ...string) string {
	for _, n := range names {
		if v := e.vars[n]; v != "" {
			return v
		}
	}
	return ""
}

func (e environ) stateDir() string {
	if dir := e.first("SIGNGATE_STATE_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(xdg.StateHome, "signgate")
}

// plain reports whether the terminal wants no drawing: a screen reader, a dumb terminal.
func (e environ) plain() bool { return e.first("ACCESSIBLE") != "" || e.first("TERM") == "dumb" }
