package journal

import (
	"net/http"
	"time"
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

// Unwrap lets http.ResponseController see through.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Millis is how long a call has been under way.
func Millis(start time.Time) float64 { return float64(time.Since(start).Microseconds()) / 1000 }
