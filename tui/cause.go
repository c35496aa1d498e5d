package tui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/signgate/signgate/internal/engine"
)

// questionOf is the answer that a failure asks to be changed, by its key in the
// config file: what the problem says of itself comes before what its step is
// about. sure is false where the answer may well be right; path is "" where it is no
// answer that caused it.
func questionOf(step, problem string) (path string, sure bool) {
	switch problem {
	case "quota-exceeded", "cluster-failed":
		return "shape", true
	case "stockout", "location-unknown": // a region is chosen from those that there are, a zone is typed
		return "zone", true
	case "project-not-found", "project-deleting", "billing-missing":
		return "project", true
	case "image-not-found", "image-platform", "image-name", "registry-rate-limit", "image-tag-taken":
		return "image", true
	case "key-differs", "key-without-version":
		return "key", true
	case "repository-differs":
		return "repository", true
	case "cluster-foreign", "cluster-differs":
		return "cluster", true
	case "policy-differs":
		return "policy", true
	case "deployment-foreign":
		return "namespace", true
	case "policy-conflict", "already-exists":
		return "suffix", false
	case "permission-denied", "permissions-missing", "kubernetes-forbidden", "not-signed-in",
		"credentials-missing", "credentials-expired", "credentials-revoked", "credentials-unreadable": // the account's
		if step != "project" && step != "apis" { // another project may be one where it may
			return "", false
		}
	}
	return map[string]string{"project": "project", "apis": "project", "keyring": "keyRing", "key": "key", "registry": "repository",
		"image": "image", "identity": "suffix", "cluster": "shape", "policy": "policy", "enforcement": "namespace"}[step], false
}

// failure is the first failed step, nil if none has.
func (a *app) failure() *stepRun {
	if a.run == nil {
		return nil
	}
	for _, st := range a.run.failed() {
		return st
	}
	return nil
}

// cause is the answer that the failed step asks to be changed.
func (a *app) cause() (path string, sure bool) {
	st := a.failure()
	if st == nil || st.problem == nil {
		return "", false
	}
	return questionOf(st.ID, st.problem.ID)
}

// culprit is that answer's name, "" where nobody is sure.
func (a *app) culprit() string {
	path, sure := a.cause()
	if !sure {
		return ""
	}
	return questionName(path)
}

// questionName is an answer as the form calls it.
func questionName(path string) string {
	for _, f := range fields() {
		if f.Key == path {
			return "“" + f.label + "”"
		}
	}
	return path
}

// changeCause goes to the question whose answer caused the failure. Its new answer
// comes back to where one was.
func (a *app) changeCause() tea.Cmd {
	path, _ := a.cause()
	return a.change(path)
}

// essential is why what failed cannot be left out: without it there is no gate. It
// is "" where the namespace is protected all the same.
func (r *run) essential() string {
	if st := r.step("enforcement"); st != nil && (st.status == engine.Done || st.status == engine.Reused) {
		return ""
	}
	return "without it nothing is protected"
}
