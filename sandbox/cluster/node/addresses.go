package node

import (
	"errors"
	"net/netip"
	"sync"
)

// addresses gives pods theirs, out of the node's /24. They exist only inside
// the cluster: what dials them goes through the egress server.
type addresses struct {
	mu    sync.Mutex
	first netip.Addr
	taken map[netip.Addr]bool
	next  int
}

const perNode = 254

// newAddresses is the range of the node with that index.
func newAddresses(cidr string, index int) (*addresses, netip.Prefix, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return nil, netip.Prefix{}, err
	}
	b := p.Masked().Addr().As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8
	n += uint32(index) << 8 //nolint:gosec // as many nodes as the config has
	first := netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), 0})
	if !p.Contains(first) {
		return nil, netip.Prefix{}, errors.New("podCIDR has no room for so many nodes")
	}
	return &addresses{first: first, taken: map[netip.Addr]bool{}}, netip.PrefixFrom(first, 24), nil
}

// take gives a free address, not one that was given back just now.
func (a *addresses) take() (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range perNode {
		b := a.first.As4()
		b[3] = byte(1 + a.next%perNode)
		a.next++
		if ip := netip.AddrFrom4(b); !a.taken[ip] {
			a.taken[ip] = true
			return ip.String(), nil
		}
	}
	return "", errors.New("the node has no free pod address")
}

// keep takes the address that a pod had in an earlier life of the cluster, if it is free.
func (a *addresses) keep(ip string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	parsed, err := netip.ParseAddr(ip)
	if err != nil || a.taken[parsed] || !netip.PrefixFrom(a.first, 24).Contains(parsed) {
		return false
	}
	a.taken[parsed] = true
	return true
}

func (a *addresses) give(ip string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if parsed, err := netip.ParseAddr(ip); err == nil {
		delete(a.taken, parsed)
	}
}
