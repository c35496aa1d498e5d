package problem

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// reason is the machine-readable reason that most Google APIs attach to an error
// (google.rpc.ErrorInfo), "" where there is none.
func reason(s *status.Status) string {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
		if quota, ok := d.(*errdetails.QuotaFailure); ok && len(quota.GetViolations()) > 0 {
			return quota.GetViolations()[0].GetDescription()
		}
	}
	return ""
}
