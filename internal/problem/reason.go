package problem

import (
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// reasons are what Google APIs attach to an error for programs: the reason
// (google.rpc.ErrorInfo), the quota, and the violations of conditions, which alone name the
// constraint of an organisation policy where the message does not.
func reasons(s *status.Status) []string {
	var all []string
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			all = append(all, d.GetReason())
		case *errdetails.QuotaFailure:
			for _, v := range d.GetViolations() {
				all = append(all, v.GetDescription())
			}
		case *errdetails.PreconditionFailure:
			for _, v := range d.GetViolations() {
				if strings.HasPrefix(v.GetType(), "constraints/") {
					all = append(all, v.GetType(), v.GetDescription())
				}
			}
		}
	}
	return all
}
