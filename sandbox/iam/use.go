package iam

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
)

// Use is what one principal did with what it may do.
type Use struct {
	Principal string   // as policies name it
	Used      []string // permissions that it needed, and had
	Missed    []string // that it was refused for
	Idle      []string // that its roles give it, on some resource, and it never needed
}

// Uses are those of everybody who is in a policy or made a call, as far as the journal
// goes back. What is idle with somebody need not have been given to them.
func (k *IAM) Uses() []Use {
	used, missed := map[string]map[string]bool{}, map[string]map[string]bool{}
	note := func(into map[string]map[string]bool, who, permission string) {
		if into[who] == nil {
			into[who] = map[string]bool{}
		}
		into[who][permission] = true
	}
	for _, c := range k.journal.Calls() {
		switch {
		case c.Principal == "" || c.Permission == "" || c.Code == codes.Unauthenticated.String():
		case c.Code == codes.PermissionDenied.String():
			note(missed, c.Principal, c.Permission)
		default:
			note(used, c.Principal, c.Permission)
		}
	}
	held := k.held()
	everybody := map[string]bool{}
	for _, set := range []map[string]map[string]bool{used, missed, held} {
		for who := range set {
			everybody[who] = true
		}
	}
	var all []Use
	for _, who := range slices.Sorted(maps.Keys(everybody)) {
		u := Use{Principal: who, Used: slices.Sorted(maps.Keys(used[who])), Missed: slices.Sorted(maps.Keys(missed[who]))}
		for _, p := range slices.Sorted(maps.Keys(held[who])) {
			if !used[who][p] {
				u.Idle = append(u.Idle, p)
			}
		}
		all = append(all, u)
	}
	return all
}

// held are the permissions that roles give to each principal by its own name, on any
// resource. Those that are gone have none.
func (k *IAM) held() map[string]map[string]bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	held := map[string]map[string]bool{}
	for _, members := range k.grants {
		for who, roles := range members {
			if strings.HasPrefix(who, "all") || strings.HasPrefix(who, "deleted:") {
				continue
			}
			if held[who] == nil {
				held[who] = map[string]bool{}
			}
			for _, r := range roles {
				for p := range r.permissions {
					held[who][p] = true
				}
			}
		}
	}
	return held
}
