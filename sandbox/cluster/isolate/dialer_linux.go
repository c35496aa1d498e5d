package isolate

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Dialer connects from inside the pod's network, with sockets that were
// opened there. There are only so many, so each is used again: TCP lets a
// socket go back to unconnected.
type Dialer struct {
	free chan int
	done chan struct{}
	once sync.Once
}

func newDialer(fds []int) *Dialer {
	d := &Dialer{free: make(chan int, len(fds)), done: make(chan struct{})}
	for _, fd := range fds {
		d.free <- fd
	}
	return d
}

// Close gives the idle sockets up; those in use follow when they are closed.
func (d *Dialer) Close() {
	d.once.Do(func() {
		close(d.done)
		for {
			select {
			case fd := <-d.free:
				_ = unix.Close(fd)
			default:
				return
			}
		}
	})
}

var errAway = errors.New("the pod is gone")

// Dial connects to an address of the pod.
func (d *Dialer) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	var fd int
	select {
	case <-d.done:
		return nil, errAway
	default:
	}
	select {
	case fd = <-d.free:
	case <-d.done:
		return nil, errAway
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := d.connect(ctx, fd, to); err != nil {
		d.reset(fd)
		return nil, err
	}
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		d.reset(fd)
		return nil, err
	}
	f := os.NewFile(uintptr(copied), "pod")
	c, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		d.reset(fd)
		return nil, err
	}
	return &conn{TCPConn: c.(*net.TCPConn), dialer: d, fd: fd}, nil
}

// connect does not block for long: both ends are this machine's loopback.
func (d *Dialer) connect(ctx context.Context, fd int, to netip.AddrPort) error {
	limit := 10 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(time.Until(deadline), time.Millisecond)
	}
	t := unix.NsecToTimeval(limit.Nanoseconds())
	if err := errors.Join(unix.SetNonblock(fd, false), unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &t)); err != nil {
		return err
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		return os.NewSyscallError("connect", err)
	}
	return nil
}

// reset makes a socket unconnected again and gives it back.
func (d *Dialer) reset(fd int) {
	none := unix.RawSockaddrInet4{Family: unix.AF_UNSPEC}
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none))
	select {
	case <-d.done:
		_ = unix.Close(fd)
		return
	default:
	}
	if errno != 0 && errno != syscall.EAFNOSUPPORT {
		_ = unix.Close(fd)
		return
	}
	d.free <- fd
}

// conn is a connection whose socket goes back when it is closed.
type conn struct {
	*net.TCPConn
	dialer *Dialer
	fd     int
	once   sync.Once
}

// lingering is how long the other end may take to close as well; after that
// it is reset.
const (
	lingering  = time.Second
	lingerPoll = 10 * time.Millisecond
)

// Close says goodbye to the other end and gives the socket back.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
		err = c.TCPConn.Close()
		go c.recycle()
	})
	return err
}

func (c *conn) recycle() {
	for end := time.Now().Add(lingering); time.Now().Before(end); time.Sleep(lingerPoll) {
		info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil || info.State == tcpClose {
			break
		}
	}
	c.dialer.reset(c.fd)
}

// tcpClose is the kernel's TCP_CLOSE.
const tcpClose = 7
