package state

// Answers are what a person decided. Every name a step needs is a function of them.
type Answers struct {
	Project        string `json:"project"`
	NewProject     bool   `json:"newProject,omitempty"`     // make the project, and link it to BillingAccount
	BillingAccount string `json:"billingAccount,omitempty"` // "billingAccounts/XXXXXX-XXXXXX-XXXXXX"
	Region         string `json:"region"`
	Suffix         string `json:"suffix,omitempty"` // appended to every name, so that several people can share a project
	KeyRing        string `json:"keyRing"`
	Key            string `json:"key"`
	Repository     string `json:"repository"`
	Image          string `json:"image"` // the public image that is copied and signed
	Cluster        string `json:"cluster"`
	Shape          string `json:"shape"`          // zonal, regional, guide (regional, 3 nodes a zone, 100 GB)
	Zone           string `json:"zone,omitempty"` // of a zonal cluster; empty: the region's first
	MachineType    string `json:"machineType"`
	DiskGB         int    `json:"diskGB"`
	Nodes          int    `json:"nodes"` // per zone
	Namespace      string `json:"namespace"`
	Policy         string `json:"policy"`
	PublicLog      bool   `json:"publicLog,omitempty"` // also record signatures in Sigstore's public transparency log
}

// Defaults are the guide's own names on the smallest shape.
func Defaults() Answers {
	return Answers{
		Region: "northamerica-northeast1", KeyRing: "cosign", Key: "cosign", Repository: "containers",
		Image: "nginx", Cluster: "cosign-test-cluster", Shape: "zonal", MachineType: "e2-medium",
		DiskGB: 30, Nodes: 1, Namespace: "default", Policy: "private-signed-images-cip",
	}
}
