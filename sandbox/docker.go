package sandbox

import (
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// dockerLife is how long Docker's configuration lets its holder in, unless the sandbox is
// started again or reset before: as good as the refresh token beside it.
const dockerLife = 30 * 24 * time.Hour

// locations of Artifact Registry's hosts: Docker's configuration knows no wildcards.
const locations = `africa-south1 asia asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2
asia-southeast1 asia-southeast2 australia-southeast1 australia-southeast2 europe europe-central2 europe-north1 europe-north2 europe-southwest1
europe-west1 europe-west10 europe-west12 europe-west2 europe-west3 europe-west4 europe-west6 europe-west8 europe-west9 me-central1 me-central2
me-west1 northamerica-northeast1 northamerica-northeast2 northamerica-south1 southamerica-east1 southamerica-west1 us us-central1 us-east1
us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4`

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
	for _, l := range strings.Fields(locations) {
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
