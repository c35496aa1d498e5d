package main

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

// api STATE METHOD URL [JSON]: somebody else, the owner, calls a REST method in the sandbox of a
// state folder. The answer is in the file "answer"; a refusal fails the script.
func api(ts *testscript.TestScript, neg bool, args []string) {
	ctx := context.Background()
	r, err := sandbox.Find(ctx, ts.MkAbs(filepath.Join(args[0], "sandbox")))
	ts.Check(err)
	proxy, err := url.Parse(r.Status.Proxy)
	ts.Check(err)
	pem, err := os.ReadFile(filepath.Join(r.Status.Dir, "ca.pem"))
	ts.Check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c, err := gcp.Dial(ctx, gcp.Options{Network: gcp.Network{Proxy: proxy, Roots: roots}, CredentialsFile: r.Credentials(iam.Owner)})
	ts.Check(err)
	defer c.Close()
	token, err := c.Tokens.Token()
	ts.Check(err)
	body := ""
	if len(args) > 3 {
		body = args[3]
	}
	req, err := http.NewRequest(args[1], args[2], strings.NewReader(body))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.HTTP.RoundTrip(req)
	ts.Check(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("answer"), data, 0o600))
	if (resp.StatusCode == http.StatusOK) == neg {
		ts.Fatalf("%s %s: %s\n%s", args[1], args[2], resp.Status, data)
	}
}

// unprivileged PROGRAM ARGUMENT…: the program fails, run by somebody whom permissions of files
// hold back, as they do not hold back root. Its output is in the file "output".
func unprivileged(ts *testscript.TestScript, _ bool, args []string) {
	cmd := exec.Command(inPath(ts, args[0]), args[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnv(ts)
	if os.Getuid() == 0 { // another user's number in a namespace of its own, whose files are still root's
		cmd.SysProcAttr = withoutPrivileges()
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
		ts.Logf("this kernel gives root no user namespace, so nothing holds it back: %v", err)
		out = []byte("skipped")
	} else if err == nil {
		ts.Fatalf("it did not fail:\n%s", out)
	}
	ts.Logf("%s", out)
	ts.Check(os.WriteFile(ts.MkAbs("output"), out, 0o600))
}

// inPath is a program's file; testscript's own come first.
func inPath(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); exists(path) {
			return path
		}
	}
	return name
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// scriptEnv is what programs of a script get of its environment.
func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "SIGNGATE_STATE_DIR", "SIGNGATE_BIN"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}
