package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func valid() map[string]any {
	return map[string]any{
		"name": "c", "dir": "/d", "version": "1.35.4-gke.100", "endpoint": "203.0.113.10",
		"podCIDR": "10.48.0.0/14", "serviceCIDR": "34.118.224.0/20", "caCert": "/ca", "caKey": "/key",
		"control": "http://127.0.0.1:1", "controlToken": "t", "proxy": "http://127.0.0.1:2", "proxyCA": "/p",
		"nodes": []any{map[string]any{"name": "n", "cpu": "940m", "memory": "1Ki", "internalIP": "10.162.0.2"}},
	}
}

func TestParse(t *testing.T) {
	cases := []struct {
		name, key string
		value     any
		words     string // "" for a good one
	}{
		{"as it should be", "name", "c", ""},
		{"unknown key", "nmae", "c", `unknown field "nmae"`},
		{"no name", "name", "", "name: is missing"},
		{"no token", "controlToken", "", "controlToken: is missing"},
		{"relative folder", "dir", "d", `dir: "d" is not an absolute path`},
		{"endpoint on loopback", "endpoint", "127.0.0.1", "endpoint:"},
		{"small pod range", "podCIDR", "10.0.0.0/25", "podCIDR:"},
		{"service range that is none", "serviceCIDR", "10", "serviceCIDR:"},
		{"control server elsewhere", "control", "http://192.0.2.1:80", "is not on loopback"},
		{"control server over TLS", "control", "https://127.0.0.1:80", "is not http://"},
		{"no nodes", "nodes", []any{}, "nodes: there is none"},
		{"bad node", "nodes", []any{map[string]any{"name": "N", "cpu": "x", "memory": "1", "internalIP": "1"}}, `nodes[0].name: "N"`},
		{"program by tag", "programs", map[string]any{"ghcr.io/a:v1": "/bin/sh"}, "not given by digest"},
		{"program that is missing", "programs", map[string]any{"ghcr.io/a@sha256:0": "/nowhere/x"}, "does not exist: make policy-controller"},
		{"program that is a folder", "programs", map[string]any{"ghcr.io/a@sha256:0": "/"}, "not an executable"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := valid()
			m[c.key] = c.value
			data, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			_, err = parse(data)
			if c.words == "" && err != nil || c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)) {
				t.Errorf("got %v, want %q", err, c.words)
			}
		})
	}
	if _, err := parse([]byte(`{} {}`)); err == nil || !strings.Contains(err.Error(), "something follows") {
		t.Errorf("two objects: %v", err)
	}
}

func TestLoadRefusesWhatOthersMayRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	data, err := json.Marshal(valid())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a readable config: %v", err)
	}
}

func TestProgram(t *testing.T) {
	c := Config{Programs: map[string]string{"ghcr.io/a/b@sha256:1": "/x"}}
	if c.Program("sha256:1") != "/x" || c.Program("sha256:2") != "" || c.Program("") != "" {
		t.Error("a program is found by its image's digest, and by nothing else")
	}
}
