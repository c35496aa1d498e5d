package front

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/journal"
)

// The client that the sandbox's sign-ins were made with. Like that of a program on
// people's machines its secret is none.
const (
	ClientID     = "signgate-sandbox.apps.googleusercontent.com"
	ClientSecret = "sandbox"
)

// tokenLife is an access token's, as Google's.
const tokenLife = time.Hour

// granted are the scopes of the sandbox's sign-ins, as `gcloud auth application-default
// login` asks for them.
func granted() []string {
	return []string{
		"https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email", "openid",
	}
}

type oauth struct{ iam *iam.IAM }

// OAuth is Google's token endpoint (oauth2.googleapis.com) for those who are signed in already,
// and what tells about tokens (also at www.googleapis.com/oauth2).
func OAuth(k *iam.IAM) http.Handler {
	o := &oauth{k}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", o.token)
	mux.HandleFunc("POST /oauth2/v4/token", o.token)
	mux.HandleFunc("POST /revoke", o.revoke)
	for _, path := range []string{"/tokeninfo", "/oauth2/v1/tokeninfo", "/oauth2/v2/tokeninfo", "/oauth2/v3/tokeninfo"} {
		mux.HandleFunc("GET "+path, o.tokeninfo)
		mux.HandleFunc("POST "+path, o.tokeninfo)
	}
	for _, path := range []string{"/oauth2/v1/userinfo", "/oauth2/v2/userinfo", "/oauth2/v3/userinfo"} {
		mux.HandleFunc("GET "+path, o.userinfo)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		tokenError(w, http.StatusNotFound, "not_found", "The sandbox has a token endpoint only: its people are signed in already.")
	})
	return mux
}

// bound keeps a request small before its form is read.
func bound(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		tokenError(w, http.StatusBadRequest, "invalid_request", "The request is no form.")
		return false
	}
	return true
}

// token exchanges what a client has, by its grant, for an access token.
func (o *oauth) token(w http.ResponseWriter, r *http.Request) {
	start, member, code := time.Now(), "", "InvalidArgument"
	defer func() {
		o.iam.Journal().Add(journal.Call{Time: o.iam.Now(), Host: r.Host, Method: "POST /token", Principal: member, Code: code,
			Millis: journal.Millis(start)})
	}()
	if r.Header.Get("Origin") != "" {
		code = "PermissionDenied"
		tokenError(w, http.StatusForbidden, "access_denied", "Pages in a browser get no tokens here.")
		return
	}
	if !bound(w, r) {
		return
	}
	switch grant := r.PostForm.Get("grant_type"); grant {
	case "":
		tokenError(w, http.StatusBadRequest, "invalid_request", "Required parameter is missing: grant_type")
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		member, code = o.assertion(w, r)
	case "refresh_token":
		member, code = o.refresh(w, r)
	default:
		tokenError(w, http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+printable(grant))
	}
}

// refresh exchanges a refresh token for an access token (RFC 6749, section 6).
func (o *oauth) refresh(w http.ResponseWriter, r *http.Request) (member, code string) {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok && id == "" {
		id, secret = user, password
	}
	switch {
	case r.PostForm.Get("refresh_token") == "":
		tokenError(w, http.StatusBadRequest, "invalid_request", "Missing required parameter: refresh_token")
		return "", "InvalidArgument"
	case id != ClientID:
		tokenError(w, http.StatusUnauthorized, "invalid_client", "The OAuth client was not found.")
		return "", "Unauthenticated"
	case secret != ClientSecret:
		tokenError(w, http.StatusUnauthorized, "invalid_client", "Unauthorized")
		return "", "Unauthenticated"
	}
	member, ok := o.iam.Refresh(r.PostForm.Get("refresh_token"))
	if !ok {
		tokenError(w, http.StatusBadRequest, "invalid_grant", "Bad Request")
		return member, "Unauthenticated"
	}
	scopes := granted()
	if asked := strings.Fields(r.PostForm.Get("scope")); len(asked) > 0 {
		if slices.ContainsFunc(asked, func(s string) bool { return !slices.Contains(scopes, s) }) {
			tokenError(w, http.StatusBadRequest, "invalid_scope", "Some requested scopes were invalid or were never granted: "+printable(strings.Join(asked, " ")))
			return member, "InvalidArgument"
		}
		scopes = asked
	}
	token, _ := o.iam.Mint(member, scopes, tokenLife)
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": token, "expires_in": int(tokenLife/time.Second) - 1, "scope": strings.Join(scopes, " "), "token_type": "Bearer",
	})
	return member, "OK"
}

