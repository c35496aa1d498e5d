package steps

import (
	"net/url"
	"strings"

	"github.com/signgate/signgate/state"
)

// Link is the page of a resource in Google's console, "" if it has none.
func Link(a state.Answers, r state.Resource) string {
	n := NamesOf(a)
	page := func(path string) string {
		return "https://console.cloud.google.com/" + path + "?project=" + url.QueryEscape(a.Project)
	}
	switch kind, _, _ := strings.Cut(r.Kind, "."); kind {
	case "cloudkms":
		return page("security/kms/keyring/manage/" + a.Region + "/" + n.KeyRingID())
	case "artifactregistry", "image":
		return page("artifacts/docker/" + a.Project + "/" + a.Region + "/" + n.RepositoryID())
	case "container":
		return page("kubernetes/clusters/details/" + n.ClusterLocation() + "/" + n.ClusterID() + "/details")
	case "iam":
		return page("iam-admin/serviceaccounts")
	case "serviceusage":
		return page("apis/dashboard")
	}
	return ""
}

// Stays says whether a resource that this setup made outlives its removal, and why.
func Stays(r state.Resource) (bool, string) {
	switch r.Kind {
	case "cloudkms.keyRing", "cloudkms.cryptoKey":
		return true, "Google lets nobody remove it at once; it costs nothing, and apply uses it again"
	case "serviceusage.service":
		return true, "other things in the project may use the API by now; it costs nothing"
	}
	return false, ""
}
