package gke

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/sandbox/iam"
)

// The DNS endpoint lets in whoever IAM lets connect, once it is open.
func TestDNSEndpoint(t *testing.T) {
	t.Parallel()
	d := behind(t, open(t, Options{}))
	d.create(t, zone, small("tls"))
	c := d.get(t, zone, "tls")
	url := "https://" + c.GetControlPlaneEndpointsConfig().GetDnsEndpointConfig().GetEndpoint() + "/version"
	owner := "user:" + iam.Owner
	say := func(member string) (int, string) {
		code, answer := d.call(t, member, "GET", url, "")
		text, _ := answer["message"].(string)
		return code, text
	}
	if code, text := say(owner); code != 403 || !strings.Contains(text, "allowExternalTraffic") {
		t.Errorf("closed: %d %s", code, text)
	}
	d.update(t, "tls", &containerpb.ClusterUpdate{DesiredControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
		DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{AllowExternalTraffic: proto.Bool(true)}}})
	if code, text := say(owner); code != 200 || text != "tls GET /version ya29." {
		t.Errorf("open: %d %s", code, text)
	}
	if code, text := say("user:nobody@example.com"); code != 403 || text != `Required "container.clusters.connect" permission(s) for "projects/acme-demo/zones/us-central1-a/clusters/tls".` {
		t.Errorf("nobody: %d %s", code, text)
	}
	if code, _ := say(""); code != 401 {
		t.Errorf("without a token: %d", code)
	}
	// A cluster that is being made has no CA yet: it must not be remembered as one without.
	early := httptest.NewRecorder()
	d.pass(early, httptest.NewRequest(http.MethodGet, url, nil), &cluster{UID: "early", pb: &containerpb.Cluster{Name: "early"}})
	if early.Code != http.StatusServiceUnavailable || d.roads["early"] != nil {
		t.Errorf("before it is up: %d, %v", early.Code, d.roads["early"])
	}
	url = strings.Replace(url, "gke-", "gke-0", 1)
	if code, _ := say(owner); code != 404 {
		t.Errorf("another name: %d", code)
	}
}
