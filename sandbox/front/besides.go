package front

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/sandbox/iam"
)

// ServeBesides takes a call of a method that no definition has (REST.Besides) through the
// gate. What do answers, a message or a value for encoding/json, is written as JSON. The
// query may have the parameters that are known, and no others.
func ServeBesides(k *iam.IAM, w http.ResponseWriter, r *http.Request, rule iam.Rule, resource string, do func(context.Context) (any, error), known ...string) {
	for _, name := range slices.Sorted(maps.Keys(r.URL.Query())) {
		if !slices.Contains(known, name) {
			writeError(w, status.Error(codes.InvalidArgument, unboundParameter(name)))
			return
		}
	}
	q := iam.Request{Host: r.Host, Method: rule.Method, Quota: r.Header.Get("X-Goog-User-Project")}
	if kind, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(kind, "bearer") {
		q.Token = strings.TrimSpace(token)
	}
	var answer any
	err := k.Serve(r.Context(), q, rule, resource, func(ctx context.Context) (err error) {
		answer, err = do(ctx)
		return err
	})
	var text []byte
	if err == nil {
		if m, ok := answer.(proto.Message); ok {
			text, err = protojson.Marshal(m)
		} else {
			text, err = json.Marshal(answer)
		}
	}
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

// DecodeBody reads a request's body as the transcoder does; none is as good as {}.
func DecodeBody(r *http.Request, m proto.Message) error {
	data, err := io.ReadAll(r.Body)
	if err != nil || len(data) == 0 {
		return err
	}
	if words := unmarshal(data, m); words != "" {
		return status.Error(codes.InvalidArgument, words)
	}
	return nil
}
