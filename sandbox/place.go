package sandbox

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// place is where a sandbox is found: its folder and its proxy. All that a program's
// environment says follows from it.
type place struct {
	dir     string
	proxy   string
	project string // that programs are pointed at; "": Project
}

// The projects of the first start that programs are pointed at.
const (
	Project = "acme-demo"      // new: nothing is switched on
	InUse   = iam.ProjectInUse // the APIs are on, and nothing is made yet
)

// In points programs at another project.
func (p *place) In(project string) { p.project = project }

// Files of the folder that programs are pointed at.
func (p place) ca() string { return filepath.Join(p.dir, "ca.pem") }
func (p place) tools(a ...string) string {
	return filepath.Join(append([]string{p.dir, "tools"}, a...)...)
}

// Credentials is the file of a sign-in as client libraries take it (application
// default credentials of a person): iam.Owner, or iam.Viewer who may only look.
func (p place) Credentials(email string) string {
	return filepath.Join(p.dir, "credentials", email+".json")
}

// furnish writes what programs are pointed at: the CA, the sign-ins, and a first
// configuration for those tools that want a file or folder. What is there already
// is the user's (contexts of kubectl, settings of gcloud) and stays.
func (p place) furnish(ca []byte, people map[string]string) error {
	files := map[string][]byte{p.ca(): ca}
	for email, refresh := range people {
		files[p.Credentials(email)] = front.Credentials(email, refresh)
	}
	firsts := map[string][]byte{
		p.tools("gcloud", "properties"): fmt.Appendf(nil, "[core]\naccount = %s\n", iam.Owner),
	}
	for path, data := range firsts {
		if _, err := os.Stat(path); err != nil {
			files[path] = data
		}
	}
	for path, data := range files {
		if err := write(path, data); err != nil {
			return fmt.Errorf("write what programs need to use the sandbox: %w", err)
		}
	}
	return nil
}
