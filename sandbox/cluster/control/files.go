package control

import (
	"bytes"
	"fmt"
	"path/filepath"
	"text/template"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/signgate/signgate/sandbox/cluster/config"
)

// access is one way to a server, written down as a kubeconfig.
type access struct {
	Server    string
	CA        []byte
	Cert, Key []byte
	Token     string
}

func (a access) write(path string) error {
	c := clientcmdapi.NewConfig()
	c.Clusters["server"] = &clientcmdapi.Cluster{Server: a.Server, CertificateAuthorityData: a.CA}
	c.AuthInfos["user"] = &clientcmdapi.AuthInfo{ClientCertificateData: a.Cert, ClientKeyData: a.Key, Token: a.Token}
	c.Contexts["only"] = &clientcmdapi.Context{Cluster: "server", AuthInfo: "user"}
	c.CurrentContext = "only"
	data, err := clientcmd.Write(*c)
	if err != nil {
		return err
	}
	return config.WriteFile(path, data)
}

// egressConfig sends what the API server dials inside the cluster (webhooks,
// kubelets, pods) to the egress server, and its reviews too. etcd is left out:
// named here, its socket's path would be taken for a host.
const egressConfig = `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds: {udsName: {{printf "%q" .}}}
- name: controlplane
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds: {udsName: {{printf "%q" .}}}
`

// authorization is GKE's order: nodes, RBAC, then Google's IAM. Users of
// Kubernetes itself are never asked about there.
const authorizationConfig = `apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- {type: Node, name: node}
- {type: RBAC, name: rbac}
- type: Webhook
  name: iam
  webhook:
    authorizedTTL: 5s
    unauthorizedTTL: 1s
    timeout: 10s
    subjectAccessReviewVersion: v1
    matchConditionSubjectAccessReviewVersion: v1
    failurePolicy: NoOpinion
    connectionInfo: {type: KubeConfigFile, kubeConfigFile: {{printf "%q" .}}}
    matchConditions:
    - expression: "!request.user.startsWith('system:')"
`

// auditPolicy keeps what a verdict can be checked against: every write, with
// its body where a workload is written; no reads, and none of the cluster's
// own chatter.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: None
  verbs: [get, list, watch]
- level: None
  resources:
  - {group: "", resources: [events, endpoints, serviceaccounts/token, pods/binding, pods/status, nodes/status]}
  - {group: events.k8s.io, resources: [events]}
  - {group: coordination.k8s.io}
  - {group: discovery.k8s.io}
  - {group: authentication.k8s.io}
  - {group: authorization.k8s.io}
- level: Metadata
  resources:
  - {group: "", resources: [secrets, configmaps]}
- level: RequestResponse
  resources:
  - {group: "", resources: [pods, pods/ephemeralcontainers, replicationcontrollers]}
  - {group: apps, resources: [deployments, replicasets, statefulsets, daemonsets]}
  - {group: batch, resources: [jobs, cronjobs]}
- level: Metadata
`

// fill writes a template with its one value.
func fill(path, text string, value any) error {
	t, err := template.New(filepath.Base(path)).Parse(text)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, value); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return config.WriteFile(path, b.Bytes())
}
