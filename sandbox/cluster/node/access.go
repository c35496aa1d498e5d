package node

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Access is what a pod's process may reach besides itself.
type Access struct {
	API         string // the API server, ADDRESS:PORT
	CA          []byte // who signed its certificate
	Proxy       string // URL of the sandbox's proxy
	ProxyCA     string // PEM file
	ServiceCIDR string
	PodCIDR     string
}

const accountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

// proxied points every client at the sandbox's proxy, and no other variable
// of the image or the pod past it.
func (a Access) proxied(env map[string]string) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		env[name] = a.Proxy
	}
	none := "127.0.0.0/8,169.254.169.254," + a.ServiceCIDR + "," + a.PodCIDR + ",.svc,.cluster.local"
	env["NO_PROXY"], env["no_proxy"] = none, none
}

// kubeconfig stands in for the in-cluster configuration where the token's
// usual place cannot be mounted: the same token, from the volume that would
// be mounted there, at the API server's own address.
func (a Access) kubeconfig(g Program) (string, error) {
	var token string
	for _, m := range g.Mounts {
		if m.Path == accountPath {
			token = filepath.Join(m.Source, "token")
		}
	}
	if token == "" {
		return "", nil
	}
	c := clientcmdapi.NewConfig()
	c.Clusters["cluster"] = &clientcmdapi.Cluster{Server: "https://" + a.API, CertificateAuthorityData: a.CA}
	c.AuthInfos["account"] = &clientcmdapi.AuthInfo{TokenFile: token}
	c.Contexts["pod"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "account"}
	c.CurrentContext = "pod"
	data, err := clientcmd.Write(*c)
	if err != nil {
		return "", err
	}
	path := filepath.Join(g.Folder, "kubeconfig")
	return path, errors.Join(os.MkdirAll(g.Folder, 0o700), os.WriteFile(path, data, 0o600))
}

// service is the API server's address inside the cluster.
func (a Access) service() (string, error) {
	p, err := netip.ParsePrefix(a.ServiceCIDR)
	if err != nil {
		return "", err
	}
	return p.Masked().Addr().Next().String(), nil
}
