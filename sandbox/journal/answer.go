package journal

import (
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
)

// Answer is one over HTTP on its way, for a call's Code: it remembers its status.
type Answer struct {
	http.ResponseWriter
	Status int // 0 where the handler has said none, which is 200
}

// WriteHeader notes the status.
func (a *Answer) WriteHeader(status int) {
	a.Status = status
	a.ResponseWriter.WriteHeader(status)
}

// named are the codes of statuses that have one of their own.
var named = map[int]codes.Code{
	http.StatusUnauthorized: codes.Unauthenticated, http.StatusForbidden: codes.PermissionDenied, http.StatusNotFound: codes.NotFound,
	http.StatusMethodNotAllowed: codes.Unimplemented, http.StatusConflict: codes.AlreadyExists, http.StatusTooManyRequests: codes.ResourceExhausted,
	http.StatusRequestedRangeNotSatisfiable: codes.OutOfRange, http.StatusServiceUnavailable: codes.Unavailable,
}

// Code is the status as a call's Code.
func (a *Answer) Code() string {
	code, ok := named[a.Status]
	switch {
	case ok:
	case a.Status >= 500:
		code = codes.Internal
	case a.Status >= 400:
		code = codes.InvalidArgument
	}
	return code.String()
}

// Unwrap lets http.ResponseController see through.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Millis is how long a call has been under way.
func Millis(start time.Time) float64 { return float64(time.Since(start).Microseconds()) / 1000 }
