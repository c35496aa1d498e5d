package admin_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"testing"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// Google's own client signs in with a key's file, both ways: by a token in exchange,
// and by an assertion of its own. A key that is switched off or gone opens nothing.
func TestAccountKeys(t *testing.T) {
	t.Parallel()
	w := start(t, iam.Options{})
	w.now.Store(time.Now().UnixNano()) // the client's clock is the wall's
	w.Handle("oauth2.googleapis.com", front.OAuth(w.iam))
	w.check(w.iam.Enable("acme-demo", iam.Admin))
	a := w.account("worker")
	w.bind("roles/browser", "serviceAccount:"+a.GetEmail())
	key, err := w.accounts().CreateServiceAccountKey(w.as(iam.Owner), &adminpb.CreateServiceAccountKeyRequest{Name: a.GetName()})
	w.check(err)

	proxy, _ := url.Parse(w.ProxyURL())
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: w.Pool()}}})
	config, err := google.JWTConfigFromJSON(key.GetPrivateKeyData(), cloudPlatform)
	w.check(err)
	self := func(host string) oauth2.TokenSource {
		s, err := google.JWTAccessTokenSourceFromJSON(key.GetPrivateKeyData(), "https://"+host+"/")
		w.check(err)
		return s
	}
	see := func(s oauth2.TokenSource) error {
		token, err := s.Token()
		if err != nil {
			return err
		}
		ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token.AccessToken)
		_, err = w.projects().GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: "projects/acme-demo"})
		return err
	}
	w.check(see(config.TokenSource(ctx)))
	w.check(see(self(iam.Manager)))
	refused(t, see(self(iam.Billing)), codes.Unauthenticated, "", "ACCESS_TOKEN_TYPE_UNSUPPORTED") // made for another host

	list, err := w.accounts().ListServiceAccountKeys(w.as(iam.Owner), &adminpb.ListServiceAccountKeysRequest{Name: a.GetName()})
	w.check(err)
	if len(list.GetKeys()) != 1 || list.GetKeys()[0].GetName() != key.GetName() || len(list.GetKeys()[0].GetPrivateKeyData()) > 0 {
		t.Errorf("listed: %v", list)
	}
	_, err = w.accounts().DisableServiceAccountKey(w.as(iam.Owner), &adminpb.DisableServiceAccountKeyRequest{Name: key.GetName()})
	w.check(err)
	refused(t, see(self(iam.Manager)), codes.Unauthenticated, "", "ACCESS_TOKEN_TYPE_UNSUPPORTED")
	if err := see(config.TokenSource(ctx)); err == nil {
		t.Error("a key that is switched off gets a token")
	}
	_, err = w.accounts().EnableServiceAccountKey(w.as(iam.Owner), &adminpb.EnableServiceAccountKeyRequest{Name: key.GetName()})
	w.check(err)
	w.check(see(self(iam.Manager)))
	w.pass(2 * time.Hour)
	refused(t, see(self(iam.Manager)), codes.Unauthenticated, "", "ACCESS_TOKEN_EXPIRED")
	w.pass(-2 * time.Hour)
	_, err = w.accounts().DeleteServiceAccountKey(w.as(iam.Owner), &adminpb.DeleteServiceAccountKeyRequest{Name: key.GetName()})
	w.check(err)
	if see(self(iam.Manager)) == nil || see(config.TokenSource(ctx)) == nil {
		t.Error("a key that is gone opens something")
	}
}
