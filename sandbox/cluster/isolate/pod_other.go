//go:build !linux

package isolate

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
)

// Pod is a program's namespaces; only Linux has them.
type Pod struct {
	Listeners []net.Listener
	Dialer    *Dialer
}

// Close does nothing.
func (*Pod) Close() {}

// Dialer connects into a pod.
type Dialer struct{}

// Dial refuses.
func (*Dialer) Dial(context.Context, netip.AddrPort) (net.Conn, error) { return nil, ErrUnsupported }

// Start refuses.
func Start(*exec.Cmd, Spec, func(*exec.Cmd) error) (*Pod, error) { return nil, ErrUnsupported }

// Enter refuses.
func Enter() error { return ErrUnsupported }
