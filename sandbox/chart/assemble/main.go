// Command assemble puts the sandbox's chart of policy-controller together when the
// sandbox is built, and finds out all that is asked of it later. Custom resources, roles,
// configuration and webhooks are taken from the controller's own module, never written
// from memory; what makes a chart of them is in templates/. The same input gives the
// same bytes.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"

	"github.com/google/renameio/v2"

	"github.com/signgate/signgate/sandbox/chart"
)

func main() {
	binary := flag.String("binary", "", "policy-controller, built from the module")
	out := flag.String("out", "", "where the chart goes; its record goes beside it")
	module := flag.String("module", "", "folder of the module github.com/sigstore/policy-controller")
	flag.Parse()
	if err := run(*binary, *out, *module); err != nil {
		fmt.Fprintln(os.Stderr, "assemble the sandbox's chart:", err)
		os.Exit(1)
	}
}

func run(binary, out, module string) error {
	if binary == "" || out == "" || module == "" {
		return fmt.Errorf("-binary, -out and -module are all needed")
	}
	image, err := chart.Describe(binary)
	if err != nil {
		return err
	}
	files, err := compose(module, image.Digest())
	if err != nil {
		return err
	}
	archive, err := pack(files)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(out, archive, 0o644); err != nil {
		return err
	}
	sum := sha256.Sum256(archive)
	return chart.Record{Format: 1, Digest: hex.EncodeToString(sum[:]), Image: image}.Save(out)
}
