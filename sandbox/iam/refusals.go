package iam

import (
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
)

// Refusals are worded as Google words them; their reasons are those of
// google.api.ErrorReason (google/api/error_reason.proto).
const googleapis = "googleapis.com"

// Failure is a refusal with details, as gRPC's richer error model has them (google.rpc.Status).
func Failure(code codes.Code, message string, details ...protoadapt.MessageV1) error {
	s := status.New(code, message)
	if with, err := s.WithDetails(details...); err == nil {
		s = with
	}
	return s.Err()
}

func reason(name string, metadata map[string]string) *errdetails.ErrorInfo {
	return &errdetails.ErrorInfo{Reason: name, Domain: googleapis, Metadata: metadata}
}

func unauthenticated(why error, service, method string) error {
	message := "Request had invalid authentication credentials. "
	if errors.Is(why, errMissing) {
		message = "Request is missing required authentication credential. "
	}
	message += "Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
	metadata := map[string]string{}
	if service != "" {
		metadata = map[string]string{"service": service, "method": method}
	}
	return Failure(codes.Unauthenticated, message, reason(why.Error(), metadata))
}

func scopesInsufficient(service, method string) error {
	return Failure(codes.PermissionDenied, "Request had insufficient authentication scopes.",
		reason("ACCESS_TOKEN_SCOPE_INSUFFICIENT", map[string]string{"service": service, "method": method}))
}

// disabled is the answer of an API that is off in a project.
func disabled(api, title string, p Project) error {
	url := "https://console.developers.google.com/apis/api/" + api + "/overview?project=" + p.Number
	message := fmt.Sprintf("%s has not been used in project %s before or it is disabled. Enable it by visiting %s then retry. "+
		"If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.", title, p.Number, url)
	return Failure(codes.PermissionDenied, message,
		reason("SERVICE_DISABLED", map[string]string{
			"service": api, "serviceTitle": title, "consumer": "projects/" + p.Number, "containerInfo": p.Number, "activationUrl": url}),
		&errdetails.LocalizedMessage{Locale: "en-US", Message: message},
		&errdetails.Help{Links: []*errdetails.Help_Link{{Description: "Google developers console API activation", Url: url}}})
}

// consumerInvalid is the answer for a project that is not there, or that the caller may not see.
func consumerInvalid(api, project string) error {
	return Failure(codes.PermissionDenied, "Permission denied on resource project "+project+".",
		reason("CONSUMER_INVALID", map[string]string{"service": api, "consumer": "projects/" + project, "containerInfo": project}),
		&errdetails.LocalizedMessage{Locale: "en-US", Message: "Permission denied on resource project " + project + "."},
		&errdetails.Help{Links: []*errdetails.Help_Link{{
			Description: "Google developers console", Url: "https://console.developers.google.com"}}})
}

// userProjectDenied is the answer to a caller who may not have calls counted against a project.
func userProjectDenied(api, project string) error {
	url := "https://console.developers.google.com/iam-admin/iam/project?project=" + project
	message := fmt.Sprintf("Caller does not have required permission to use project %s. Grant the caller the roles/serviceusage.serviceUsageConsumer role, "+
		"or a custom role with the serviceusage.services.use permission, by visiting %s and then retry. "+
		"Propagation of the new permission may take a few minutes.", project, url)
	return Failure(codes.PermissionDenied, message,
		reason("USER_PROJECT_DENIED", map[string]string{"service": api, "consumer": "projects/" + project, "containerInfo": project}),
		&errdetails.LocalizedMessage{Locale: "en-US", Message: message},
		&errdetails.Help{Links: []*errdetails.Help_Link{{Description: "Google developer console IAM admin", Url: url}}})
}

// PermissionDenied is the common refusal, which does not tell a resource that is not
// there from one that the caller may not use.
func PermissionDenied(permission, resource string) error {
	return status.Errorf(codes.PermissionDenied, "Permission '%s' denied on resource '%s' (or it may not exist).", permission, resource)
}

// DeniedBy words refusals as the newer services do: the full resource name
// ("//SERVICE/NAME"), and ErrorInfo IAM_PERMISSION_DENIED of the service's domain.
func DeniedBy(service string) func(permission, resource string) error {
	return func(permission, resource string) error {
		return Failure(codes.PermissionDenied,
			fmt.Sprintf("Permission '%s' denied on resource '//%s/%s' (or it may not exist).", permission, service, resource),
			&errdetails.ErrorInfo{Reason: "IAM_PERMISSION_DENIED", Domain: service, Metadata: map[string]string{"permission": permission, "resource": resource}})
	}
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func badRequest() error { return invalid("Request contains an invalid argument.") }
