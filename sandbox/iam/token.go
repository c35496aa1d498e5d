package iam

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// An access token is its own record, sealed: who, which scopes, until when. So the
// sandbox keeps no list of tokens, and they outlive a restart.
const tokenPrefix = "ya29."

type claims struct {
	Member  string   `json:"m"`
	Unique  string   `json:"u,omitempty"` // of a service account: a new one of the same name is another
	Pod     Pod      `json:"p,omitzero"`
	Scopes  []string `json:"s"`
	Expires int64    `json:"e"` // Unix seconds
}

type sealer struct{ cipher.AEAD }

func newSealer(key []byte) (sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("read the key of the sandbox's access tokens: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	return sealer{aead}, err
}

func (s sealer) token(c claims) string {
	plain, _ := json.Marshal(c) // strings and numbers
	nonce := make([]byte, s.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(s.Seal(nonce, nonce, plain, nil))
}

func (s sealer) open(token string) (c claims, ok bool) {
	text, ours := strings.CutPrefix(token, tokenPrefix)
	data, err := base64.RawURLEncoding.DecodeString(text)
	if !ours || err != nil || len(data) < s.NonceSize() {
		return c, false
	}
	plain, err := s.Open(nil, data[:s.NonceSize()], data[s.NonceSize():], nil)
	return c, err == nil && json.Unmarshal(plain, &c) == nil
}

// Mint makes an access token for a member, as policies name it ("user:…",
// "serviceAccount:…", "principal://…"). It does not ask whether the member exists.
func (k *IAM) Mint(member string, scopes []string, life time.Duration) (token string, expires time.Time) {
	expires = k.clock().Add(life)
	c := claims{Member: member, Scopes: scopes, Expires: expires.Unix()}
	if a, ok := k.ServiceAccount(memberEmail(member)); ok && strings.HasPrefix(member, "serviceAccount:") {
		c.Unique = a.UniqueID
	}
	return k.seal.token(c), expires
}

// Refresh says whom a refresh token belongs to.
func (k *IAM) Refresh(refreshToken string) (member string, ok bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	member, ok = k.state.Refresh[refreshToken]
	return member, ok
}

// Token describes an access token, as the token endpoint's tokeninfo does.
func (k *IAM) Token(token string) (c Caller, expires time.Time, ok bool) {
	claims, ok := k.seal.open(token)
	c = Caller{Email: memberEmail(claims.Member), Member: claims.Member, Scopes: claims.Scopes, Pod: claims.Pod}
	return c, time.Unix(claims.Expires, 0), ok
}

// Reasons of google.api.ErrorReason.
var (
	errMissing = errors.New("CREDENTIALS_MISSING")
	errExpired = errors.New("ACCESS_TOKEN_EXPIRED")
	errUnknown = errors.New("ACCESS_TOKEN_TYPE_UNSUPPORTED")
	errAccount = errors.New("ACCOUNT_STATE_INVALID")
)

// Authenticate tells who holds an access token. The error is the gRPC status
// UNAUTHENTICATED, in Google's words.
func (k *IAM) Authenticate(token string) (Caller, error) {
	c, err := k.authenticate(token, "")
	if err != nil {
		return Caller{}, unauthenticated(err, "", "")
	}
	return c, nil
}

func (k *IAM) authenticate(token, host string) (Caller, error) {
	if token == "" {
		return Caller{}, errMissing
	}
	if strings.Count(token, ".") == 2 && !strings.HasPrefix(token, tokenPrefix) {
		return k.signedBySelf(token, host)
	}
	c, ok := k.seal.open(token)
	if !ok {
		return Caller{}, errUnknown
	}
	if k.clock().Unix() >= c.Expires {
		return Caller{}, errExpired
	}
	caller := Caller{Email: memberEmail(c.Member), Member: c.Member, Scopes: c.Scopes, Pod: c.Pod}
	if c.Unique != "" {
		if err := k.alive(c.Unique); err != nil {
			return Caller{}, err
		}
	}
	return caller, nil
}

// alive refuses an account that is gone or switched off, or whose project is: they rest together.
func (k *IAM) alive(unique string) error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	a := k.state.Accounts[unique]
	if a == nil || a.Disabled || a.Deleted {
		return errAccount
	}
	if p := k.project(a.Project); p == nil || p.State != Active {
		return errAccount
	}
	return nil
}

// memberEmail is the address in a member's name; "" where it has none.
func memberEmail(member string) string {
	kind, email, _ := strings.Cut(member, ":")
	if (kind == "user" || kind == "serviceAccount") && strings.Contains(email, "@") {
		return email
	}
	return ""
}
