package iam

import (
	"net/url"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Service Usage ends its refusals with a token for Google's support, and says its
// reasons twice: as a violation whose subject is a query, and as an ErrorInfo.

func helpToken() string {
	return "\nHelp Token: " + digitsOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 108)
}

func usageFailure(code codes.Code, message, kind, subject string, info *errdetails.ErrorInfo) error {
	return Failure(code, message+helpToken(),
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: kind, Subject: subject}}}, info)
}

// services writes "&services=a&services=b".
func services(names []string) string {
	var b strings.Builder
	for _, n := range names {
		b.WriteString("&services=" + url.QueryEscape(n))
	}
	return b.String()
}

// usageDenied words the refusal of a verb for a service of a project.
func usageDenied(verb string) func(permission, resource string) error {
	return func(_, resource string) error {
		_, service, _ := strings.Cut(resource, "/services/")
		return authDenied("Permission denied to "+verb+" service ["+service+"]", "?error_code=110002&service="+url.QueryEscape(service))
	}
}

func authDenied(message, subject string) error {
	return usageFailure(codes.PermissionDenied, message, googleapis, subject, &errdetails.ErrorInfo{Reason: "AUTH_PERMISSION_DENIED", Domain: Usage})
}

// listDenied is the refusal of a list: a project's number, as far as there is one.
func (k *IAM) listDenied(_, resource string) error {
	consumer := resource
	if p, ok := k.Project(projectOf(resource)); ok {
		consumer = "projects/" + p.Number
	}
	return authDenied("Permission denied to list services for consumer container ["+consumer+"]", "110002")
}

// unknownServices is the refusal of APIs that are not there, or not for everybody.
func unknownServices(names []string) error {
	return usageFailure(codes.PermissionDenied, "Not found or permission denied for service(s): "+strings.Join(names, ",")+".", googleapis,
		"?error_code=220002"+services(names),
		&errdetails.ErrorInfo{Reason: "SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED", Domain: Usage, Metadata: map[string]string{"services": strings.Join(names, ",")}})
}

// noBilling is the refusal of APIs that cost, in a project that nobody pays for: it has
// no account, or one that is closed.
func noBilling(p Project, names []string) error {
	what, reason, code := "found", "UREQ_PROJECT_BILLING_NOT_FOUND", "390001"
	if p.BillingAccount != "" {
		what, reason, code = "open", "UREQ_PROJECT_BILLING_NOT_OPEN", "390002"
	}
	list := strings.Join(names, ",")
	return usageFailure(codes.FailedPrecondition,
		"Billing account for project '"+p.Number+"' is not "+what+". Billing must be enabled for activation of service(s) '"+list+"' to proceed.",
		googleapis+"/billing-enabled", "?error_code="+code+"&project="+p.Number+services(names),
		&errdetails.ErrorInfo{Reason: reason, Domain: Usage + "/billing-enabled", Metadata: map[string]string{"project": p.Number, "services": list}})
}

// needed is the refusal to switch off what others need.
func needed(name string, by []string) error {
	list := strings.Join(by, ",")
	return usageFailure(codes.FailedPrecondition,
		"The service "+name+" is depended on by the following active service(s): "+list+
			"; Please specify disable_dependent_services=true if you want to proceed with disabling all services.",
		googleapis, "?error_code=100001&service_name="+url.QueryEscape(name)+services(by),
		&errdetails.ErrorInfo{Reason: "COMMON_SU_SERVICE_HAS_DEPENDENT_SERVICES", Domain: Usage, Metadata: map[string]string{"service_name": name, "services": list}})
}

// inUse is the refusal to switch off what was called lately.
func inUse(name string) error {
	return usageFailure(codes.FailedPrecondition,
		"The service "+name+" has usage in the last 30 days. Please specify check_if_service_has_usage=SKIP if you want to proceed with disabling the service.",
		googleapis, "?error_code=100002&service_name="+url.QueryEscape(name),
		&errdetails.ErrorInfo{Reason: "COMMON_SU_SERVICE_HAS_USAGE", Domain: Usage, Metadata: map[string]string{"service_name": name}})
}

// busy is the refusal of a second operation in a project.
func busy() error {
	return status.Error(codes.FailedPrecondition, "Another activation or deactivation is in progress for the project. Please retry when it is done.")
}

// badNames is the refusal of a request for no APIs, or for too many.
func badNames(reason, message string) error {
	return Failure(codes.InvalidArgument, message, &errdetails.ErrorInfo{Reason: reason, Domain: Usage})
}
