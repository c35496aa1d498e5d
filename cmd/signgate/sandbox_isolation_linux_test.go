package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	kms "cloud.google.com/go/kms/apiv1"
	"cloud.google.com/go/kms/apiv1/kmspb"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
	"google.golang.org/api/iterator"
)

// insideVariable tells this test that it runs in the closed network.
const insideVariable = "SIGNGATE_TEST_INSIDE"

// TestNothingLeaves: with an environment that does its worst, no program in the sandbox
// looks up a name of the real cloud, nor reaches anything but this machine. It runs in a
// network namespace that has loopback only, with a name server of its own that writes
// down what it is asked.
func TestNothingLeaves(t *testing.T) {
	if os.Getenv(insideVariable) != "" {
		inside(t)
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestNothingLeaves$", "-test.v")
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
		t.Skipf("this kernel gives users no network namespace of their own: %v", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "--- PASS: TestNothingLeaves") {
		t.Fatal("it did not run")
	}
}

// hostile is what a user's shell could hold: everything that leads clients past a proxy
// or to other endpoints, accounts and certificates.
func hostile() []string {
	return []string{
		"NO_PROXY=.googleapis.com,googleapis.com,*,.pkg.dev,.docker.io,.docker.com,ghcr.io", "no_proxy=*", "no_grpc_proxy=*",
		"ALL_PROXY=socks5://proxy.corp.example:1080", "all_proxy=socks5://proxy.corp.example:1080",
		"HTTPS_PROXY=http://proxy.corp.example:3128", "https_proxy=http://proxy.corp.example:3128", "HTTP_PROXY=http://proxy.corp.example:3128",
		"GOOGLE_CLOUD_QUOTA_PROJECT=real-project", "GOOGLE_CLOUD_UNIVERSE_DOMAIN=corp.example", "GOOGLE_CLOUD_PROJECT=real-project",
		"GOOGLE_API_USE_MTLS_ENDPOINT=always", "GOOGLE_API_USE_CLIENT_CERTIFICATE=true",
		"GOOGLE_APPLICATION_CREDENTIALS=/nonexistent.json", "GCE_METADATA_HOST=metadata.corp.example",
		"CLOUDSDK_CORE_PROJECT=real-project", "CLOUDSDK_CORE_UNIVERSE_DOMAIN=corp.example", "CLOUDSDK_PROXY_ADDRESS=proxy.corp.example",
		"CLOUDSDK_PROXY_PORT=3128", "CLOUDSDK_PROXY_TYPE=http", "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS=https://kms.corp.example/",
		"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT=real@real-project.iam.gserviceaccount.com",
		"SSL_CERT_FILE=/nonexistent.pem", "SSL_CERT_DIR=/nonexistent", "KUBECONFIG=/nonexistent/kubeconfig", "DOCKER_CONFIG=/nonexistent",
		"HELM_REPOSITORY_CONFIG=/nonexistent", "COSIGN_REPOSITORY=gcr.io/real-project", "SIGSTORE_ROOT_FILE=/nonexistent",
	}
}

// inside runs the programs in the closed network.
func inside(t *testing.T) {
	names := closedNetwork(t)
	home := t.TempDir()
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "SIGNGATE_STATE_DIR=" + filepath.Join(home, "state"), "SIGNGATE_BIN=" + home}, hostile()...)
	signgate := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), waitAtMost)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Args = append([]string{"signgate"}, args...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	// First the proof that a name would be seen: the same program without the sandbox.
	cmd := exec.Command(os.Args[0])
	cmd.Args, cmd.Env = []string{"googlecloud"}, env[:2]
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Fatalf("Google Cloud answers in a network without one: %s", out)
	}
	if len(names()) == 0 {
		t.Fatal("a name was looked up and not seen")
	}

	seen := names()
	nobody := func(who string) {
		t.Helper()
		if now := names(); len(now) > len(seen) {
			t.Errorf("%s looked up %v", who, now[len(seen):])
			seen = now
		}
	}
	if out, err := signgate("sandbox", "up"); err != nil {
		t.Fatal(out, err)
	}
	defer signgate("sandbox", "down")
	programs := map[string][]string{
		"Go":   {os.Args[0]}, // as "googlecloud": see below
		"curl": {"curl", "-sS", "https://oauth2.googleapis.com/tokeninfo"},
		"python3": {"python3", "-c", "import urllib.request as r, urllib.error as e\ntry: r.urlopen('https://cloudkms.googleapis.com/')\n" +
			"except e.HTTPError as x: print(x.read().decode())"},
		"gcloud": {"gcloud", "projects", "list", "--format=value(projectId)"},
	}
	want := map[string]string{"Go": "acme-demo", "curl": "invalid_token", "python3": "Method not found.", "gcloud": "acme-demo"}
	for name, command := range programs {
		if _, err := exec.LookPath(command[0]); err != nil {
			t.Logf("%s is not on this machine", name)
			continue
		}
		if name == "Go" {
			link := filepath.Join(home, "googlecloud") // re-entered by its name
			if err := os.Symlink(os.Args[0], link); err != nil {
				t.Fatal(err)
			}
			command[0] = link
		}
		out, err := signgate(append([]string{"sandbox", "run", "--"}, command...)...)
		if err != nil || !strings.Contains(out, want[name]) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		nobody(name)
	}
	// signgate itself, which has its own way of reading the environment.
	if out, err := signgate("sandbox", "token"); err != nil || !strings.Contains(out, "ya29.") {
		t.Errorf("signgate: %v\n%s", err, out)
	}
	nobody("signgate")
}

