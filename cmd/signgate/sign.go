package main

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/steps"
)

func newSign(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "sign IMAGE",
		GroupID: "setup",
		Short:   "Sign one more image with the setup's key",
		Long: `Sign one more image with the setup's key, as cosign does: the signature is stored beside
the image. A tag is resolved to its digest first, and the digest is what is signed.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runSign(cmd, a, args[0]) },
	}
}

func runSign(cmd *cobra.Command, a *app, ref string) error {
	target, err := name.ParseReference(ref)
	if err != nil {
		return usagef("%w", err)
	}
	_, rec, err := a.recorded()
	if err != nil {
		return err
	}
	version := rec.Pins[steps.PinKeyVersion]
	if version == "" {
		return problem.Raise("not-signed-yet", nil)
	}
	site, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	defer site.Close()
	site.clients.BillTo(rec.Answers.Project)
	ctx := cmd.Context()
	registries := image.Registries{HTTP: site.clients.HTTP, Tokens: site.clients.Tokens}
	if !registries.SignsIn(target.Context()) {
		return problem.Raise("sign-elsewhere", fmt.Errorf("%s is in %s", ref, target.Context().RegistryStr()))
	}
	key, err := image.KMSKey(ctx, site.clients.KMSConn(), steps.NamesOf(rec.Answers).KMSRef(version))
	if err != nil {
		return err
	}
	signed, err := byDigest(ctx, registries, target)
	if err != nil {
		return err
	}
	added, err := registries.Sign(ctx, signed, key, rec.Answers.PublicLog)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(map[string]any{"image": signed, "added": added})
	}
	if !added {
		fmt.Fprintf(a.Err, "signgate: it has a good signature of this key already; nothing was added\n")
	}
	fmt.Fprintln(a.Out, signed)
	return nil
}

// byDigest resolves a tag to what it names now. A digest needs no looking up.
func byDigest(ctx context.Context, r image.Registries, target name.Reference) (string, error) {
	if d, ok := target.(name.Digest); ok {
		return d.Name(), nil
	}
	digest, err := r.Find(ctx, target.Name())
	if err == nil && digest == "" {
		err = fmt.Errorf("look up image %s: MANIFEST_UNKNOWN: manifest unknown", target)
	}
	return target.Context().Name() + "@" + digest, err
}
