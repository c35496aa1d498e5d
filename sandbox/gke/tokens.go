package gke

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/signgate/signgate/sandbox/iam"
)

const (
	tokenLife     = time.Hour
	cloudPlatform = "https://www.googleapis.com/auth/cloud-platform"
)

// identity is whom an asker's tokens stand for.
type identity struct {
	email  string // shown; a pod without a Google account shows its identity pool
	member string // as policies name it
	scopes []string
}

// identityOf is a node's service account with the scopes of its pool; of a pod with
// Workload Identity Federation its Kubernetes account, or the Google one that this is
// bound to.
func (s *Service) identityOf(a asker) identity {
	if !a.federated() {
		account := a.c.Accounts[a.node.Pool]
		return identity{email: account.Email, member: "serviceAccount:" + account.Email, scopes: a.c.pool(a.node.Pool).GetConfig().GetOauthScopes()}
	}
	scopes := []string{cloudPlatform, emailScope}
	if a.google != "" {
		return identity{email: a.google, member: "serviceAccount:" + a.google, scopes: scopes}
	}
	if a.full {
		return identity{email: a.principal(), member: a.principal(), scopes: scopes}
	}
	return identity{email: a.pool(), member: a.principal(), scopes: scopes}
}

// federatedPod is how policies can mean the pod besides by its account's name.
func (a asker) federatedPod() iam.Pod {
	return iam.Pod{UID: a.uid, Cluster: fmt.Sprintf("https://%s/v1/projects/%s/locations/%s/clusters/%s", Host, a.c.Project, a.c.pb.GetLocation(), a.c.pb.GetName())}
}

func (a asker) pool() string { return a.c.pb.GetWorkloadIdentityConfig().GetWorkloadPool() }

// principal is a pod's Kubernetes account as policies name it.
func (a asker) principal() string {
	namespace, account, _ := strings.Cut(a.account, "/")
	return fmt.Sprintf("principal://iam.googleapis.com/projects/%s/locations/global/workloadIdentityPools/%s/subject/ns/%s/sa/%s",
		a.c.Number, a.pool(), namespace, account)
}

// secret answers for tokens; false if the path is another.
func (s *Service) secret(w http.ResponseWriter, r *http.Request, a asker, path string) bool {
	rest, ok := strings.CutPrefix(path, "instance/service-accounts/")
	account, what, deeper := strings.Cut(rest, "/")
	if !ok || !deeper || what != "token" && what != "identity" {
		return false
	}
	me := s.identityOf(a)
	if account != "default" && account != me.email {
		absent(w, "/computeMetadata/v1/"+path)
		return true
	}
	if err := s.usable(a, me); err != nil {
		s.noToken(w, a, err)
		return true
	}
	if what == "token" {
		s.accessToken(w, r, a, me)
	} else {
		s.identityToken(w, r, a, me)
	}
	return true
}

// usable says why an identity has no tokens; nil if it has.
func (s *Service) usable(a asker, me identity) error {
	known, ok := s.iam.ServiceAccount(me.email)
	if !a.federated() {
		was := a.c.Accounts[a.node.Pool].UniqueID
		switch {
		case was == "": // Compute Engine's own account
			return nil
		case !ok || known.Deleted || known.UniqueID != was: // one of that name that was made later is another
			return errors.New("Account has been deleted") //nolint:staticcheck // Google's words
		case known.Disabled:
			return errors.New("Account is disabled") //nolint:staticcheck // Google's words
		}
		return nil
	}
	if a.google == "" {
		return nil
	}
	pod := iam.Caller{Member: a.principal(), Scopes: me.scopes, Pod: a.federatedPod()}
	if err := s.iam.Check(pod, "iam.serviceAccounts.getAccessToken", "projects/-/serviceAccounts/"+a.google); err != nil {
		return errors.New("Unable to generate access token; IAM returned 403 Forbidden: " + //nolint:staticcheck // Google's words
			"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).\n" +
			"This error could be caused by a missing IAM policy binding on the target IAM service account.")
	}
	return nil
}

func (s *Service) noToken(w http.ResponseWriter, a asker, err error) {
	if a.federated() {
		http.Error(w, "GKE Metadata Server encountered an error: "+err.Error(), http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant", "error_description": err.Error()})
}

// accessToken carries exactly the scopes of the node pool, whatever is asked for: a node
// cannot widen them. A pod with an identity of its own may ask for others.
func (s *Service) accessToken(w http.ResponseWriter, r *http.Request, a asker, me identity) {
	scopes := me.scopes
	if asked := r.URL.Query().Get("scopes"); asked != "" && a.federated() {
		scopes = strings.FieldsFunc(asked, func(c rune) bool { return c == ',' || c == ' ' })
	}
	var token string
	if a.federated() && a.google == "" {
		token, _ = s.iam.MintPod(me.member, a.federatedPod(), scopes, tokenLife)
	} else {
		token, _ = s.iam.Mint(me.member, scopes, tokenLife)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "expires_in": int(tokenLife/time.Second) - 1, "token_type": "Bearer"})
}

// identityToken says to an audience who the asker is.
func (s *Service) identityToken(w http.ResponseWriter, r *http.Request, a asker, me identity) {
	audience := r.URL.Query().Get("audience")
	if audience == "" {
		http.Error(w, "non-empty audience parameter required", http.StatusBadRequest)
		return
	}
	if !strings.Contains(me.email, "@") {
		http.Error(w, "GKE Metadata Server encountered an error: identity tokens need a Google service account that the Kubernetes one is bound to.", http.StatusNotFound)
		return
	}
	now := s.iam.Now()
	subject := s.subject(iam.Caller{Email: me.email, Member: me.member})
	claims := map[string]any{"iss": "https://accounts.google.com", "aud": audience, "azp": subject, "sub": subject, "iat": now.Unix(), "exp": now.Add(tokenLife).Unix()}
	if r.URL.Query().Get("format") == "full" {
		claims["email"], claims["email_verified"] = me.email, true
		claims["google"] = map[string]any{"compute_engine": map[string]any{
			"project_id": a.c.Project, "project_number": number(a.c.Number), "zone": a.node.Zone, "instance_id": fmt.Sprint(a.node.Instance), "instance_name": a.node.Name}}
	}
	token, err := s.identity.sign(claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	reply(w, "text/html", token)
}
