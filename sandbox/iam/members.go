package iam

import (
	"maps"
	"slices"
	"strings"
)

// member checks one member of a policy and returns it as it is kept. What is in this
// world must exist: its projects' service accounts and identity pools, its domain's
// people. What belongs to others is taken at its word. The caller holds the lock.
func (k *IAM) member(resource, m string, old *policy) (string, error) {
	if old.names(m) { // a member that has gone meanwhile may stay
		return m, nil
	}
	if m == "allUsers" || m == "allAuthenticatedUsers" {
		if strings.Count(resource, "/") == 1 {
			return "", invalid("The member %s cannot be granted a role on this resource.", m)
		}
		return m, nil
	}
	kind, id, ok := strings.Cut(m, ":")
	if !ok || id == "" {
		return "", unknownType(m)
	}
	switch kind {
	case "user", "group":
		return k.person(kind, strings.ToLower(id))
	case "domain":
		return kind + ":" + strings.ToLower(id), nil
	case "serviceAccount":
		return k.machine(id)
	case "deleted":
		return k.gone(m, id)
	case "principal", "principalSet":
		return m, k.principal(m)
	}
	return "", unknownType(m)
}

func unknownType(m string) error {
	return invalid("The member %s is of an unknown type. Please set a valid type prefix for the member.", m)
}

func (p *policy) names(member string) bool {
	return p != nil && slices.ContainsFunc(p.lists(), func(members []string) bool { return slices.Contains(members, member) })
}

func (k *IAM) person(kind, email string) (string, error) {
	if pool, ok := strings.CutSuffix(email, strings.ToLower(everyPod)); ok && kind == "group" {
		return "group:" + pool + everyPod, k.podPool(pool)
	}
	name, host, ok := strings.Cut(email, "@")
	if !ok || name == "" || !strings.Contains(host, ".") {
		return "", invalid("Invalid %s email address: %s.", kind, email)
	}
	if strings.HasSuffix(host, ".gserviceaccount.com") {
		return "", invalid("The member %s:%s is a service account: its type prefix is serviceAccount.", kind, email)
	}
	if host == domain && !k.signsIn(kind+":"+email) { // nor are there groups in it
		return "", invalid("%s %s does not exist.", strings.ToUpper(kind[:1])+kind[1:], email)
	}
	return kind + ":" + email, nil
}

func (k *IAM) signsIn(member string) bool {
	return slices.Contains(slices.Collect(maps.Values(k.state.Refresh)), member)
}

// machine checks a service account, or a Kubernetes one as "POOL[NAMESPACE/NAME]".
func (k *IAM) machine(id string) (string, error) {
	if strings.Contains(id, "[") {
		return "serviceAccount:" + id, k.podAccount(id)
	}
	email := strings.ToLower(id)
	host := email[strings.Index(email, "@")+1:]
	project, ours := strings.CutSuffix(host, ".iam.gserviceaccount.com")
	if !strings.Contains(email, "@") || !strings.HasSuffix(host, "gserviceaccount.com") {
		return "", invalid("Invalid service account (%s).", id)
	}
	if ours && k.state.Projects[project] != nil {
		if a := k.account("-", email); a == nil || !k.known(a) {
			return "", noServiceAccount(id)
		}
	}
	return "serviceAccount:" + email, nil
}

// noServiceAccount is the refusal of a policy that names an account that is not
// there, or that is too new to be known.
func noServiceAccount(email string) error {
	return invalid("Service account %s does not exist.", email)
}

// gone checks "deleted:serviceAccount:EMAIL?uid=N".
func (k *IAM) gone(m, id string) (string, error) {
	kind, rest, _ := strings.Cut(id, ":")
	email, unique, ok := strings.Cut(rest, "?uid=")
	if !ok || unique == "" {
		return "", invalid("The member %s must have the form deleted:{type}:{email}?uid={uid}.", m)
	}
	if kind != "serviceAccount" {
		return m, nil
	}
	a := k.state.Accounts[unique]
	if a == nil || a.Email != email || !a.Deleted {
		return "", invalid("Deleted service account %s with uid %s does not exist.", email, unique)
	}
	return m, nil
}
