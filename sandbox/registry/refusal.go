package registry

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// refusal is an answer that is no success: the protocol's error, and Google's or
// Docker's words for it.
type refusal struct {
	status  int
	code    string // of the distribution specification, or the registry's own
	message string
	detail  any
	header  map[string]string
}

func (r *refusal) Error() string { return r.code + ": " + r.message }

func notFound() *refusal {
	return &refusal{status: http.StatusNotFound, code: "NOT_FOUND", message: "page not found"}
}

func nameInvalid(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "NAME_INVALID", message: message}
}

func nameUnknown(message string) *refusal {
	return &refusal{status: http.StatusNotFound, code: "NAME_UNKNOWN", message: message}
}

func digestInvalid(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "DIGEST_INVALID", message: message}
}

func manifestInvalid(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "MANIFEST_INVALID", message: message}
}

// manifestUnknown is in Google's words.
func manifestUnknown(reference string) *refusal {
	return &refusal{status: http.StatusNotFound, code: "MANIFEST_UNKNOWN", message: "Failed to fetch " + strconv.Quote(reference)}
}

func blobUnknown(digest string) *refusal {
	return &refusal{status: http.StatusNotFound, code: "BLOB_UNKNOWN", message: "blob unknown to registry", detail: map[string]string{"Digest": digest}}
}

func uploadUnknown() *refusal {
	return &refusal{status: http.StatusNotFound, code: "BLOB_UPLOAD_UNKNOWN", message: "blob upload unknown to registry"}
}

func unsupported() *refusal {
	return &refusal{status: http.StatusMethodNotAllowed, code: "UNSUPPORTED", message: "The operation is unsupported."}
}

func denied(message string) *refusal {
	return &refusal{status: http.StatusForbidden, code: "DENIED", message: message}
}

// failed is what went wrong here, not at the client's.
func failed(err error) *refusal {
	return &refusal{status: http.StatusInternalServerError, code: "UNKNOWN", message: err.Error()}
}

// write answers with the protocol's error document; HEAD has no body.
func (r *refusal) write(w http.ResponseWriter, method string) {
	for name, value := range r.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/json")
	type problem struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Detail  any    `json:"detail,omitempty"`
	}
	body, _ := json.Marshal(map[string][]problem{"errors": {{r.code, r.message, r.detail}}}) // words
	w.WriteHeader(r.status)
	if method != http.MethodHead {
		_, _ = w.Write(append(body, '\n'))
	}
}
