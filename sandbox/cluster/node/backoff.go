package node

import "time"

// Backoff is a kubelet's: 10 s, doubled up to 5 minutes, forgotten after a
// container ran for 10 minutes.
type Backoff struct {
	next time.Duration
}

const (
	backoffFirst = 10 * time.Second
	backoffMax   = 5 * time.Minute
	backoffReset = 10 * time.Minute
)

// Next gives how long to wait now.
func (b *Backoff) Next() time.Duration {
	d := b.next
	switch {
	case d == 0:
		b.next = backoffFirst
	default:
		b.next = min(2*d, backoffMax)
	}
	return d
}

// Ran tells how long the last run lasted.
func (b *Backoff) Ran(d time.Duration) {
	if d >= backoffReset {
		b.next = 0
	}
}
