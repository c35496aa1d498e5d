package iam

import "time"

// Consistency is how long a change takes to be seen everywhere. Google Cloud is
// eventually consistent in these; the sandbox is at once, unless it is told to be as
// slow, by its own clock.
type Consistency struct {
	EnableService time.Duration // an API that was switched on still answers SERVICE_DISABLED
	NewAccount    time.Duration // policies and clusters do not know a new service account
	Policy        time.Duration // a policy that was set is not in effect
}

// SetConsistency changes it for what happens from now on. Where policies take no time,
// those that were on their way have arrived.
func (k *IAM) SetConsistency(c Consistency) {
	k.slow.Store(&c)
	if c.Policy != 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for resource, all := range k.coming {
		k.grants[resource] = all[len(all)-1].given
	}
	clear(k.coming)
}

// Known says whether a service account is there, and old enough for other services to
// know it.
func (k *IAM) Known(email string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	a := k.account("-", email)
	return a != nil && k.known(a)
}

func (k *IAM) known(a *ServiceAccount) bool {
	wait := k.slow.Load().NewAccount
	return wait == 0 || !k.clock().Before(a.Created.Add(wait))
}

// coming is what a policy will give from a time on.
type coming struct {
	from  time.Time
	given map[string]grant
}

// grant puts a policy in effect, now or in a while; the caller holds the lock.
func (k *IAM) grant(resource string, given map[string]grant) {
	if k.slow.Load().Policy == 0 {
		k.grants[resource] = given
		delete(k.coming, resource)
		return
	}
	k.grants[resource] = k.granted(resource) // what has come meanwhile
	var left []coming
	for _, c := range k.coming[resource] {
		if k.clock().Before(c.from) {
			left = append(left, c)
		}
	}
	k.coming[resource] = append(left, coming{from: k.clock().Add(k.slow.Load().Policy), given: given})
}

// granted is what the resource's own policy gives at this time; the caller holds the lock.
func (k *IAM) granted(resource string) map[string]grant {
	given := k.grants[resource]
	for _, c := range k.coming[resource] {
		if !k.clock().Before(c.from) {
			given = c.given
		}
	}
	return given
}
