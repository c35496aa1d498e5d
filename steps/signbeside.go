package steps

import (
	"context"
	"errors"

	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/image"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

// SignBeside has an image signed that is not the setup's own, and keeps it on record:
// a rotation signs it again, and the removal of the key thinks of it. One that has a
// good signature of the key already counts as found. Of an attempt that failed is kept what may
// have been stored: sign says so by added, beside its error.
func SignBeside(rec state.Record, page engine.Ledger, ref string, sign func() (added bool, err error)) (bool, error) {
	r := signed(ref)
	for _, e := range rec.Entries {
		if e.Resource == r && e.Step == "signature" {
			return sign() // the setup's own, on its page already
		}
	}
	before := page.Entry(r).Phase
	if err := page.Intend(r); err != nil {
		return false, err
	}
	added, err := sign()
	switch {
	case err != nil && !added && (before == "" || before == state.Gone):
		return false, errors.Join(err, page.Gone(r))
	case err != nil:
		return false, err
	case before == state.Made, before == state.Found:
		return added, nil
	case !added && before != state.Intended:
		return false, page.Found(r, nil)
	}
	return added, page.Made(r, nil)
}

// LookBeside looks at the images that `signgate sign` has signed: one that is still
// there must still be signed. What its owner has deleted is none of our business.
func LookBeside(ctx context.Context, rec state.Record, c *gcp.Clients, page engine.Ledger) []engine.Finding {
	s := cloud{Names: NamesOf(rec.Answers), c: c}
	version := rec.Pins[PinKeyVersion]
	var all []engine.Finding
	for _, e := range page.Entries() {
		if !onRecord(e) || version == "" {
			continue
		}
		f := finding(page, e.Resource, "signed by version "+version)
		there, err := s.registries().Find(ctx, e.Name)
		if err == nil && there == "" {
			continue
		}
		if err == nil {
			var k image.Key
			if k, err = image.KMSKey(ctx, c.KMSConn(), s.KMSRef(version)); err == nil {
				f, err = lookSigned(ctx, s.registries(), f, e.Name, k)
			}
		}
		if err != nil {
			f.State, f.Real = engine.CannotTell, problem.From(err).What
		}
		if f.Differs() {
			f.Repair = shell("signgate", "sign", e.Name)
		}
		f.Step, f.Means = StepSign, f.Sentence()
		all = append(all, f)
	}
	return all
}
