package main

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/steps"
)

func newSign(a *app) *cobra.Command {
	try := true
	cmd := &cobra.Command{
		Use:     "sign IMAGE",
		GroupID: "setup",
		Short:   "Sign one more image with the setup's key, and say what try now answers",
		Long: `Sign one more image with the setup's key, as cosign does: the signature is stored beside
the image. A tag is resolved to its digest first, and the digest is what is signed. It is put on record, so
that signgate rotate signs it again and signgate destroy knows that the key is needed. The result is the
image by its digest; what the cluster says of it now comes after it, for a person. Where the cluster is out
of reach, or nobody's business (a pipeline that only signs), --try=false leaves it alone.`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error { return runSign(cmd, a, args[0], try) },
	}
	cmd.Flags().BoolVar(&try, "try", try, "ask the cluster about the image afterwards")
	return cmd
}

func runSign(cmd *cobra.Command, a *app, ref string, try bool) error {
	target, err := imageNamed(ref)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	s, err := a.onRecord(ctx)
	if err != nil {
		return err
	}
	defer s.leave(false)
	asking, enough := context.WithCancel(ctx)
	defer enough()
	var ask func(image string) (engine.Verdict, error)
	if try {
		ask = steps.Asking(asking, s.Answers(), s.site.clients)
	}
	signed, err := s.sign(ctx, target)
	if err != nil {
		return err
	}
	signed.Asked = ref
	if ask != nil {
		if v, err := ask(signed.Image); err == nil {
			signed.Try = &v
		} else if ctx.Err() == nil {
			signed.Problem = problem.From(err)
		}
	}
	if a.output == "json" {
		return a.printJSON(signed)
	}
	if _, byTag := target.(name.Tag); byTag {
		fmt.Fprintf(a.Err, "signgate: %s is a tag; what is signed is the digest that it names now\n", ref)
	}
	if !signed.Added {
		fmt.Fprintf(a.Err, "signgate: it has a good signature of this key already; nothing was added\n")
	}
	fmt.Fprintln(a.Out, signed.Image)
	switch {
	case signed.Try != nil:
		fmt.Fprintf(a.Err, "signgate: try now answers: %s: %s\n", signed.Try.Actual, steps.Meaning(signed.Try.Reason))
	case signed.Problem != nil:
		fmt.Fprintf(a.Err, "signgate: the cluster could not be asked: %s\n", signed.Problem.What)
	}
	return nil
}

// imageNamed reads the IMAGE of a command line.
func imageNamed(ref string) (name.Reference, error) {
	target, err := name.ParseReference(ref)
	if err != nil {
		return nil, usagef("%q is no image; write it as nginx:1.29, or as HOST/PATH@sha256:DIGEST", problem.Clean(ref))
	}
	return target, nil
}

// sign signs what a reference names now, by its digest, with the version of the key that signs.
func (s *session) sign(ctx context.Context, target name.Reference) (engine.Signed, error) {
	rec := s.store.Record()
	version := rec.Pins[steps.PinKeyVersion]
	if version == "" {
		return engine.Signed{}, problem.Raise("not-signed-yet", nil)
	}
	registries := s.site.registries()
	if !registries.SignsIn(target.Context()) {
		return engine.Signed{}, problem.Raise("sign-elsewhere", fmt.Errorf("%s is in %s", target, target.Context().RegistryStr()))
	}
	key, err := image.KMSKey(ctx, s.site.clients.KMSConn(), steps.NamesOf(rec.Answers).KMSRef(version))
	if err != nil {
		return engine.Signed{}, err
	}
	ref, err := byDigest(ctx, registries, target)
	if err != nil {
		return engine.Signed{}, err
	}
	page := s.page(steps.StepSign)
	added, err := steps.SignBeside(rec, page, ref, func() (bool, error) { return registries.Sign(ctx, ref, key, rec.Answers.PublicLog) })
	return engine.Signed{Type: "sign", Image: ref, Version: version, Added: added}, err
}

// byDigest resolves a tag to what it names now. A digest needs no looking up.
func byDigest(ctx context.Context, r image.Registries, target name.Reference) (string, error) {
	if d, ok := target.(name.Digest); ok {
		return d.Name(), nil
	}
	digest, err := r.Digest(ctx, target.Name())
	return target.Context().Name() + "@" + digest, err
}
