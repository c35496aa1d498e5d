package front

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"connectrpc.com/vanguard"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	rpccode "google.golang.org/genproto/googleapis/rpc/code"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // errors' details are written out as JSON

	"github.com/signgate/signgate/sandbox/fault"
)

// codec is JSON as Google's front end writes and reads it: fields without a value
// left out, unknown fields refused, and a status as the error envelope.
type codec struct {
	rest    REST
	numbers bool // enums as numbers: $alt=json;enum-encoding=int
}

// Name is the codec's in content types.
func (c codec) Name() string { return vanguard.CodecJSON }

func (c codec) options() protojson.MarshalOptions {
	return protojson.MarshalOptions{UseEnumNumbers: c.numbers, EmitDefaultValues: c.rest.Defaults}
}

// MarshalAppend writes an answer, or the error that stands for it.
func (c codec) MarshalAppend(b []byte, m proto.Message) ([]byte, error) {
	if s, ok := m.(*spb.Status); ok {
		return append(b, envelope(s, c.rest.Errors)...), nil
	}
	text, err := c.options().Marshal(m)
	return append(b, emptyValues(text)...), err
}

// MarshalAppendField writes one field of an answer.
func (c codec) MarshalAppendField(b []byte, m proto.Message, field protoreflect.FieldDescriptor) ([]byte, error) {
	return vanguard.JSONCodec{MarshalOptions: c.options()}.MarshalAppendField(b, m, field)
}

// Unmarshal reads a request's body, or the part of it that the binding says.
func (c codec) Unmarshal(data []byte, m proto.Message) error {
	if words := unmarshal(data, m); words != "" {
		return connect.NewError(connect.CodeInvalidArgument, errors.New(words))
	}
	return nil
}

// unmarshal reads a message and says what is wrong with it; "" for nothing.
func unmarshal(data []byte, m proto.Message) string {
	data = camelMasks(data, m.ProtoReflect().Descriptor())
	if err := (protojson.UnmarshalOptions{}).Unmarshal(data, m); err != nil {
		return invalidField(data, m.ProtoReflect().Descriptor(), err)
	}
	return ""
}

// UnmarshalField reads a body that is one field which is no message.
func (c codec) UnmarshalField(data []byte, m proto.Message, field protoreflect.FieldDescriptor) error {
	if err := (vanguard.JSONCodec{}).UnmarshalField(data, m, field); err != nil {
		return connect.NewError(connect.CodeInvalidArgument, errors.New("Invalid value at '"+string(field.Name())+"'"))
	}
	return nil
}

// writeError answers a REST request with Google's error envelope.
func writeError(w http.ResponseWriter, err error) { writeRESTError(w, err, REST{}) }

type errorBody struct {
	Error errorObject `json:"error"`
}

type errorObject struct {
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Errors  []errorReason     `json:"errors,omitempty"`
	Status  string            `json:"status"`
	Details []json.RawMessage `json:"details,omitempty"`
}

// errorReason is an error as the APIs before gRPC told it.
type errorReason struct {
	Message      string `json:"message"`
	Domain       string `json:"domain"`
	Reason       string `json:"reason"`
	Location     string `json:"location,omitempty"`
	LocationType string `json:"locationType,omitempty"`
}

// envelope is {"error":{"code","message","status","details"}}.
func envelope(s *spb.Status, reasons bool) []byte {
	s = reworded(s)
	code := codes.Code(s.GetCode())
	body := errorObject{Code: fault.HTTPStatus(code), Message: s.GetMessage(), Status: rpccode.Code(s.GetCode()).String()}
	body.Details = append(body.Details, violation(s)...)
	for _, d := range s.GetDetails() {
		if text, err := protojson.Marshal(d); err == nil { // a type that is not linked in cannot be told
			body.Details = append(body.Details, text)
		}
	}
	if reasons {
		body.Errors = []errorReason{legacy(code, s)}
	}
	out, err := json.Marshal(errorBody{body})
	if err != nil { // text and numbers
		return []byte(`{"error":{"code":500,"message":"Internal error encountered.","status":"INTERNAL"}}`)
	}
	return out
}

func legacy(code codes.Code, s *spb.Status) errorReason {
	e := errorReason{Message: s.GetMessage(), Domain: "global", Reason: "backendError"}
	switch code {
	case codes.InvalidArgument, codes.OutOfRange:
		e.Reason = "badRequest"
	case codes.FailedPrecondition:
		e.Reason = "failedPrecondition"
	case codes.NotFound:
		e.Reason = "notFound"
	case codes.AlreadyExists:
		e.Reason = "alreadyExists"
	case codes.Aborted:
		e.Reason = "aborted"
	case codes.PermissionDenied:
		e.Reason = "forbidden"
		if strings.Contains(s.GetMessage(), "or it is disabled") {
			e.Domain, e.Reason = "usageLimits", "accessNotConfigured"
		}
	case codes.Unauthenticated:
		e.Reason, e.Location, e.LocationType = "authError", "Authorization", "header"
	case codes.ResourceExhausted:
		e.Reason = "rateLimitExceeded"
	case codes.Unimplemented:
		e.Reason = "notImplemented"
	}
	return e
}
