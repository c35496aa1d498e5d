package assets

import (
	_ "embed"
	"strings"
	"text/template"
)

//go:embed policy.yaml
var policy string

// Policy is the ClusterImagePolicy of this name in YAML: the images that glob
// matches need a signature of one of the keys, each a version of one in Cloud KMS (gcpkms://…).
func Policy(name, glob string, keys ...string) (string, error) {
	t, err := template.New("policy").Parse(policy)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, struct {
		Name, Glob string
		Keys       []string
	}{name, glob, keys})
	return out.String(), err
}
