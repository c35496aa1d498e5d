package gke

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// Etags, fingerprints and resource versions tell one content from another. Their second half
// follows from the first: by that those of this sandbox are known again.

// noLabels is the fingerprint of none, Google's.
const noLabels = "a9dc16a7"

// mark writes the second half.
func mark(b []byte) []byte {
	first := b[:len(b)/2]
	sum := sha256.Sum256(append([]byte("gke"), first...))
	copy(b[len(first):], sum[:])
	return b
}

// etag is eight bytes, as Google's are.
func etag() string {
	b, _ := hex.DecodeString(random(8)) // digits of our own
	return base64.StdEncoding.EncodeToString(mark(b))
}

// version is four bytes, of a content.
func version(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(mark(sum[:4]))
}

// stale says whether what a caller has read is not what is there now. An etag, fingerprint
// or version of another world tells nothing, and counts as none.
func stale(read, now string) bool { return read != now && issued(read) }

func issued(s string) bool {
	var b []byte
	switch len(s) {
	case hex.EncodedLen(4):
		b, _ = hex.DecodeString(s)
	case base64.StdEncoding.EncodedLen(8):
		b, _ = base64.StdEncoding.DecodeString(s)
	}
	return s == noLabels || len(b) > 0 && bytes.Equal(b, mark(bytes.Clone(b)))
}
