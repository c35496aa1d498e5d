package front

import (
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/journal"
)

// Absent answers for hosts of Google that the sandbox has not, in the shape of their
// APIs: tools show the sentence instead of a broken connection. It is a refusal and not
// an outage, so nobody tries again.
func Absent(j *journal.Journal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j.Add(journal.Call{Time: time.Now(), Host: r.Host, Method: r.Method + " " + r.URL.Path, Code: codes.PermissionDenied.String()})
		refusal := status.New(codes.PermissionDenied, printable(r.Host)+" is not part of the sandbox, and nothing leaves this machine.")
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			writeError(w, refusal.Err())
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "7")
		w.Header().Set("Grpc-Message", refusal.Message())
	})
}
