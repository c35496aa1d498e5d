package kms

import (
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/iam"
)

// The refusals of Cloud KMS, in its words where they are known.

func notFound(kind string, n fmt.Stringer) error {
	return status.Errorf(codes.NotFound, "%s %s not found.", kind, n)
}

func exists(kind string, n fmt.Stringer) error {
	return status.Errorf(codes.AlreadyExists, "%s %s already exists.", kind, n)
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func invalidName(text string) error { return invalid("Invalid resource name: '%s'.", text) }

func invalidID(field, id string) error {
	return invalid("Invalid %s '%s': it must match [a-zA-Z0-9_-]{1,63}.", field, id)
}

// misplaced is the answer for a location that Cloud KMS is not in.
func misplaced(location string) error {
	message := fmt.Sprintf("The request concerns location '%s' but was sent to location 'global'. Either Cloud KMS is not available in '%s' or the request was misrouted. "+
		"gRPC clients must ensure that 'x-goog-request-params' is specified in request metadata. See https://cloud.google.com/kms/docs/grpc for more information.", location, location)
	return iam.Failure(codes.NotFound, message, &errdetails.ErrorInfo{Reason: "KMS_RESOURCE_NOT_FOUND_IN_LOCATION", Domain: Host,
		Metadata: map[string]string{"expected_location": location, "actual_location": "global"}})
}

// notEnabled is the answer for a version that is to be used and cannot be.
func notEnabled(n name, is versionState) error {
	return precondition(fmt.Sprintf("%s is not enabled, current state is: %s.", n, is), "KEY_"+is.String(), n)
}

// wrongState is the answer for a version that cannot go on from its state as was asked.
func wrongState(n name, is versionState) error {
	message := fmt.Sprintf("The request cannot be fulfilled. Resource %s has value %s in field crypto_key_version.state.", n, is)
	return precondition(message, "crypto_key_version.state", n)
}

// wrongPurpose is the answer for a key that is for something else.
func wrongPurpose(n name, is purpose) error {
	return precondition(fmt.Sprintf("Operation requested for Key %s has incorrect key purpose: %s", n, is), "crypto_key.purpose", n)
}

func precondition(message, kind string, n name) error {
	return iam.Failure(codes.FailedPrecondition, message,
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: kind, Subject: n.String()}}})
}
