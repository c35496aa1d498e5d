package artifacts

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func badRequest() error {
	return status.Error(codes.InvalidArgument, "Request contains an invalid argument.")
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func notFound() error { return status.Error(codes.NotFound, "Requested entity was not found.") }

func exists(what string) error {
	return status.Errorf(codes.AlreadyExists, "the %s already exists", what)
}

func precondition(format string, args ...any) error {
	return status.Errorf(codes.FailedPrecondition, format, args...)
}
