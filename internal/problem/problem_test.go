package problem_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
)

func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range problem.Catalogue() {
		if seen[e.ID] {
			t.Errorf("%s stands twice", e.ID)
		}
		seen[e.ID] = true
		if e.What == "" || e.Fix == "" {
			t.Errorf("%s says not what happened or what to try", e.ID)
		}
		for _, place := range []string{"above", "below"} { // each printer has an order of its own
			if strings.Contains(e.What+e.Why+e.Fix, place) {
				t.Errorf("%s points %s: what stands there is the printer's to say", e.ID, place)
			}
		}
		re, err := regexp.Compile(e.Pattern)
		if err != nil {
			t.Errorf("%s: %v", e.ID, err)
			continue
		}
		for _, ref := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(e.What+e.Why+e.Fix, -1) {
			if re.SubexpIndex(ref[1]) < 0 {
				t.Errorf("%s uses ${%s}, which its pattern does not have", e.ID, ref[1])
			}
		}
	}
}

// The words are the services' own.
func TestFromWords(t *testing.T) {
	for _, c := range []struct{ words, id, in string }{
		{"credentials: could not find default credentials. See https://cloud.google.com/docs/authentication/external/set-up-adc for more information", "credentials-missing", ""},
		{`auth: "invalid_grant" "reauth related error (invalid_rapt)" "https://support.google.com/a/answer/9368756"`, "credentials-expired", ""},
		{`transport: per-RPC creds failed due to error: auth: "invalid_grant" "Token has been expired or revoked."`, "credentials-revoked", ""},
		{"Your application is authenticating by using local Application Default Credentials. The cloudkms.googleapis.com API requires a quota project, which is not set by default.", "quota-project-missing", ""},
		{"Caller does not have required permission to use project acme-demo. Grant the caller the roles/serviceusage.serviceUsageConsumer role", "quota-project-denied", "acme-demo"},
		{"Request had insufficient authentication scopes.", "scopes-insufficient", ""},
		{"Billing account for project '42' is not found. Billing must be enabled for activation of service(s) 'container.googleapis.com' to proceed.", "billing-missing", ""},
		{"Permission denied to enable service [cloudkms.googleapis.com]", "api-enable-denied", "cloudkms.googleapis.com"},
		{"Cloud Key Management Service (KMS) API has not been used in project 42 before or it is disabled. Enable it by visiting https://console.developers.google.com/ then retry.", "api-not-enabled", ""},
		{"Another activation or deactivation is in progress", "api-busy", ""},
		{"Permission 'resourcemanager.projects.get' denied on resource '//cloudresourcemanager.googleapis.com/projects/x' (or it may not exist).", "project-not-found", ""},
		{"Constraint constraints/iam.disableServiceAccountCreation violated for projects/42", "org-policy-accounts", ""},
		{"Constraint constraints/iam.managed.disableServiceAccountCreation violated", "org-policy-accounts", ""},
		{"One or more users named in the policy do not belong to a permitted customer.", "org-policy-members", ""},
		{"Location ZONE:northamerica-northeast1-c violates constraint constraints/gcp.resourceLocations on the resource projects/p/zones/z/instanceGroupManagers/g.", "org-policy-location", ""},
		{"Request is disallowed by organization's constraints/gcp.restrictServiceUsage constraint for 'projects/42' attempting to use service 'cloudkms.googleapis.com'.", "org-policy-service", ""},
		{"Not all instances running in IGM after 40.2s. Expected 1, running 0, transitioning 1. Current errors: [CONDITION_NOT_MET]: Instance 'gke-c-default-pool-1-2' creation failed: " +
			"Constraint constraints/compute.vmExternalIpAccess violated for project 42. Add instance projects/p/zones/z/instances/i to the constraint to use external IP with it.", "org-policy-addresses", ""},
		{"Instance 'i' creation failed: Constraint constraints/compute.requireShieldedVm violated for project projects/p. Secure Boot is not enabled in the 'shielded_instance_config' field.", "org-policy-shielded", ""},
		{"Constraint constraints/gcp.restrictNonCmekServices violated for projects/p", "org-policy-cmek", ""},
		{"Constraint constraints/compute.requireOsLogin violated for project 42", "org-policy", "compute.requireOsLogin"},
		{"create project acme-new: rpc error: code = AlreadyExists desc = Requested entity already exists", "project-id-taken", ""},
		{"create project acme-new: rpc error: code = PermissionDenied desc = The caller does not have permission", "project-create-denied", ""},
		{"link project acme-new to billingAccounts/0: rpc error: code = PermissionDenied desc = The caller does not have permission", "billing-link-denied", ""},
		{`auth: "invalid_grant" "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."`, "clock-wrong", ""},
		{"tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2019-01-01T00:00:00Z is before 2026-11-01T00:00:00Z", "clock-wrong", ""},
		{"There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.", "policy-conflict", ""},
		{"Service account a@b.iam.gserviceaccount.com does not exist.", "account-not-visible", "a@b.iam.gserviceaccount.com"},
		{`The user does not have access to service account "a@b". Ask a project owner to grant you the iam.serviceAccountUser role on the service account.`, "act-as-denied", "a@b"},
		{"Policy update access denied.", "policy-update-denied", ""},
		{"Precondition check failed. (Cloud billing quota exceeded: https://support.google.com/code/contact/billing_quota_increase)", "billing-quota", ""},
		{"The project cannot be created because you have exceeded your allotted project quota.", "project-quota", ""},
		{`Insufficient regional quota to satisfy request: resource "SSD_TOTAL_GB": request requires '900.0' and is short '400.0'.`, "quota-exceeded", "SSD_TOTAL_GB"},
		{"\n\t(1) insufficient project quota to satisfy request: resource \"CPUS_ALL_REGIONS\": request requires '18.0' and is short '6.0'.", "quota-exceeded", "CPUS_ALL_REGIONS"},
		{"Instance 'x' creation failed: Quota 'IN_USE_ADDRESSES' exceeded. Limit: 8.0 in region R.", "quota-exceeded", "IN_USE_ADDRESSES"},
		{`Project "p" has no network named "default".`, "network-missing", ""},
		{"Cluster is running incompatible operation operation-1", "cluster-busy", ""},
		{"projects/p/locations/l/keyRings/k/cryptoKeys/c/cryptoKeyVersions/1 is not enabled, current state is: PENDING_GENERATION.", "key-not-enabled", "PENDING_GENERATION"},
		{"CryptoKeyVersion projects/p/locations/l/keyRings/k/cryptoKeys/c/cryptoKeyVersions/9 not found.", "key-version-missing", ""},
		{`DENIED: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p/locations/l/repositories/r" (or it may not exist)`, "registry-denied", "downloadArtifacts"},
		{"GET https://index.docker.io/v2/library/nope/manifests/latest: MANIFEST_UNKNOWN: manifest unknown", "image-not-found", ""},
		{"another operation (install/upgrade/rollback) is in progress", "helm-pending", ""},
		{`failed calling webhook "policy.sigstore.dev": context deadline exceeded`, "webhook-unreachable", "policy.sigstore.dev"},
		{"Permission 'cloudkms.keyRings.create' denied on resource 'projects/p/locations/l' (or it may not exist).", "permission-denied", "cloudkms.keyRings.create"},
		{`Required "container.clusters.create" permission(s) for "projects/p".`, "permission-denied", "container.clusters.create"},
		{"Permission denied on 'locations/northamerica-northeast1-z' (or it may not exist).", "location-unknown", "project: northamerica-northeast1-z"},
		{"Location moon-east1 is not found or access is unauthorized.", "location-unknown", "project: moon-east1"},
		{"The request concerns location 'moon-east1' but was sent to location 'global'. (KMS_RESOURCE_NOT_FOUND_IN_LOCATION)", "location-unknown", "project: moon-east1"},
		{"the moon is in the wrong phase", "unknown", ""},
	} {
		p := problem.From(fmt.Errorf("do it: %w", status.Error(codes.Unknown, c.words)))
		if p.ID != c.id || !strings.Contains(p.What, c.in) {
			t.Errorf("%q: got %s %q, want %s with %q", c.words, p.ID, p.What, c.id, c.in)
		}
		if !strings.Contains(p.Words, c.words) {
			t.Errorf("%s lost the service's words: %q", c.id, p.Words)
		}
	}
}

