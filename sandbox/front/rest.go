package front

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/sandbox/fault"
)

// bodyMax is the most that Google's front end takes of a request, in bytes.
const bodyMax = 10 << 20

// layout is how a client wants its answer, as the system parameters say
// (cloud.google.com/apis/docs/system-parameters).
type layout struct {
	numbers bool // enums
	compact bool
	fields  []string // what is wanted of the answer; none: all of it
}

// serveREST takes off a request what is none of the method's business, hands it to
// the handler that fits, and lays out the answer.
func serveREST(w http.ResponseWriter, r *http.Request, rest REST, handler func(numbers bool) http.Handler) {
	answer := &answer{header: http.Header{}, code: http.StatusOK}
	lay, err := systemParameters(r)
	if err == nil {
		err = readBody(r)
	}
	if err == nil {
		handler(lay.numbers).ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), layoutKey{}, lay)))
	} else {
		writeRESTError(answer, err, rest)
	}
	answer.complete(rest)
	answer.send(w, r, lay)
}

func writeRESTError(w http.ResponseWriter, err error, rest REST) {
	s := status.Convert(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(fault.HTTPStatus(s.Code()))
	_, _ = w.Write(envelope(s.Proto(), rest.Errors))
}

// systemParameters takes them out of the query and says what they ask for.
func systemParameters(r *http.Request) (layout, error) {
	var lay layout
	// A semicolon is a part of a value ("$alt=json;enum-encoding=int"); Go refuses it bare.
	query, err := url.ParseQuery(strings.ReplaceAll(r.URL.RawQuery, ";", "%3B"))
	if err != nil {
		return lay, status.Error(codes.InvalidArgument, "Invalid query string: "+err.Error())
	}
	for name, values := range query {
		value := values[len(values)-1]
		switch strings.TrimPrefix(name, "$") {
		case "alt":
			format, option, _ := strings.Cut(value, ";")
			if format != "json" || option != "" && option != "enum-encoding=int" {
				return lay, badParameter("$alt", `Invalid value "`+value+`" at 'alt': the sandbox answers in json, or json;enum-encoding=int.`)
			}
			lay.numbers = option != ""
		case "prettyPrint", "pp":
			lay.compact = value == "false" || value == "0"
		case "fields":
			lay.fields = append(lay.fields, value)
		case "access_token", "oauth_token":
			r.Header.Set("Authorization", "Bearer "+value)
		case "callback":
			return lay, badParameter("callback", "The sandbox answers in JSON only, not in JSONP.")
		case "key", "quotaUser", "userIp", "userProject", ".xgafv", "uploadType", "upload_protocol", "trace", "unique", "apiVersion":
		default:
			if strings.HasSuffix(strings.ToLower(name), "mask") {
				query.Set(name, camel(value))
			}
			if value == "True" || value == "False" { // as gcloud writes them, and Google reads them
				query.Set(name, strings.ToLower(value))
			}
			continue
		}
		delete(query, name)
	}
	if mask := r.Header.Get("X-Goog-FieldMask"); mask != "" && len(lay.fields) == 0 {
		lay.fields = []string{mask}
	}
	r.URL.RawQuery = query.Encode()
	if method := r.Header.Get("X-HTTP-Method-Override"); method != "" && r.Method == http.MethodPost {
		r.Method = strings.ToUpper(method)
		r.Header.Del("X-HTTP-Method-Override")
	}
	return lay, nil
}

// readBody takes the whole body in, within bounds, and refuses what is not JSON.
func readBody(r *http.Request) error {
	body, err := unzipped(r)
	if err != nil {
		return err
	}
	r.Header.Del("Accept-Encoding") // answers go no further than this machine
	r.Header.Del("Connect-Protocol-Version")
	r.Header.Del("X-Server-Timeout")
	data, err := io.ReadAll(io.LimitReader(body, bodyMax+1))
	if err != nil {
		return status.Error(codes.InvalidArgument, "Invalid request payload: "+err.Error())
	}
	if len(data) > bodyMax {
		return status.Errorf(codes.InvalidArgument, "Request payload size exceeds the limit: %d bytes.", bodyMax)
	}
	data = bytes.TrimSpace(data)
	if len(data) > 0 {
		var whole json.RawMessage
		if err := json.Unmarshal(data, &whole); err != nil {
			return malformed(data, err)
		}
		if data[0] != '{' && data[0] != '[' && data[0] != '"' {
			return status.Error(codes.InvalidArgument, "Invalid JSON payload received. Root element must be a message.")
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	r.Header.Set("Content-Type", "application/json")
	return nil
}

// unzipped is the body as it was before the client made it smaller.
func unzipped(r *http.Request) (io.Reader, error) {
	encoding := strings.ToLower(r.Header.Get("Content-Encoding"))
	r.Header.Del("Content-Encoding")
	switch encoding {
	case "", "identity":
		return r.Body, nil
	case "gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, status.Error(codes.InvalidArgument, "Invalid request payload: "+err.Error())
		}
		return z, nil
	}
	return nil, status.Error(codes.InvalidArgument, "The sandbox takes request bodies as they are, or as gzip.")
}

// malformed says where JSON ends to be JSON, as Google does: the text around it, and
// a mark under the place.
func malformed(data []byte, err error) error {
	why, at := "Unexpected token.", len(data)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = max(0, min(int(syntax.Offset)-1, len(data)))
		for _, w := range []struct{ is, say string }{
			{"unexpected end", "Unexpected end of string."},
			{"after object key:value pair", "Expected , or } after key:value pair."},
			{"after object key", "Expected : between key:value pair."},
			{"looking for beginning of object key", "Expected an object key or }."},
			{"after array element", "Expected , or ] after array value."},
			{"after top-level value", "Parsing terminated before end of input."},
		} {
			if strings.Contains(syntax.Error(), w.is) {
				why = w.say
				break
			}
		}
		if strings.Contains(syntax.Error(), "unexpected end") {
			at = len(data)
		}
	}
	from, to := max(0, at-20), min(len(data), at+20)
	around := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(data[from:to]), "?"))
	mark := strings.Repeat(" ", at-from) + "^"
	return status.Error(codes.InvalidArgument, "Invalid JSON payload received. "+why+"\n"+around+"\n"+mark)
}

