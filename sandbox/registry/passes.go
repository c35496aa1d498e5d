package registry

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// passes are the tokens that a registry gives to whoever does not sign in: what may be
// pulled, and until when, under a seal of this process. After a restart clients are
// refused with a challenge and fetch new ones.
type passes struct {
	key   []byte
	clock func() time.Time
}

type pass struct {
	Host    string   `json:"h"`
	Pull    []string `json:"p,omitempty"` // image names
	Expires int64    `json:"e"`
}

const passLife = 5 * time.Minute

func newPasses(clock func() time.Time) passes {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return passes{key, clock}
}

func (p passes) seal(text []byte) []byte {
	mac := hmac.New(sha256.New, p.key)
	mac.Write(text)
	return mac.Sum(nil)
}

func (p passes) give(host string, names []string) string {
	text, _ := json.Marshal(pass{host, names, p.clock().Add(passLife).Unix()}) // words
	return base64.RawURLEncoding.EncodeToString(text) + "." + base64.RawURLEncoding.EncodeToString(p.seal(text))
}

func (p passes) read(host, token string) (pass, bool) {
	body, seal, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return pass{}, false
	}
	mac, err := base64.RawURLEncoding.DecodeString(seal)
	if err != nil || !hmac.Equal(mac, p.seal(text)) {
		return pass{}, false
	}
	var c pass
	ok := json.Unmarshal(text, &c) == nil && c.Host == host && p.clock().Unix() < c.Expires
	return c, ok
}

func (c pass) pulls(name string) bool { return slices.Contains(c.Pull, name) }

// scope is one of a token request: "repository:NAME:push,pull".
type scope struct {
	name    string
	actions []string
}

// scopes reads a token request's, which come as several parameters or in one.
func scopes(r *http.Request) []scope {
	var all []scope
	for _, value := range r.URL.Query()["scope"] {
		for _, text := range strings.Fields(value) {
			rest, ok := strings.CutPrefix(text, "repository:")
			i := strings.LastIndex(rest, ":")
			if ok && i > 0 {
				all = append(all, scope{rest[:i], strings.Split(rest[i+1:], ",")})
			}
		}
	}
	return all
}

// sendToken answers a token request.
func sendToken(w http.ResponseWriter, token string, life time.Duration, now time.Time, also bool) {
	body := map[string]any{"token": token, "expires_in": int(life / time.Second), "issued_at": now.UTC().Format(time.RFC3339Nano)}
	if also {
		body["access_token"] = token
	}
	out, _ := json.Marshal(body) // words and a number
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(out, '\n'))
}
