package assets

import (
	_ "embed"
	"strings"
	"text/template"
)

//go:embed policy.yaml
var policy string

// Policy is the ClusterImagePolicy of this name in YAML: the images that glob
// matches need a signature of the key, a version of one in Cloud KMS (gcpkms://…).
func Policy(name, glob, key string) (string, error) {
	t, err := template.New("policy").Parse(policy)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, struct{ Name, Glob, Key string }{name, glob, key})
	return out.String(), err
}
