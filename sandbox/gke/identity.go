package gke

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
)

// identityKey signs identity tokens (JWT) of this run of the sandbox. Nothing here
// checks them; they have the shape that clients read.
type identityKey struct {
	once sync.Once
	key  *rsa.PrivateKey
	err  error
}

func (k *identityKey) sign(claims map[string]any) (string, error) {
	k.once.Do(func() { k.key, k.err = rsa.GenerateKey(rand.Reader, 2048) })
	if k.err != nil {
		return "", fmt.Errorf("make a key for identity tokens: %w", k.err)
	}
	part := func(v any) string {
		text, _ := json.Marshal(v) // maps of text and numbers
		return base64.RawURLEncoding.EncodeToString(text)
	}
	id := sha256.Sum256(k.key.N.Bytes())
	text := part(map[string]string{"alg": "RS256", "kid": fmt.Sprintf("%x", id[:20]), "typ": "JWT"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign an identity token: %w", err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
