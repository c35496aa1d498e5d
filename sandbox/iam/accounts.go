package iam

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// ServiceAccount is a copy of what the store knows of one. A deleted one is kept
// for 30 days, by its unique id.
type ServiceAccount struct {
	Email       string
	UniqueID    string // 21 digits
	Project     string // id
	DisplayName string
	Description string
	ClientID    string // OAuth 2 client id
	Serial      uint64 // counts changes; the etag
	Disabled    bool
	Deleted     bool
	Created     time.Time
	Gone        time.Time // when it was deleted
}

// Name is the account's resource name.
func (a ServiceAccount) Name() string {
	return "projects/" + a.Project + "/serviceAccounts/" + a.Email
}

// Member is how policies name it.
func (a ServiceAccount) Member() string { return "serviceAccount:" + a.Email }

// tombstone is how policies name it once it is deleted.
func (a ServiceAccount) tombstone() string {
	return "deleted:" + a.Member() + "?uid=" + a.UniqueID
}

// account finds a living one by e-mail address or unique id, in a project or ("-")
// in any; the caller holds the lock.
func (k *IAM) account(project, id string) *ServiceAccount {
	a := k.state.Accounts[id]
	if a == nil || a.Deleted {
		a = nil
		for _, one := range k.state.Accounts {
			if !one.Deleted && one.Email == id {
				a = one
			}
		}
	}
	if a == nil || (project != "-" && project != a.Project) {
		return nil
	}
	return a
}

// ServiceAccount looks one up by e-mail address or unique id: the living one, else the
// one of that name that was deleted last.
func (k *IAM) ServiceAccount(id string) (ServiceAccount, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if a := k.account("-", id); a != nil {
		return *a, true
	}
	var last *ServiceAccount
	for _, a := range k.state.Accounts {
		if (a.Email == id || a.UniqueID == id) && (last == nil || a.Gone.After(last.Gone)) {
			last = a
		}
	}
	if last == nil {
		return ServiceAccount{}, false
	}
	return *last, true
}

// rename writes another name for a member into all policies; the caller holds the lock.
func (k *IAM) rename(s *state, from, to string) {
	for resource, p := range s.Policies {
		if !p.names(from) {
			continue
		}
		next := p.copy()
		next.Serial++
		for _, members := range next.lists() {
			for i, m := range members {
				if m == from {
					members[i] = to
				}
			}
		}
		s.Policies[resource] = next
		k.grants[resource] = k.compile(next)
		delete(k.coming, resource)
	}
}

// accountsOf are the living accounts of a project, by e-mail address; the caller holds the lock.
func (k *IAM) accountsOf(project string) []*ServiceAccount {
	all := slices.Collect(maps.Values(k.state.Accounts))
	all = slices.DeleteFunc(all, func(a *ServiceAccount) bool { return a.Deleted || a.Project != project })
	slices.SortFunc(all, func(a, b *ServiceAccount) int { return strings.Compare(a.Email, b.Email) })
	return all
}