// answer holds what a handler says until it is whole: calls over REST are unary.
type answer struct {
	header http.Header
	code   int
	wrote  bool
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }
func (a *answer) Flush()              {}

func (a *answer) WriteHeader(code int) {
	if !a.wrote && code >= 200 {
		a.code, a.wrote = code, true
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.wrote = true
	return a.body.Write(b)
}

// complete gives the error envelope to refusals of the transcoder itself that are
// plain text.
func (a *answer) complete(rest REST) {
	if a.code < 400 {
		return
	}
	if rest, ok := bytes.CutPrefix(a.body.Bytes(), []byte(`{"error":{"code":`)); ok && len(rest) > 3 {
		if code, err := strconv.Atoi(string(rest[:3])); err == nil {
			a.code = code // the transcoder's own may be another
		}
		return
	}
	words, code := strings.TrimSpace(a.body.String()), codes.InvalidArgument
	switch a.code {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		words, code = "Method not found.", codes.NotFound
	case http.StatusInternalServerError:
		code = codes.Internal
	}
	a.header.Del("Allow")
	a.body.Reset()
	a.wrote = false
	writeRESTError(a, status.Error(code, words), rest)
}

func (a *answer) send(w http.ResponseWriter, r *http.Request, lay layout) {
	body := a.body.Bytes()
	if len(lay.fields) > 0 && a.code < 300 {
		body = selectFields(body, selected(lay.fields))
	}
	var out bytes.Buffer
	err := error(nil)
	if lay.compact {
		err = json.Compact(&out, body)
	} else {
		err = json.Indent(&out, body, "", "  ")
	}
	if err != nil { // not JSON: as it is
		out.Reset()
		out.Write(body)
	}
	out.WriteByte('\n')
	h := w.Header()
	for name, values := range a.header {
		if name == "Www-Authenticate" || name == "Retry-After" || strings.HasPrefix(name, "X-Goog-") {
			h[name] = values
		}
	}
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Add("Vary", "X-Origin")
	h.Add("Vary", "Referer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Cache-Control", "private")
	if a.code == http.StatusUnauthorized {
		h.Set("Www-Authenticate", `Bearer realm="https://accounts.google.com/"`)
	}
	w.WriteHeader(a.code)
	if r.Method != http.MethodHead {
		_, _ = w.Write(out.Bytes())
	}
}