// Some organisation policies are named only by the violation behind the message.
func TestConstraintBehindTheWords(t *testing.T) {
	s, err := status.New(codes.FailedPrecondition, "Key creation is not allowed on this service account.").WithDetails(
		&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{{Type: "constraints/iam.disableServiceAccountKeyCreation"}}})
	if err != nil {
		t.Fatal(err)
	}
	if p := problem.From(fmt.Errorf("do it: %w", s.Err())); p.ID != "org-policy" || !strings.Contains(p.What, "iam.disableServiceAccountKeyCreation") {
		t.Errorf("got %+v", p)
	}
}

func TestFromTyped(t *testing.T) {
	for id, err := range map[string]error{
		"state-damaged": &state.CorruptError{Path: "x"}, "state-newer": &state.NewerError{}, "setup-locked": &state.LockedError{},
		"other-world": &state.WorldError{}, "stopped": context.Canceled,
	} {
		if p := problem.From(fmt.Errorf("outer: %w", err)); p.ID != id || !errors.Is(p, err) {
			t.Errorf("%v: got %s", err, p.ID)
		}
	}
	if p := problem.From(fmt.Errorf("get key ring: %w", status.FromContextError(context.Canceled).Err())); p.ID != "stopped" {
		t.Errorf("gRPC's word for it: got %s", p.ID)
	}
	mine := problem.Raise("permissions-missing", nil)
	if problem.From(fmt.Errorf("step: %w", mine)) != mine {
		t.Error("a problem was explained twice")
	}
}

func TestCleanLeavesNoControl(t *testing.T) {
	got := problem.Clean("a\x1b[31mred\x07\u202eevil\u009b\nok\t")
	if got != "a[31mredevil\nok\t" {
		t.Errorf("got %q", got)
	}
}
