package sandbox

import (
	"github.com/signgate/signgate/sandbox/front"
)

// serve wires the hosts: the list of what this Google Cloud has.
func (s *Sandbox) serve(keep string) error {
	// Sign-in, and what tells about tokens.
	s.front.Handle("oauth2.googleapis.com", front.OAuth(s.iam))
	s.front.Handle("www.googleapis.com", front.OAuth(s.iam))
	return nil
}
