package iam

import (
	"regexp"
	"strings"
	"time"
)

// Pod is what policies can mean a pod by besides its Kubernetes account's name.
type Pod struct {
	UID     string `json:"u,omitempty"` // of the Kubernetes account
	Cluster string `json:"c,omitempty"` // "https://container.googleapis.com/v1/projects/P/locations/L/clusters/C"
}

// What every Kubernetes Engine pool's name ends in, and every name of a principal begins with.
const (
	clusterPools = ".svc.id.goog"
	federated    = "principal://"
	federatedSet = "principalSet://"
	everyPod     = ":/allAuthenticatedUsers/" // behind a pool's name: the group of all its pods
)

// MintPod makes a pod's access token: a federated one, of the Kubernetes account that
// the member names ("principal://…").
func (k *IAM) MintPod(member string, pod Pod, scopes []string, life time.Duration) (token string, expires time.Time) {
	expires = k.clock().Add(life)
	return k.seal.token(claims{Member: member, Pod: pod, Scopes: scopes, Expires: expires.Unix()}), expires
}

// federatedNames are the names by which policies can mean a pod's Kubernetes account:
// its own by name or by id, its namespace's, its cluster's and its pool's
// (cloud.google.com/iam/docs/principal-identifiers). allAuthenticatedUsers is none: it
// leaves out who comes from an identity pool.
func federatedNames(c Caller) []string {
	names := []string{c.Member, "allUsers"}
	pool, subject, ok := strings.Cut(strings.TrimPrefix(c.Member, federated), "/subject/")
	part := strings.Split(subject, "/")
	if !ok || len(part) != 4 || part[0] != "ns" || part[2] != "sa" {
		return names
	}
	id := pool[strings.LastIndex(pool, "/")+1:]
	names = append(names, federatedSet+pool+"/namespace/"+part[1], "serviceAccount:"+id+"["+part[1]+"/"+part[3]+"]", "group:"+id+everyPod)
	if c.Pod.UID != "" {
		names = append(names, federated+pool+"/kubernetes.serviceaccount.uid/"+c.Pod.UID)
	}
	if c.Pod.Cluster != "" {
		names = append(names, federatedSet+pool+"/kubernetes.cluster/"+c.Pod.Cluster)
	}
	return names
}

// selectors are what a principal of a Kubernetes Engine pool may select, by its prefix.
func selectors() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"principal":    regexp.MustCompile(`^(subject/.+|kubernetes\.serviceaccount\.uid/[^/]+)$`),
		"principalSet": regexp.MustCompile(`^(namespace/[^/]+|kubernetes\.cluster/https://container\.googleapis\.com/v1/projects/[^/]+/locations/[^/]+/clusters/[^/]+)$`),
	}
}

// principal checks a member "principal://…" or "principalSet://…". The caller holds the lock.
func (k *IAM) principal(m string) error {
	kind, name, _ := strings.Cut(m, "://")
	name, ok := strings.CutPrefix(name, "iam.googleapis.com/")
	if strings.HasPrefix(name, "locations/global/workforcePools/") && strings.Count(name, "/") > 3 {
		return nil // people of others
	}
	part := strings.SplitN(name, "/", 7) // projects/N/locations/global/workloadIdentityPools/POOL/SELECTOR
	if !ok || len(part) != 7 || part[0] != "projects" || part[2]+"/"+part[3]+"/"+part[4] != "locations/global/workloadIdentityPools" || part[6] == "" {
		return unknownType(m)
	}
	project, gke := strings.CutSuffix(part[5], clusterPools)
	if gke && part[6] != "*" && !selectors()[kind].MatchString(part[6]) {
		return unknownType(m)
	}
	number := part[1]
	var known bool
	switch ours := k.project(project); {
	case gke && ours != nil:
		known = ours.Number == number && k.state.IdentityPools[part[5]]
	case gke:
		known = k.project(number) == nil // a pool of one project under the number of another
	default:
		known = k.project(number) == nil // of this world's projects none has others
	}
	// Of a pool of Kubernetes Engine's "all of it" is no set, and answered in these words;
	// the group of its pods is.
	if !known || gke && part[6] == "*" {
		return noPool(strings.Join(part[:6], "/"))
	}
	return nil
}

// podAccount checks a Kubernetes account in its older form, "POOL[NAMESPACE/NAME]".
func (k *IAM) podAccount(id string) error {
	pool, rest, _ := strings.Cut(id, "[")
	if inside, ok := strings.CutSuffix(rest, "]"); !ok || strings.Count(inside, "/") != 1 || strings.HasPrefix(inside, "/") || strings.HasSuffix(inside, "/") {
		return invalid("Invalid service account (%s).", id)
	}
	return k.podPool(pool)
}

// podPool checks that a pool of Kubernetes Engine's exists, if its project is in this world.
func (k *IAM) podPool(pool string) error {
	project, ok := strings.CutSuffix(pool, clusterPools)
	if !ok || k.project(project) != nil && !k.state.IdentityPools[pool] {
		return noPool(pool)
	}
	return nil
}

func noPool(pool string) error {
	return invalid("Identity Pool does not exist (%s). Please check that you specified a valid resource name as returned in the `name` attribute in the configuration API.", pool)
}

// SetIdentityPool notes that a workload identity pool ("P.svc.id.goog") exists, so
// that policies may name its members. Kubernetes Engine makes it with the project's
// first cluster that uses it, and never takes it away.
func (k *IAM) SetIdentityPool(name string) error {
	return k.change(func(s *state) error {
		s.IdentityPools[name] = true
		return nil
	})
}
