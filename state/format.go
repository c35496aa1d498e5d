package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// version is that of the file format. A change of Record that an older signgate
// would misread needs the next number and an upgrade from this one.
const version = 1

// file is the envelope on disk. Sum is the SHA-256 of the record's compact JSON,
// so that a file cut or altered anywhere is noticed and never half-read.
type file struct {
	Version int             `json:"version"`
	Sum     string          `json:"sha256"`
	Record  json.RawMessage `json:"record"`
}

// CorruptError says that a record is not as signgate wrote it. The file is left as it is.
type CorruptError struct {
	Path   string
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the record %s is damaged (%s); it was left as it is", e.Path, e.Reason)
}

// NewerError says that a later signgate wrote the record.
type NewerError struct {
	Path    string
	Version int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the record %s has format %d, this signgate knows up to %d", e.Path, e.Version, version)
}

func encode(r Record) ([]byte, error) {
	rec, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	raw := fmt.Appendf(make([]byte, 0, len(rec)+128), `{"version":%d,"sha256":"%x","record":`, version, sha256.Sum256(rec))
	var out bytes.Buffer
	out.Grow(2 * len(rec))
	if err := json.Indent(&out, append(append(raw, rec...), '}'), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// decode reads a record: the version first, then strictly, then by writing it
// again: a file is good only if it is byte for byte what encode makes of it.
func decode(path string, data []byte) (Record, error) {
	corrupt := func(reason string) (Record, error) { return Record{}, &CorruptError{Path: path, Reason: reason} }
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return corrupt("not whole JSON")
	}
	if head.Version > version {
		return Record{}, &NewerError{Path: path, Version: head.Version}
	}
	var f file
	if err := strict(data, &f); err != nil || f.Version != version {
		return corrupt("not the envelope of a record")
	}
	var r Record
	if err := strict(f.Record, &r); err != nil {
		return corrupt("unknown or misshapen fields")
	}
	again, err := encode(r)
	if err != nil || !bytes.Equal(again, data) {
		return corrupt("its checksum does not hold")
	}
	return r, nil
}

func strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
