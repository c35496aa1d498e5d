package steps

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/signgate/signgate/internal/engine"
)

// aspect is what of a policy a difference is about.
type aspect int

// The aspects. Of differences that do the same to the gate the first of these is told: what
// the whole policy says comes before what one of its authorities does.
const (
	ofImages aspect = iota
	ofKeys
	ofMode
	ofField
	ofAuthority
)

// difference is one thing in which a policy is not as wanted.
type difference struct {
	about      aspect
	is, wanted []string // globs, key versions, a mode, a field; nothing where there is, or is to be, none
	extra      extra    // of an authority: what is too much
}

// has says what is there, as words.
func (d difference) has() string {
	switch d.about {
	case ofField:
		return "a field " + d.is[0]
	case ofAuthority:
		return d.extra.is()
	}
	return d.about.with(d.is)
}

// wants says what is wanted in its place.
func (d difference) wants() string {
	switch d.about {
	case ofField:
		return "no field " + d.is[0]
	case ofAuthority:
		return d.extra.wanted()
	}
	return d.about.with(d.wanted)
}

func (a aspect) with(values []string) string {
	said := strings.Join(values, ", ")
	switch {
	case a == ofImages:
		return "images " + said
	case a == ofMode:
		return "mode " + said
	case len(values) == 0:
		return "no key"
	}
	return "key " + said
}

// inWords are differences as a person reads them.
func inWords(all []difference) (before, after []string) {
	for _, d := range all {
		before, after = append(before, d.has()), append(after, d.wants())
	}
	return before, after
}

// policyDiffers compares what the policy demands with what is wanted; nothing if it is the same.
func (s inside) policyDiffers(l engine.Ledger, now *unstructured.Unstructured) []difference {
	var all []difference
	note := func(about aspect, is, wanted []string) {
		if !slices.Equal(is, wanted) {
			all = append(all, difference{about: about, is: is, wanted: wanted})
		}
	}
	spec, _, _ := unstructured.NestedMap(now.Object, "spec")
	note(ofImages, globs(spec), []string{s.glob()})
	keys, more := authoritiesOf(spec)
	note(ofKeys, keys, slices.Sorted(slices.Values(s.keys(l))))
	for _, e := range more {
		all = append(all, difference{about: ofAuthority, extra: e})
	}
	mode, _ := spec["mode"].(string)
	if mode == "" {
		mode = "enforce"
	}
	note(ofMode, []string{mode}, []string{"enforce"})
	for _, field := range []string{"match", "policy"} { // fewer workloads, other conditions
		if _, ok := spec[field]; ok {
			note(ofField, []string{field}, nil)
		}
	}
	return all
}

// globs are the images that a policy is about.
func globs(spec map[string]any) []string {
	var all []string
	images, _ := spec["images"].([]any)
	for _, i := range images {
		image, _ := i.(map[string]any)
		glob, _ := image["glob"].(string)
		all = append(all, glob)
	}
	return all
}

// edited says what a policy's differences do, the worst of them.
func (s inside) edited(l engine.Ledger, differs []difference) (engine.Effect, string) {
	worst, because := engine.Harmless, ""
	for _, d := range slices.SortedStableFunc(slices.Values(differs), func(a, b difference) int { return int(a.about - b.about) }) {
		if effect, why := s.does(l, d); because == "" || effect.Worse(worst) {
			worst, because = effect, fmt.Sprintf("policy %q %s", s.a.Policy, why)
		}
	}
	return worst, because
}

// does says what a difference does, and how: the words follow the policy's name.
func (s inside) does(l engine.Ledger, d difference) (engine.Effect, string) {
	values := strings.Join(d.is, ", ")
	switch d.about {
	case ofMode:
		return engine.Opens, "has mode " + values + ": it only warns, and admits everything"
	case ofImages:
		if strings.Contains(values, s.glob()) {
			return engine.Harmless, "is about more images than this setup's (" + values + ")"
		}
		return engine.Shuts, "is about " + values + ", not " + s.glob() + ", and what no policy is about is refused"
	case ofKeys:
		return s.otherKeys(l, d.is)
	case ofField:
		return engine.Shuts, "has " + d.has() + ", which narrows what it lets in"
	}
	effect, why := d.extra.means(s.a.PublicLog)
	return effect, "has " + d.has() + ": " + why
}

// otherKeys says what it means that the policy has these keys.
func (s inside) otherKeys(l engine.Ledger, have []string) (engine.Effect, string) {
	wanted := s.keys(l)
	if len(have) == 0 { // a kind of authority of its own may still let something in
		return engine.Shuts, "has no key, and images are signed by " + strings.Join(wanted, ", ")
	}
	kept := 0
	for _, k := range have {
		if slices.Contains(wanted, k) {
			kept++
			continue
		}
		if len(have) > 1 {
			return engine.Opens, "also lets in what is signed by " + k
		}
	}
	if kept > 0 {
		return engine.Shuts, "lacks a key that images are signed by (" + strings.Join(wanted, ", ") + ")"
	}
	return engine.Shuts, "wants a signature by " + strings.Join(have, ", ") + ", and images are signed by " + strings.Join(wanted, ", ")
}
