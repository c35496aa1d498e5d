package isolate

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// enterTimeout is how long the helper may take.
const enterTimeout = 20 * time.Second

// user is who the program finds itself to be: the usual one of images that
// do not run as root.
const user = 65532

// Pod is a program's namespaces, seen from outside.
type Pod struct {
	Listeners []net.Listener // in the order asked for
	Dialer    *Dialer
}

// Close ends what is open into the pod.
func (p *Pod) Close() {
	for _, l := range p.Listeners {
		_ = l.Close()
	}
	p.Dialer.Close()
}

// Start makes cmd the program in new namespaces. Its output is set by the
// caller, who also starts it (by the function given, from a thread that
// stays) and waits for it.
func Start(cmd *exec.Cmd, s Spec, start func(*exec.Cmd) error) (*Pod, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer ours.Close() //nolint:errcheck // all is read
	specR, specW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirs.Close())
	}
	cmd.Path, cmd.Args = self, []string{self, Verb}
	cmd.ExtraFiles = []*os.File{theirs, specR}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true, Pdeathsig: syscall.SIGKILL,
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP},
	}
	err = start(cmd)
	_ = theirs.Close()
	_ = specR.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrUnsupported, err), specW.Close())
	}
	err = errors.Join(json.NewEncoder(specW).Encode(s), specW.Close())
	var p *Pod
	if err == nil {
		p, err = receive(ours, len(s.Listen))
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, err
	}
	return p, nil
}

func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fds[0]), "pod")
	defer f.Close() //nolint:errcheck // the connection has its own
	theirs = os.NewFile(uintptr(fds[1]), "pod")
	c, err := net.FileConn(f)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return c.(*net.UnixConn), theirs, nil
}

// receive takes the helper's answer: its sockets, or what went wrong.
func receive(c *net.UnixConn, listeners int) (*Pod, error) {
	if err := c.SetDeadline(time.Now().Add(enterTimeout)); err != nil {
		return nil, err
	}
	words, control := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*(dialers+listeners)))
	n, cn, _, _, err := c.ReadMsgUnix(words, control)
	if err != nil {
		return nil, fmt.Errorf("%w: the helper ended: %w", ErrUnsupported, err)
	}
	if answer := string(words[:n]); answer != "ok" {
		if answer == "" {
			answer = "the helper ended without a word"
		}
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, answer)
	}
	messages, err := unix.ParseSocketControlMessage(control[:cn])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errors.New("no sockets came from the helper"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	p := &Pod{Dialer: newDialer(fds[listeners:])}
	for _, fd := range fds[:listeners] {
		f := os.NewFile(uintptr(fd), "listener")
		l, err := net.FileListener(f)
		_ = f.Close()
		if err != nil {
			p.Close()
			return nil, err
		}
		p.Listeners = append(p.Listeners, l)
	}
	return p, nil
}
