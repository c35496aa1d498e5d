package gcp

import (
	"errors"
	"slices"
	"strings"

	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Is says whether a service answered with one of these codes.
func Is(err error, those ...codes.Code) bool {
	if err == nil {
		return false
	}
	s, ok := status.FromError(err)
	return ok && slices.Contains(those, s.Code())
}

// NotFound says whether a service answered that the thing is not there. A
// refusal "(or it may not exist)" is not that.
func NotFound(err error) bool { return Is(err, codes.NotFound) }

// DisabledService is what can be read from a SERVICE_DISABLED answer.
type DisabledService struct {
	Service  string // "cloudkms.googleapis.com"
	Consumer string // "projects/NUMBER" whose API is off: not always the project that was asked about
}

// Disabled reads a SERVICE_DISABLED answer: the API is off in a project, or was
// enabled so recently that not every server has heard of it.
func Disabled(err error) (DisabledService, bool) {
	var api *apierror.APIError
	if !errors.As(err, &api) {
		parsed, ok := apierror.FromError(err)
		if !ok {
			return DisabledService{}, false
		}
		api = parsed
	}
	if api.Reason() != "SERVICE_DISABLED" {
		return DisabledService{}, false
	}
	return DisabledService{Service: api.Metadata()["service"], Consumer: api.Metadata()["consumer"]}, true
}

// Unseen says whether a service does not know a service account that exists:
// a new one takes up to a minute to be visible everywhere. It tells by Google's
// words, since IAM and GKE send no reason: `Service account X does not exist.`
func Unseen(err error) bool {
	return Is(err, codes.InvalidArgument, codes.FailedPrecondition) &&
		strings.Contains(strings.ToLower(err.Error()), "service account") && strings.Contains(err.Error(), "does not exist")
}

// Conflict says whether a policy was changed between our reading and our writing it.
func Conflict(err error) bool { return Is(err, codes.Aborted) }

// Busy says whether another operation on the same thing stands in the way, which
// a later call will not meet: Service Usage and GKE do one at a time.
func Busy(err error) bool {
	if !Is(err, codes.FailedPrecondition, codes.InvalidArgument, codes.Aborted) {
		return false
	}
	for _, words := range []string{
		"Another activation or deactivation is in progress",
		"is running incompatible operation",
		"Please wait and try again once it is done",
	} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// Lost says whether it is unknown if a call took effect: no answer came.
func Lost(err error) bool { return Is(err, codes.Unavailable, codes.DeadlineExceeded) }

// NoPool says whether a policy was refused because it names a member of an identity
// pool that is not there (yet): a project has none before its first cluster with one,
// and a new one is not known everywhere at once. IAM sends no reason, only words.
func NoPool(err error) bool {
	return Is(err, codes.InvalidArgument) && strings.Contains(err.Error(), "Identity Pool does not exist")
}
