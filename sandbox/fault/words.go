package fault

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

func parseCode(text string) (codes.Code, error) {
	var c codes.Code
	if err := c.UnmarshalJSON([]byte(strconv.Quote(text))); err != nil || c == codes.OK {
		return c, fmt.Errorf("%q is no code of a refusal: they are CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, "+
			"RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS and UNAUTHENTICATED, "+
			"and at the token endpoint invalid_grant and invalid_rapt", text)
	}
	return c, nil
}

// signIn are the codes of the token endpoint.
func signIn(code string) bool { return code == "invalid_grant" || code == "invalid_rapt" }

// says is what Google says with a code when there is no more to say.
func says(c codes.Code) string {
	switch c {
	case codes.Canceled:
		return "The operation was cancelled."
	case codes.InvalidArgument:
		return "Request contains an invalid argument."
	case codes.DeadlineExceeded:
		return "Deadline expired before operation could complete."
	case codes.NotFound:
		return "Requested entity was not found."
	case codes.AlreadyExists:
		return "Requested entity already exists."
	case codes.PermissionDenied:
		return "The caller does not have permission"
	case codes.ResourceExhausted:
		return "Resource has been exhausted (e.g. check quota)."
	case codes.FailedPrecondition:
		return "Precondition check failed."
	case codes.Aborted:
		return "The operation was aborted."
	case codes.Unimplemented:
		return "Operation is not implemented, or supported, or enabled."
	case codes.Internal:
		return "Internal error encountered."
	case codes.Unavailable:
		return "The service is currently unavailable."
	case codes.Unauthenticated:
		return "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
			"See https://developers.google.com/identity/sign-in/web/devconsole-project."
	}
	return "Unknown error."
}

// status is the refusal in Google's shape.
func (f Fault) status(host string) *status.Status {
	code, err := parseCode(f.Code)
	if err != nil { // Add has looked
		code = codes.Unknown
	}
	message := f.Message
	if message == "" {
		message = says(code)
	}
	s := status.New(code, message)
	var details []protoadapt.MessageV1
	switch code {
	case codes.ResourceExhausted:
		details = append(details, &errdetails.ErrorInfo{Reason: "RATE_LIMIT_EXCEEDED", Domain: "googleapis.com", Metadata: map[string]string{"service": host}})
	case codes.Unauthenticated:
		details = append(details, &errdetails.ErrorInfo{Reason: "ACCESS_TOKEN_EXPIRED", Domain: "googleapis.com", Metadata: map[string]string{"service": host}})
	}
	if f.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryAfter)})
	}
	if with, err := s.WithDetails(details...); err == nil && len(details) > 0 {
		s = with
	}
	return s
}

// writeGRPC answers a gRPC call with a refusal and nothing else.
func (f Fault) writeGRPC(w http.ResponseWriter, host string) {
	s := f.status(host)
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(int(s.Code())))
	h.Set("Grpc-Message", percent(s.Message()))
	if data, err := proto.Marshal(s.Proto()); err == nil && len(s.Proto().GetDetails()) > 0 {
		h.Set("Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(data))
	}
	w.WriteHeader(http.StatusOK)
}

// percent encodes a message as gRPC has it in headers.
func percent(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// writeHTTP answers an HTTP request with a refusal in its host's shape: a token endpoint's, an
// API server's, a registry's, or Google's own.
func (f Fault) writeHTTP(w http.ResponseWriter, host string, google func(http.ResponseWriter, error)) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	s := f.status(host)
	switch {
	case signIn(f.Code):
		f.writeToken(w)
	case host == "oauth2.googleapis.com":
		writeJSON(w, HTTPStatus(s.Code()), map[string]string{"error": "internal_failure", "error_description": s.Message()})
	case strings.HasSuffix(host, ".googleapis.com"):
		google(w, s.Err())
	case net.ParseIP(host) != nil || strings.HasSuffix(host, ".gke.goog"):
		f.writeKubernetes(w, s)
	default:
		writeJSON(w, HTTPStatus(s.Code()), map[string]any{"errors": []map[string]string{{"code": registryCode(s.Code()), "message": s.Message()}}})
	}
}

// writeToken refuses a refresh token as Google does: one that was revoked or is too old, or one
// whose organisation wants its people to sign in again.
func (f Fault) writeToken(w http.ResponseWriter) {
	body := map[string]string{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
	if f.Code == "invalid_rapt" {
		body = map[string]string{"error": "invalid_grant", "error_description": "reauth related error (invalid_rapt)",
			"error_uri": "https://support.google.com/a/answer/9368756", "error_subtype": "invalid_rapt"}
	}
	if f.Message != "" {
		body["error_description"] = f.Message
	}
	writeJSON(w, http.StatusBadRequest, body)
}

// writeKubernetes refuses as an API server does.
func (f Fault) writeKubernetes(w http.ResponseWriter, s *status.Status) {
	code := HTTPStatus(s.Code())
	reason := map[int]string{
		http.StatusBadRequest: "BadRequest", http.StatusUnauthorized: "Unauthorized", http.StatusForbidden: "Forbidden", http.StatusNotFound: "NotFound",
		http.StatusConflict: "Conflict", http.StatusTooManyRequests: "TooManyRequests", http.StatusServiceUnavailable: "ServiceUnavailable",
		http.StatusGatewayTimeout: "Timeout", http.StatusInternalServerError: "InternalError",
	}[code]
	if s.Code() == codes.AlreadyExists {
		reason = "AlreadyExists"
	}
	body := map[string]any{"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Failure", "message": s.Message(), "reason": reason, "code": code}
	if f.RetryAfter > 0 {
		body["details"] = map[string]any{"retryAfterSeconds": int((f.RetryAfter + time.Second - 1) / time.Second)}
	}
	writeJSON(w, code, body)
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the client has gone: its loss
}

// registryCode is the word of the registry protocol.
func registryCode(c codes.Code) string {
	switch c {
	case codes.ResourceExhausted:
		return "TOOMANYREQUESTS"
	case codes.PermissionDenied:
		return "DENIED"
	case codes.Unauthenticated:
		return "UNAUTHORIZED"
	case codes.Unimplemented:
		return "UNSUPPORTED"
	}
	return "UNKNOWN"
}

// HTTPStatus is the HTTP code of a gRPC code (google/rpc/code.proto).
func HTTPStatus(code codes.Code) int {
	switch code {
	case codes.OK:
		return http.StatusOK
	case codes.Canceled:
		return 499
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.Aborted:
		return http.StatusConflict
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unimplemented:
		return http.StatusNotImplemented
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
