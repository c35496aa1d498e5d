package export

import (
	"embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/signgate/signgate/steps"
)

//go:embed ci/*.yaml
var ciFiles embed.FS

// The builds that CI knows.
const (
	GitHub     = "github"
	CloudBuild = "cloudbuild"
)

// CosignRelease is the cosign that the builds sign with.
const CosignRelease = "v3.1.3"

// CI is a build that signs what it pushes, by its digest, with the setup's key: a
// workflow of GitHub Actions or a configuration of Cloud Build.
func CI(s Setup, build string) (string, error) {
	text, err := ciFiles.ReadFile("ci/" + build + ".yaml")
	if err != nil {
		return "", fmt.Errorf("no build is called %q: there are %s and %s", build, GitHub, CloudBuild)
	}
	t, err := template.New(build).Delims("<<", ">>").Parse(string(text))
	if err != nil {
		return "", err
	}
	n := s.names()
	sign := steps.SignCommand(s.Answers, n.KMSRef(s.keyVersion()))
	var out strings.Builder
	err = t.Execute(&out, map[string]string{
		"Setup": s.Name, "Project": s.Answers.Project, "Region": s.Answers.Region, "Cosign": CosignRelease,
		"Host": n.RegistryHost(), "Repository": n.RepositoryPath(), "RepositoryID": n.RepositoryID(),
		"KeyName": n.Key(),
		"Sign":    strings.Join(sign, " "), "SignArgs": strings.Join(sign[1:], " "), // every word of it is plain: names and flags
	})
	return out.String(), err
}
