// Package chart is where Sigstore's Helm chart comes from in the sandbox: the chart
// host (sigstore.github.io, with its archives on github.com), a chart of the sandbox's
// own with the upstream one's names, values and objects, and the image that it installs,
// made from the policy-controller that was built here. Both are put together when the
// sandbox is built (package assemble) and only served here.
package chart

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signgate/signgate/sandbox/journal"
	"github.com/signgate/signgate/sandbox/registry"
)

// Chart is what is served. It may be used by many goroutines at once.
type Chart struct {
	record  Record
	archive []byte
	created time.Time
	binary  string // path of the controller
	problem error
	journal *journal.Journal // nil: requests are not noted
}

// Load reads what was assembled into the folder of binaries. Without it the hosts
// answer, but have no chart; Problem says why.
func Load(bin string, j *journal.Journal) *Chart {
	c := &Chart{journal: j}
	if c.problem = c.load(bin); c.problem != nil {
		c.problem = fmt.Errorf("the sandbox has no policy-controller to install: %w", c.problem)
	}
	return c
}

func (c *Chart) load(bin string) error {
	if bin == "" {
		return errors.New("it was started without its binaries")
	}
	path := filepath.Join(bin, Archive)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing; from a checkout, make build makes it", path)
	}
	if err != nil {
		return err
	}
	c.created = info.ModTime().UTC().Truncate(time.Second)
	if c.record, err = loadRecord(path); err != nil {
		return err
	}
	if c.archive, err = os.ReadFile(path); err != nil {
		return err
	}
	if got := strings.TrimPrefix(digest(string(c.archive)), "sha256:"); got != c.record.Digest {
		return fmt.Errorf("%s is not the one of its record; make build makes it again", path)
	}
	c.binary = filepath.Join(bin, filepath.Base(c.record.Image.Binary))
	if c.binary, err = filepath.Abs(c.binary); err != nil {
		return err
	}
	if err := c.record.Image.current(c.binary); err != nil {
		return fmt.Errorf("%w; make build makes both again", err)
	}
	return nil
}

// Problem says why there is no chart; nil if there is one.
func (c *Chart) Problem() error { return c.problem }

// Digest is the archive's SHA-256 in hexadecimal, as Helm's index has it; "" without a chart.
func (c *Chart) Digest() string {
	if c.problem != nil {
		return ""
	}
	return c.record.Digest
}

// Images are those of ghcr.io by name, for the registry.
func (c *Chart) Images() map[string]registry.Shelf {
	if c.problem != nil {
		return nil
	}
	return map[string]registry.Shelf{strings.TrimPrefix(Repository, "ghcr.io/"): shelf{c.record.Image, c.binary}}
}

// Programs are the executables of images that the sandbox itself built, by the image's
// digest: all that its nodes may run.
func (c *Chart) Programs() map[string]string {
	if c.problem != nil {
		return nil
	}
	return map[string]string{Repository + "@" + c.record.Image.Digest(): c.binary}
}

// Handlers serve the chart host and what it points to, by host.
func (c *Chart) Handlers() (map[string]http.Handler, error) {
	return map[string]http.Handler{
		"sigstore.github.io": c.noted(c.pages), "github.com": c.noted(c.releases), assetsHost: c.noted(c.assets),
	}, nil
}

// Close ends nothing.
func (c *Chart) Close() error { return nil }
