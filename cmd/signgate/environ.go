package main

import (
	"crypto/x509"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/tui"
)

// environ is the environment, read once: no other file asks the system for a variable.
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

// plain reports whether the person wants lines instead of screens: said here, by the
// terminal, or to gcloud.
func (e environ) plain() bool { return tui.Accessible(e.list) || e.screenReader() }

// lines reports whether that was said by the person, and not by the terminal.
func (e environ) lines() bool {
	return tui.Accessible([]string{"ACCESSIBLE=" + e.vars["ACCESSIBLE"]}) || e.screenReader()
}

// remote reports whether this is at the other end of an ssh.
func (e environ) remote() bool { return e.first("SSH_CONNECTION", "SSH_TTY") != "" }

// home is the person's own folder.
func (e environ) home() string { return e.first("HOME", "USERPROFILE") }

// project is the one that the environment names, as Cloud Shell does and gcloud reads it.
func (e environ) project() string { return e.first("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT") }

// network is how the environment says that the outside is reached.
func (e environ) network() (gcp.Network, error) {
	n := gcp.Network{NoProxy: e.first("NO_PROXY", "no_proxy")}
	if p := e.first("HTTPS_PROXY", "https_proxy"); p != "" {
		if !strings.Contains(p, "://") {
			p = "http://" + p
		}
		u, err := url.Parse(p)
		if err != nil || u.Host == "" {
			return n, usagef("HTTPS_PROXY (or https_proxy) is no proxy's address; it looks like http://HOST:PORT") // it may hold a password
		}
		n.Proxy = u
	}
	if file := e.first("SSL_CERT_FILE"); file != "" { // which Go itself reads on Linux alone
		pem, err := os.ReadFile(file)
		if err != nil {
			return n, usagef("SSL_CERT_FILE: %w", err)
		}
		if n.Roots, err = x509.SystemCertPool(); err != nil {
			n.Roots = x509.NewCertPool()
		}
		if !n.Roots.AppendCertsFromPEM(pem) {
			return n, usagef("SSL_CERT_FILE: %s holds no certificate", file)
		}
	}
	return n, nil
}
