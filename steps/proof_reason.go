package steps

import (
	"strings"

	"github.com/signgate/signgate/internal/problem"
)

// The reasons of a verdict. They are kept for ever: scripts read them.
const (
	ReasonSigned       = "signed"               // admitted: the signature holds
	ReasonNotAsked     = "not-enforced"         // admitted though nothing speaks for it
	ReasonNotRunning   = "not-running"          // admitted, but it does not come to run
	ReasonNoPolicy     = "no-policy"            // refused: no policy is about it
	ReasonUnsigned     = "unsigned"             // refused: no signature was found
	ReasonWrongKey     = "wrong-key"            // refused: signed, but not by the policy's key
	ReasonBundle       = "bundle-only"          // refused: signed only in a format that is not read for keys
	ReasonMissing      = "image-missing"        // refused: there is no such image
	ReasonUnresolved   = "unresolved"           // refused: its tag could not be turned into a digest
	ReasonUnasked      = "tag-unasked"          // refused: the webhook that turns tags into digests is not registered
	ReasonDenied       = "registry-denied"      // refused: the cluster may not read the registry
	ReasonUnreachable  = "registry-unreachable" // refused: the registry did not answer
	ReasonPolicyBroken = "policy-broken"        // refused: a policy is about it, but is not in force
	ReasonWebhookDown  = "webhook-down"         // refused: nobody is there to judge
	ReasonOther        = "other"                // refused: in words that signgate does not know
)

// Meaning says a reason in a sentence.
func Meaning(reason string) string {
	if reason == ReasonDenied { // the catalogue has its id for whoever asks the registry from here
		return "the cluster's account may not read this repository"
	}
	e, ok := problem.Explain(reason)
	if !ok {
		e, _ = problem.Explain(ReasonOther)
	}
	return e.What
}

// remedy is what to try about a refusal, with the image's name in it.
func remedy(reason, image string) string {
	if reason == ReasonDenied {
		return "signgate status shows whether the reader role is still there, signgate apply gives it again"
	}
	if reason == ReasonSigned {
		return ""
	}
	e, _ := problem.Explain(reason)
	return strings.ReplaceAll(e.Fix, "IMAGE", image)
}

// whyDenied reads a refusal. The words are policy-controller's own (v0.13.1), which
// the catalogue of verdicts has (internal/problem); the particular stands before the general.
func whyDenied(err error) (reason, words string) {
	if err == nil {
		return "", ""
	}
	words = strings.TrimSpace(problem.Clean(err.Error()))
	has := func(signs ...string) bool {
		for _, sign := range signs {
			if strings.Contains(words, sign) {
				return true
			}
		}
		return false
	}
	switch {
	case has("failed calling webhook", "failed to call webhook"):
		return ReasonWebhookDown, words
	case !has(`admission webhook "` + policyWebhook + `" denied the request`):
		return ReasonOther, words
	case has("no matching policies"):
		return ReasonNoPolicy, words
	case has("must be an image digest"):
		return ReasonUnresolved, words
	case has("no matching signatures", "invalid signature when validating"):
		return ReasonWrongKey, words
	case has("no signatures found"):
		return ReasonUnsigned, words
	case has("DENIED", "UNAUTHORIZED", "Unauthenticated request", "403 Forbidden", "401 Unauthorized"):
		return ReasonDenied, words
	case has("TOOMANYREQUESTS", "429 Too Many", "dial tcp", "no such host", "i/o timeout", "connection refused", "connection reset",
		"deadline exceeded", "TLS handshake", "x509:", "503 Service", "502 Bad", "500 Internal", "EOF", "proxyconnect"):
		return ReasonUnreachable, words
	}
	return ReasonOther, words
}