// assertion exchanges what a service account has signed for an access token (RFC 7523).
func (o *oauth) assertion(w http.ResponseWriter, r *http.Request) (member, code string) {
	a, ok := o.iam.Assertion(r.PostForm.Get("assertion"))
	switch {
	case !ok:
		tokenError(w, http.StatusBadRequest, "invalid_grant", "Invalid JWT Signature.")
		return "", "Unauthenticated"
	case !o.iam.Fresh(a):
		tokenError(w, http.StatusBadRequest, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")
		return a.Member(), "Unauthenticated"
	case !slices.Contains([]string{"https://oauth2.googleapis.com/token", "https://www.googleapis.com/oauth2/v4/token", "https://accounts.google.com/o/oauth2/token"}, a.Audience):
		tokenError(w, http.StatusBadRequest, "invalid_grant", "Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token")
		return a.Member(), "Unauthenticated"
	case a.Subject != "" && a.Subject != a.Issuer:
		tokenError(w, http.StatusUnauthorized, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.")
		return a.Member(), "PermissionDenied"
	case strings.TrimSpace(a.Scope) == "":
		tokenError(w, http.StatusBadRequest, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
		return a.Member(), "InvalidArgument"
	}
	token, _ := o.iam.Mint(a.Member(), strings.Fields(a.Scope), tokenLife)
	writeJSON(w, http.StatusOK, map[string]any{"access_token": token, "expires_in": int(tokenLife/time.Second) - 1, "token_type": "Bearer"})
	return a.Member(), "OK"
}

// revoke cannot be honest and kind at once: tokens are sealed, not listed.
func (o *oauth) revoke(w http.ResponseWriter, r *http.Request) {
	if !bound(w, r) {
		return
	}
	tokenError(w, http.StatusBadRequest, "invalid_token", "Tokens of the sandbox are not revoked one by one: signgate sandbox reset ends all of them.")
}

// tokeninfo says whom a token stands for, and for what.
func (o *oauth) tokeninfo(w http.ResponseWriter, r *http.Request) {
	if !bound(w, r) {
		return
	}
	c, expires, ok := o.iam.Token(r.Form.Get("access_token"))
	left := int(expires.Sub(o.iam.Now()) / time.Second)
	if !ok || left <= 0 {
		tokenError(w, http.StatusBadRequest, "invalid_token", "Invalid Value")
		return
	}
	info := map[string]any{
		"azp": ClientID, "aud": ClientID, "sub": subject(c), "scope": strings.Join(c.Scopes, " "),
		"exp": strconv.FormatInt(expires.Unix(), 10), "expires_in": strconv.Itoa(left), "access_type": "offline",
	}
	if c.Email != "" && slices.Contains(c.Scopes, "https://www.googleapis.com/auth/userinfo.email") {
		info["email"], info["email_verified"] = c.Email, "true"
	}
	writeJSON(w, http.StatusOK, info)
}

// userinfo says who is signed in.
func (o *oauth) userinfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if q := r.URL.Query().Get("access_token"); token == "" {
		token = q
	}
	c, err := o.iam.Authenticate(token)
	if err != nil {
		w.Header().Set("Www-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
		tokenError(w, http.StatusUnauthorized, "invalid_request", "Invalid Credentials")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": subject(c), "sub": subject(c), "email": c.Email, "verified_email": true, "email_verified": true})
}

// subject is a principal's number: 21 digits, always the same.
func subject(c iam.Caller) string {
	sum := sha256.Sum256([]byte(c.Member))
	return fmt.Sprintf("1%020d", binary.BigEndian.Uint64(sum[:]))
}

func tokenError(w http.ResponseWriter, status int, code, words string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": words})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	out, _ := json.MarshalIndent(v, "", "  ") // maps of text
	_, _ = w.Write(append(out, '\n'))
}

// Credentials is a file that client libraries take as application default
// credentials of a person (type authorized_user), with a refresh token.
func Credentials(email, refreshToken string) []byte {
	out, _ := json.MarshalIndent(map[string]string{
		"type": "authorized_user", "account": email, "client_id": ClientID, "client_secret": ClientSecret,
		"refresh_token": refreshToken, "universe_domain": "googleapis.com",
	}, "", "  ")
	return append(out, '\n')
}

// DockerAuth is the line "user:password" of a registry that takes access tokens, as Docker's
// configuration file has it.
func DockerAuth(token string) string {
	return base64.StdEncoding.EncodeToString([]byte("oauth2accesstoken:" + token))
}
