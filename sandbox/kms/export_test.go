package kms

// Idle waits until no key is being generated.
func (s *Service) Idle() { s.working.Wait() }
