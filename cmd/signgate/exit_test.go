package main

import "testing"

// A command that is copied from a fix is about the setup that failed, in its world.
func TestFixesAreAboutThisSetup(t *testing.T) {
	google := &app{}
	google.stateDir = google.env.stateDir()
	a := *google
	a.sandbox = true
	for text, want := range map[string]string{
		"signgate apply goes on where it was":                   "signgate apply --sandbox --setup one goes on where it was",
		"signgate rotate, then signgate rotate --finish":        "signgate rotate --sandbox --setup one, then signgate rotate --sandbox --setup one --finish",
		"as recorded: signgate apply --overwrite-changes=a,b":   "as recorded: signgate apply --sandbox --setup one --overwrite-changes=a,b",
		"signgate explain gate-open; kubectl get pods":          "signgate explain gate-open; kubectl get pods",
		"signgate apply --sandbox --setup one goes on":          "signgate apply --sandbox --setup one goes on",
		"signgate rotate --finish --sandbox --setup one":        "signgate rotate --finish --sandbox --setup one",
		"signgate apply --to key --sandbox --setup one":         "signgate apply --to key --sandbox --setup one",
		"signgate doctor lists everything this setup needs":     "signgate doctor --sandbox --setup one lists everything this setup needs",
		"signgate applies nothing; signgate sandbox reset does": "signgate applies nothing; signgate sandbox reset does",
	} {
		if got := a.here(text, "one"); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
	a.until("registry")
	if got, want := a.here("signgate apply --overwrite-changes=key; signgate status", "one"),
		"signgate apply --to registry --sandbox --setup one --overwrite-changes=key; signgate status --sandbox --setup one"; got != want {
		t.Errorf("of a run up to a step: %q", got)
	}
	if got := google.here("signgate apply", ""); got != "signgate apply" {
		t.Errorf("on Google Cloud, with one setup: %q", got)
	}
}

// What is said again to go on is said as it was, as far as another meaning hangs on it.
func TestOverwritingIsSaidAgain(t *testing.T) {
	for want, named := range map[string][]string{
		"":                                 nil,
		" --overwrite-changes":             {everyStep},
		" --overwrite-changes=key,cluster": {"key", "cluster"},
	} {
		if got := overwriting(named); got != want {
			t.Errorf("%v: %q, want %q", named, got, want)
		}
	}
}