// googleCloud is a program that uses Google's client libraries as anybody would: nothing
// in it knows of a sandbox. It prints the projects that it sees.
func googleCloud() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := useGoogleCloud(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func useGoogleCloud(ctx context.Context) error {
	resp, err := http.Get("https://cloudresourcemanager.googleapis.com/") // as Go's own client has it
	if err != nil {
		return err
	}
	resp.Body.Close()
	projects, err := resourcemanager.NewProjectsClient(ctx) // gRPC
	if err != nil {
		return err
	}
	defer projects.Close()
	all := projects.SearchProjects(ctx, &resourcemanagerpb.SearchProjectsRequest{})
	for {
		p, err := all.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			return err
		}
		fmt.Println(p.GetProjectId())
	}
	keys, err := kms.NewKeyManagementRESTClient(ctx) // REST
	if err != nil {
		return err
	}
	defer keys.Close()
	_, err = keys.GetKeyRing(ctx, &kmspb.GetKeyRingRequest{Name: "projects/acme-demo/locations/global/keyRings/none"})
	if err == nil || !strings.Contains(err.Error(), "Cloud Key Management Service") { // the API is off
		return fmt.Errorf("KMS over REST: %w", err)
	}
	return nil
}

// closedNetwork sets loopback up and becomes the only name server; it returns what was asked so far.
func closedNetwork(t *testing.T) func() []string {
	t.Helper()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	must("loopback", loopbackUp())
	must("private mounts", unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	dir := t.TempDir()
	for path, text := range map[string]string{
		"/etc/resolv.conf":   "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
		"/etc/nsswitch.conf": "hosts: files dns\n",
		"/etc/hosts":         "127.0.0.1 localhost\n",
	} {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		file := filepath.Join(dir, filepath.Base(path))
		must(path, os.WriteFile(file, []byte(text), 0o644))
		must(path, unix.Mount(file, path, "", unix.MS_BIND, ""))
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:53")
	must("name server", err)
	t.Cleanup(func() { conn.Close() })
	var mu sync.Mutex
	var names []string
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			mu.Lock()
			names = append(names, m.Questions[0].Name.String())
			mu.Unlock()
			m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeNameError, nil
			if out, err := m.Pack(); err == nil {
				conn.WriteTo(out, from)
			}
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(names)
	}
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r)
}
