package kms

import (
	"slices"
	"strconv"
	"strings"
)

// name is a resource's name in its parts. What it has less of, it stands above:
// without a version it is a key's name, without a key that of a key ring.
type name struct {
	project, location string
	ring, key         string
	version           int // 0 for none
}

// validID holds ids of key rings and keys to Google's rule, [a-zA-Z0-9_-]{1,63}.
func validID(id string) bool {
	if len(id) == 0 || len(id) > 63 {
		return false
	}
	return strings.IndexFunc(id, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		return !letter && (r < '0' || r > '9') && r != '_' && r != '-'
	}) < 0
}

// parse reads a name that has exactly the collections that depth says: 2 for a
// location, 3 for a key ring, 4 for a key, 5 for a version. Projects may be
// named by number.
func (s *Service) parse(text string, depth int) (name, error) {
	part := strings.Split(text, "/")
	collections := []string{"projects", "locations", "keyRings", "cryptoKeys", "cryptoKeyVersions"}[:depth]
	if len(part) != 2*depth {
		return name{}, invalidName(text)
	}
	for i, c := range collections {
		if part[2*i] != c || part[2*i+1] == "" {
			return name{}, invalidName(text)
		}
	}
	n := name{project: s.projectID(part[1]), location: part[3]}
	if _, ok := slices.BinarySearch(s.places, n.location); !ok {
		return name{}, misplaced(n.location)
	}
	if depth > 2 {
		n.ring = part[5]
	}
	if depth > 3 {
		n.key = part[7]
	}
	if depth > 4 {
		number, err := strconv.Atoi(part[9])
		if err != nil || number < 1 || strconv.Itoa(number) != part[9] {
			return name{}, invalidName(text)
		}
		n.version = number
	}
	if (depth > 2 && !validID(n.ring)) || (depth > 3 && !validID(n.key)) {
		return name{}, invalidName(text)
	}
	return n, nil
}

// projectID is the id of a project that may be named by its number.
func (s *Service) projectID(text string) string {
	if p, ok := s.iam.Project(text); ok {
		return p.ID
	}
	return text
}

func (n name) String() string {
	text := "projects/" + n.project + "/locations/" + n.location
	if n.ring != "" {
		text += "/keyRings/" + n.ring
	}
	if n.key != "" {
		text += "/cryptoKeys/" + n.key
	}
	if n.version != 0 {
		text += "/cryptoKeyVersions/" + strconv.Itoa(n.version)
	}
	return text
}

// upTo is the name of what it is in, with so many collections.
func (n name) upTo(depth int) name {
	if depth < 5 {
		n.version = 0
	}
	if depth < 4 {
		n.key = ""
	}
	if depth < 3 {
		n.ring = ""
	}
	return n
}

// findRing looks a key ring up; the caller holds the lock.
func (s *Service) findRing(n name) (*ring, error) {
	if r := s.state.Rings[n.upTo(3).String()]; r != nil {
		return r, nil
	}
	return nil, notFound("KeyRing", n.upTo(3))
}

// findKey looks a key up; the caller holds the lock.
func (s *Service) findKey(n name) (*key, error) {
	if r := s.state.Rings[n.upTo(3).String()]; r != nil && r.Keys[n.key] != nil {
		return r.Keys[n.key], nil
	}
	return nil, notFound("CryptoKey", n.upTo(4))
}

// findVersion looks a version and its key up; the caller holds the lock.
func (s *Service) findVersion(n name) (*key, *version, error) {
	if k, err := s.findKey(n); err == nil {
		if v := k.version(n.version); v != nil {
			return k, v, nil
		}
	}
	return nil, nil, notFound("CryptoKeyVersion", n)
}
