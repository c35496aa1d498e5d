package gke

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
)

// dir is a folder of metadata: folders, text, lists of text and numbers by name.
type dir map[string]any

// hidden stands for what is given only when it is asked for by name.
type hidden struct{}

// tree is all that an asker may see, without tokens. GKE's own metadata server, which
// pods with identities ask, has a part of it (kubernetes-engine/docs/concepts/workload-identity).
func (s *Service) tree(a asker) dir {
	c, n := a.c, a.node
	pool := c.pool(n.Pool)
	attributes := dir{}
	for k, v := range pool.GetConfig().GetMetadata() {
		attributes[k] = v
	}
	for k, v := range map[string]string{
		"cluster-location": c.pb.GetLocation(), "cluster-name": c.pb.GetName(), "cluster-uid": c.UID,
		"kube-labels": "cloud.google.com/gke-nodepool=" + n.Pool,
	} {
		attributes[k] = v
	}
	host := fmt.Sprintf("%s.%s.c.%s.internal", n.Name, n.Zone, c.Project)
	accounts, me := dir{}, s.identityOf(a)
	for _, name := range []string{"default", me.email} {
		accounts[name] = dir{"aliases": []string{"default"}, "email": me.email, "scopes": me.scopes, "identity": hidden{}, "token": hidden{}}
	}
	project := dir{"numeric-project-id": number(c.Number), "project-id": c.Project}
	universe := dir{"universe-domain": "googleapis.com"}
	if a.federated() {
		return dir{"project": project, "universe": universe, "instance": dir{
			"attributes": dir{"cluster-location": c.pb.GetLocation(), "cluster-name": c.pb.GetName(), "cluster-uid": c.UID},
			"hostname":   host, "id": n.Instance, "zone": "projects/" + c.Number + "/zones/" + n.Zone, "service-accounts": accounts}}
	}
	project["attributes"] = dir{}
	return dir{
		"instance": dir{
			"attributes": attributes, "hostname": host, "id": n.Instance, "name": n.Name,
			"zone":         "projects/" + c.Number + "/zones/" + n.Zone,
			"machine-type": "projects/" + c.Number + "/machineTypes/" + pool.GetConfig().GetMachineType(),
			"image":        "projects/gke-node-images/global/images/" + nodeImage, "cpu-platform": "Intel Broadwell", "description": "",
			"preempted": "FALSE", "maintenance-event": "NONE", "tags": []string{path.Base(n.Name[:strings.LastIndex(n.Name, "-")]) + "-node"},
			"scheduling":         dir{"automatic-restart": "TRUE", "on-host-maintenance": "MIGRATE", "preemptible": "FALSE"},
			"network-interfaces": dir{"0": dir{"ip": n.IP, "network": "projects/" + c.Number + "/networks/" + c.pb.GetNetwork(), "mtu": 1460}},
			"service-accounts":   accounts,
		},
		"project": project, "universe": universe,
	}
}

// number is written without quotes in JSON.
type number string

// MarshalJSON writes the digits.
func (n number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// gkeMetadata says whether a pool's pods get identities of their own.
func gkeMetadata(p *containerpb.NodePool) bool {
	return p.GetConfig().GetWorkloadMetadataConfig().GetMode() == containerpb.WorkloadMetadataConfig_GKE_METADATA
}

// list is a folder's content, a name a line.
func (d dir) list() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d)) {
		b.WriteString(name)
		if _, folder := d[name].(dir); folder {
			b.WriteByte('/')
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// json is a folder as clients see it at once: names in camel case, but those that
// people or accounts gave.
func (d dir) json(given bool) any {
	if first, ok := d["0"].(dir); ok { // a list
		return []any{first.json(false)}
	}
	out := map[string]any{}
	for name, v := range d {
		key := name
		if !given {
			key = camel(name)
		}
		switch v := v.(type) {
		case hidden:
		case dir:
			out[key] = v.json(name == "attributes" || name == "service-accounts")
		default:
			out[key] = v
		}
	}
	return out
}

func camel(name string) string {
	parts := strings.Split(name, "-")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

// text is a folder as lines of "PATH VALUE".
func (d dir) text(at string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d)) {
		switch v := d[name].(type) {
		case hidden:
		case dir:
			b.WriteString(v.text(at + name + "/"))
		default:
			for line := range strings.SplitSeq(strings.TrimSuffix(plainText(v), "\n"), "\n") {
				fmt.Fprintf(&b, "%s%s %s\n", at, name, line)
			}
		}
	}
	return b.String()
}

func plainText(v any) string {
	if list, ok := v.([]string); ok {
		return strings.Join(list, "\n") + "\n"
	}
	return fmt.Sprint(v)
}
