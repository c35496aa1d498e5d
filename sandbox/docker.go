package sandbox

import (
	"encoding/json"
	"os"
	"time"

	"github.com/signgate/signgate/sandbox/artifacts"
	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// dockerLife is how long Docker's configuration lets its holder in, unless the sandbox is
// started again or reset before: as good as the refresh token beside it.
const dockerLife = 30 * 24 * time.Hour

// dockerLogin signs the owner in to the registries as `docker login` does, for crane,
// cosign and whoever else reads Docker's configuration. What else is in it stays.
func (s *Sandbox) dockerLogin() error {
	path := s.tools("docker", "config.json")
	config := map[string]any{}
	if data, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(data, &config) // a damaged one is made anew
	}
	auths, _ := config["auths"].(map[string]any)
	if auths == nil {
		auths = map[string]any{}
	}
	token, _ := s.iam.Mint("user:"+iam.Owner, []string{"https://www.googleapis.com/auth/cloud-platform"}, dockerLife)
	for _, l := range artifacts.Regions() { // Docker's configuration knows no wildcards
		auths[l+"-docker.pkg.dev"] = map[string]string{"auth": front.DockerAuth(token)}
	}
	if config == nil {
		config = map[string]any{}
	}
	config["auths"] = auths
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	return write(path, append(data, '\n'))
}
