package iam

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Assertion is what a service account says and has signed with one of its keys
// (RFC 7523): a token in exchange is asked for with it, or it is one itself.
type Assertion struct {
	Issuer   string `json:"iss"` // the account's e-mail address
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Scope    string `json:"scope"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`

	unique string
}

// Member is how policies name who made it.
func (a Assertion) Member() string { return "serviceAccount:" + a.Issuer }

// Assertion reads one and checks its signature by the account's keys. Whether it is
// for whom it was given to, and still holds, is for them to see (Fresh).
func (k *IAM) Assertion(jwt string) (a Assertion, ok bool) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return a, false
	}
	var header struct {
		Algorithm string `json:"alg"`
		Key       string `json:"kid"`
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !decodePart(parts[0], &header) || !decodePart(parts[1], &a) || header.Algorithm != "RS256" {
		return a, false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	k.mu.RLock()
	defer k.mu.RUnlock()
	account := k.account("-", a.Issuer)
	if account == nil || account.Disabled {
		return a, false
	}
	a.Issuer, a.unique = account.Email, account.UniqueID
	return a, slices.ContainsFunc(k.keysOf(account.UniqueID), func(key *accountKey) bool {
		return (header.Key == "" || header.Key == key.ID || key.Provided) && k.inForce(key) && verifies(key, sum[:], signature)
	})
}

func decodePart(text string, into any) bool {
	data, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(data, into) == nil
}

func (k *IAM) inForce(key *accountKey) bool {
	now := k.clock()
	return !key.Disabled && !now.Before(key.From) && now.Before(key.Until)
}

func verifies(key *accountKey, sum, signature []byte) bool {
	cert, err := x509.ParseCertificate(key.Certificate)
	if err != nil {
		return false
	}
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	return ok && rsa.VerifyPKCS1v15(public, crypto.SHA256, sum, signature) == nil
}

// Fresh says whether an assertion is made for an hour at most, and holds now; clocks
// may differ by some minutes.
func (k *IAM) Fresh(a Assertion) bool {
	const apart = 5 * time.Minute
	now, issued, expires := k.clock(), time.Unix(a.Issued, 0), time.Unix(a.Expires, 0)
	return expires.Sub(issued) <= time.Hour && issued.Before(now.Add(apart)) && expires.After(now.Add(-apart))
}

// signedBySelf is who makes a call with an assertion of its own for a token: for one
// host, or for some scopes.
func (k *IAM) signedBySelf(token, host string) (Caller, error) {
	a, ok := k.Assertion(token)
	if !ok || a.Subject != "" && a.Subject != a.Issuer {
		return Caller{}, errUnknown
	}
	if !k.Fresh(a) || k.clock().Unix() >= a.Expires {
		return Caller{}, errExpired
	}
	scopes := strings.Fields(a.Scope)
	if len(scopes) == 0 {
		scopes = []string{cloudPlatform}
		if a.Audience != "https://"+host+"/" && host != "" {
			return Caller{}, errUnknown
		}
	}
	return Caller{Email: a.Issuer, Member: a.Member(), Scopes: scopes}, k.alive(a.unique)
}
