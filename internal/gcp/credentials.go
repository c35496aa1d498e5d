package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"cloud.google.com/go/auth"
	adc "cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/oauth2adapt"
	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// CredentialsKind tells apart what can be wrong with a sign-in.
type CredentialsKind string

// The kinds of credential failures.
const (
	CredentialsMissing   CredentialsKind = "missing"   // nobody is signed in
	CredentialsUnusable  CredentialsKind = "unusable"  // the file cannot be read or is of no known type
	CredentialsExpired   CredentialsKind = "expired"   // signing in again helps: invalid_grant, session control (invalid_rapt, rapt_required)
	CredentialsRefused   CredentialsKind = "refused"   // the token endpoint said no for another reason
	CredentialsUnreached CredentialsKind = "unreached" // the token endpoint could not be reached
)

// CredentialsError says that no access token could be had.
type CredentialsError struct {
	Kind CredentialsKind
	File string // the file it came from, if one was named
	Err  error
}

func (e *CredentialsError) Error() string {
	if e.File != "" {
		return fmt.Sprintf("credentials %s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("credentials: %v", strings.TrimPrefix(e.Err.Error(), "credentials: "))
}

func (e *CredentialsError) Unwrap() error { return e.Err }

// scopes of our own token: everything IAM allows the caller, and the e-mail
// address, without which Kubernetes knows a service account by a number only.
func scopes() []string {
	return []string{"https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email"}
}

type credential struct {
	*auth.Credentials
	file string
}

// findCredentials reads the credential's file; it asks nobody for a token yet.
func findCredentials(ctx context.Context, file string, client *http.Client) (*credential, error) {
	// The file is the user's own, named by them or at the place where gcloud puts it: any of its types is welcome.
	found, err := adc.DetectDefault(&adc.DetectOptions{Scopes: scopes(), CredentialsFile: file, Client: client}) //nolint:staticcheck // as said above
	if err != nil {
		kind := CredentialsUnusable
		if strings.Contains(err.Error(), "could not find default credentials") || errors.Is(err, os.ErrNotExist) {
			kind = CredentialsMissing
		}
		return nil, &CredentialsError{Kind: kind, File: file, Err: err}
	}
	return &credential{Credentials: found, file: file}, nil
}

// Token returns a valid access token, or a *CredentialsError.
func (c *credential) Token(ctx context.Context) (*auth.Token, error) {
	token, err := c.Credentials.Token(ctx)
	if err == nil {
		return token, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	kind := CredentialsUnreached
	var refused *auth.Error
	if errors.As(err, &refused) {
		kind = CredentialsRefused
		// The body has error_subtype, which the error's text lacks.
		words := err.Error() + string(refused.Body)
		for _, sign := range []string{"invalid_grant", "invalid_rapt", "rapt_required"} {
			if strings.Contains(words, sign) {
				kind = CredentialsExpired
			}
		}
	}
	return nil, &CredentialsError{Kind: kind, File: c.file, Err: err}
}

func (c *credential) source() oauth2.TokenSource {
	return oauth2adapt.TokenSourceFromTokenProvider(c)
}

// authorize adds the token to a service's calls, and the project that they are
// counted against. It does so here and not as per-RPC credentials because gRPC
// would flatten the typed error to text; the connections it serves are all TLS.
//
// The services that know projects (Resource Manager, Billing, Service Usage) are
// asked without a quota project first: with one, they would have to be enabled in
// it even to list projects. Only where the caller's own project turns out to have
// them off is the question put again with one.
func (c *Clients) authorize(host string) grpc.UnaryClientInterceptor {
	first := slices.Contains([]string{projectsHost, "cloudbilling.googleapis.com", "serviceusage.googleapis.com"}, host)
	return func(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		token, err := c.credential.Token(ctx)
		if err != nil {
			return err
		}
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token.Value)
		project, err := c.payer(ctx)
		if err != nil {
			return err
		}
		billed := ctx
		if project != "" {
			billed = metadata.AppendToOutgoingContext(ctx, "x-goog-user-project", project)
		}
		if !first || project == "" {
			return invoke(billed, method, req, reply, conn, opts...)
		}
		err = invoke(ctx, method, req, reply, conn, opts...)
		if _, off := Disabled(err); off {
			return invoke(billed, method, req, reply, conn, opts...)
		}
		return err
	}
}

// payer is the project that BillTo named, or the one in the credential's file.
func (c *Clients) payer(ctx context.Context) (string, error) {
	if q := c.quota.Load(); q != nil {
		return *q, nil
	}
	return c.credential.QuotaProjectID(ctx)
}

// QuotaProject is the project that the credential's file has calls counted against; ""
// if it names none.
func (c *Clients) QuotaProject(ctx context.Context) (string, error) {
	return c.credential.QuotaProjectID(ctx)
}

// SignIn asks for a token now, so that a missing or expired sign-in shows before anything else is tried.
func (c *Clients) SignIn(ctx context.Context) error {
	_, err := c.credential.Token(ctx)
	return err
}

// Account is whom the credential's file names: a service account's address, or the
// user's where gcloud wrote it down. "" where the file does not say.
func (c *Clients) Account() string {
	var file struct {
		Email   string `json:"client_email"`
		Account string `json:"account"`
	}
	if json.Unmarshal(c.credential.JSON(), &file) != nil {
		return ""
	}
	if file.Email != "" {
		return file.Email
	}
	return file.Account
}
