package registry

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"time"
)

// signIn tells who asks: by Basic with an access token as the password (the user is
// oauth2accesstoken, or _token) or with the file of a service account's key (_json_key,
// _json_key_base64), or by Bearer. A request without is anonymous, which public
// repositories allow.
func (s *Service) signIn(x *exchange) (signedIn bool, _ *refusal) {
	kind, value, _ := strings.Cut(x.Header.Get("Authorization"), " ")
	token := strings.TrimSpace(value)
	if user, password, ok := x.BasicAuth(); ok {
		if token, ok = s.password(user, password); !ok {
			return false, unauthenticated(x, "authentication failed")
		}
	} else if kind == "" {
		return false, nil
	} else if !strings.EqualFold(kind, "Bearer") {
		return false, unauthenticated(x, "authentication failed")
	}
	if _, ok := s.passes.read(x.Host, token); ok {
		return false, nil
	}
	caller, err := s.iam.Authenticate(token)
	if err != nil || caller.Member == "" {
		return false, unauthenticated(x, "authentication failed")
	}
	x.caller, x.token = caller, token
	return true, nil
}

// password is the access token that a user and password stand for.
func (s *Service) password(user, password string) (token string, ok bool) {
	switch user {
	case "oauth2accesstoken", "_token", "_dcgcloud_token":
		return password, true
	case "_json_key_base64":
		file, err := base64.StdEncoding.DecodeString(password)
		if err != nil {
			return "", false
		}
		return s.keyFile(file)
	case "_json_key":
		return s.keyFile([]byte(password))
	}
	return "", false
}

// keyFile signs in with a service account's key: what it signs must verify by the
// account's own record of it.
func (s *Service) keyFile(file []byte) (token string, ok bool) {
	var key struct {
		Email   string `json:"client_email"`
		ID      string `json:"private_key_id"`
		Private string `json:"private_key"`
	}
	if json.Unmarshal(file, &key) != nil {
		return "", false
	}
	block, _ := pem.Decode([]byte(key.Private))
	if block == nil {
		return "", false
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, isRSA := parsed.(*rsa.PrivateKey)
	if err != nil || !isRSA {
		return "", false
	}
	now := s.iam.Now()
	said := part(map[string]string{"alg": "RS256", "typ": "JWT", "kid": key.ID}) + "." + part(map[string]any{
		"iss": key.Email, "aud": "https://oauth2.googleapis.com/token", "iat": now.Unix(), "exp": now.Add(tokenLife).Unix()})
	sum := sha256.Sum256([]byte(said))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		return "", false
	}
	a, ok := s.iam.Assertion(said + "." + base64.RawURLEncoding.EncodeToString(signature))
	if !ok {
		return "", false
	}
	token, _ = s.iam.Mint(a.Member(), []string{cloudPlatform}, tokenLife)
	return token, true
}

const tokenLife = time.Hour

func part(v any) string { return base64.RawURLEncoding.EncodeToString(encode(v)) }

// unauthenticated asks the client to sign in, and says where.
func unauthenticated(x *exchange, message string) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: "UNAUTHORIZED", message: message,
		header: map[string]string{"Www-Authenticate": `Bearer realm="https://` + x.Host + `/v2/token"`}}
}

// googleToken gives a token for the scopes that are asked for, or says which permission
// is missing. Whoever signs in gets an access token, their own where they came with one:
// IAM is asked again on every request.
func (s *Service) googleToken(x *exchange) *refusal {
	if x.Method != http.MethodGet {
		return notFound()
	}
	signedIn, refused := s.signIn(x)
	if refused != nil {
		return refused
	}
	for _, sc := range scopes(x.Request) {
		parts := strings.SplitN(sc.name, "/", 3)
		if len(parts) < 2 || !isName(sc.name) {
			return nameInvalid(missingImage)
		}
		at := s.place(x.Host, parts)
		for _, permission := range wanted(sc.actions) {
			if refused := s.enterPlace(x, at, permission); refused != nil {
				return refused
			}
		}
	}
	now := s.iam.Now()
	if !signedIn {
		sendToken(x.w, s.passes.give(x.Host, nil), passLife, now, false)
		return nil
	}
	sendToken(x.w, x.token, s.life(x.token), now, false)
	return nil
}

// life is how long a token holds; one that a service account made for itself says so
// only to IAM, which asks again anyway.
func (s *Service) life(token string) time.Duration {
	if _, expires, ok := s.iam.Token(token); ok {
		return expires.Sub(s.iam.Now()).Truncate(time.Second)
	}
	return passLife
}

// wanted are the permissions of a scope's actions, changing ones first.
func wanted(actions []string) []string {
	var all []string
	for _, one := range []struct{ action, permission string }{{"delete", dropArtifacts}, {"push", pushArtifacts}, {"pull", pullArtifacts}} {
		if slices.Contains(actions, one.action) || slices.Contains(actions, "*") {
			all = append(all, one.permission)
		}
	}
	return all
}
