package problem_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signgate/signgate/internal/problem"
)

const (
	refused = `admission webhook "policy.sigstore.dev" denied the request: validation failed: `
	image   = "northamerica-northeast1-docker.pkg.dev/acme-demo/containers/nginx@sha256:0bcd60beb93f4427c29cf3a669743caf58490e98ded4380c33c09f092734a6ab"
	unmet   = refused + "failed policy: private-signed-images-cip: spec.template.spec.containers[0].image\n" + image + " signature key validation failed for authority authority-0 for " + image + ": "
)

// Every text that is known to come from Google, Kubernetes, policy-controller, cosign or Helm on
// this way, as their documentation, sources and issue threads have it: where it comes from, its
// words, and the id that explains it.
func TestEveryKnownTextIsRecognised(t *testing.T) {
	for where, rows := range map[string][][2]string{
		"sign-in": {
			{"credentials: could not find default credentials. See https://cloud.google.com/docs/authentication/external/set-up-adc for more information", "credentials-missing"},
			{"google: could not find default credentials. See https://cloud.google.com/docs/authentication/external/set-up-adc for more information", "credentials-missing"},
			{`auth: "invalid_grant" "reauth related error (invalid_rapt)" "https://support.google.com/a/answer/9368756"`, "credentials-expired"},
			{`oauth2: "invalid_grant" "reauth related error (invalid_rapt)" "https://support.google.com/a/answer/9368756"`, "credentials-expired"},
			{`transport: per-RPC creds failed due to error: auth: "invalid_grant" "reauth related error (rapt_required)" "https://support.google.com/a/answer/9368756"`, "credentials-expired"},
			{`auth: "invalid_grant" "Token has been expired or revoked."`, "credentials-revoked"},
			{"Your application is authenticating by using local Application Default Credentials. The cloudkms.googleapis.com API requires a quota project, which is not set by default. To learn how to set your quota project, see https://cloud.google.com/docs/authentication/adc-troubleshooting/user-creds .", "quota-project-missing"},
			{"Caller does not have required permission to use project acme-demo. Grant the caller the roles/serviceusage.serviceUsageConsumer role, or a custom role with the serviceusage.services.use permission", "quota-project-denied"},
			{"Request had insufficient authentication scopes.", "scopes-insufficient"},
		},
		"projects": {
			{"Permission 'resourcemanager.projects.get' denied on resource '//cloudresourcemanager.googleapis.com/projects/acme-demo' (or it may not exist).", "project-not-found"},
			{"Permission denied on resource project acme-demo.", "project-not-found"},
			{"The caller does not have permission", "permission-denied"},
		},
		"APIs": {
			{"Cloud Key Management Service (KMS) API has not been used in project 42 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/cloudkms.googleapis.com/overview?project=42 then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.", "api-not-enabled"},
			{"googleapi: Error 403: Access Not Configured, accessNotConfigured", "api-not-enabled"},
			{"Permission denied to enable service [cloudkms.googleapis.com]\nHelp Token: AXyz", "api-enable-denied"},
			{"Permission denied to list services for consumer container [projects/42]", "permission-denied"},
			{"Billing account for project '42' is not found. Billing must be enabled for activation of service(s) 'container.googleapis.com,compute.googleapis.com' to proceed.", "billing-missing"},
			{"Another activation or deactivation is in progress for the following container(s): projects/42", "api-busy"},
			{"An internal error occurred (160009)", "api-busy"},
		},
		"Cloud KMS": {
			{"projects/p/locations/l/keyRings/cosign/cryptoKeys/cosign/cryptoKeyVersions/1 is not enabled, current state is: PENDING_GENERATION.", "key-not-enabled"},
			{"projects/p/locations/l/keyRings/cosign/cryptoKeys/cosign/cryptoKeyVersions/1 is not enabled, current state is: DISABLED.", "key-not-enabled"},
			{"Permission 'cloudkms.cryptoKeys.get' denied on resource 'projects/p/locations/l/keyRings/cosign/cryptoKeys/cosign' (or it may not exist).", "permission-denied"},
			{"KeyRing projects/p/locations/l/keyRings/cosign not found.", "not-found"},
			{"KeyRing projects/p/locations/l/keyRings/cosign already exists.", "already-exists"},
			{"Constraint constraints/cloudkms.disableBeforeDestroy violated for projects/p", "org-policy-destroy"},
			{"Constraint constraints/cloudkms.minimumDestroyScheduledDuration violated for projects/p", "org-policy-destroy"},
		},
		"Artifact Registry": {
			{"NAME_INVALID: Missing image name. Pushes should be of the form docker push HOST-NAME/PROJECT-ID/REPOSITORY/IMAGE", "image-name"},
			{"Permission 'artifactregistry.repositories.create' denied on resource '//artifactregistry.googleapis.com/projects/p/locations/l' (or it may not exist).", "permission-denied"},
			{"the repository already exists", "already-exists"},
			{`denied: Permission "artifactregistry.repositories.uploadArtifacts" denied on resource "projects/p/locations/l/repositories/r" (or it may not exist)`, "registry-denied"},
			{"Unauthenticated request. Unauthenticated requests do not have permission \"artifactregistry.repositories.downloadArtifacts\" on resource \"projects/p/locations/l/repositories/r\" (or it may not exist)", "registry-unauthenticated"},
			{"manifest invalid: cannot update tag sha256-0bcd.sig. The repository has enabled tag immutability", "tags-immutable"},
		},
		"IAM": {
			{"Service account cluster-sa already exists within project projects/p.", "already-exists"},
			{"Permission 'iam.serviceAccounts.create' denied on resource (or it may not exist).", "permission-denied"},
			{"Service account cluster-sa@p.iam.gserviceaccount.com does not exist.", "account-not-visible"},
			{"There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.", "policy-conflict"},
			{"Policy update access denied.", "policy-update-denied"},
		},
		"Kubernetes Engine": {
			{`Required "container.clusters.create" permission(s) for "projects/p".`, "permission-denied"},
			{`The user does not have access to service account "sa@p.iam.gserviceaccount.com". Ask a project owner to grant you the iam.serviceAccountUser role on the service account.`, "act-as-denied"},
			{`Service account "sa@p.iam.gserviceaccount.com" does not exist.`, "account-not-visible"},
			{"Already exists: projects/p/zones/z/clusters/c.", "already-exists"},
			{"Not found: projects/p/zones/z/clusters/c.", "not-found"},
			{"Cluster is running incompatible operation operation-1700000000000-aaaaaaaa.", "cluster-busy"},
			{"Operation operation-1700000000000-aaaaaaaa is currently creating cluster c. Please wait and try again once it is done.", "cluster-busy"},
			{`Project "p" has no network named "default".`, "network-missing"},
			{`network "default" does not exist.`, "network-missing"},
			{`Network "default" has no route to the default internet gateway.`, "network-missing"},
			{`Insufficient regional quota to satisfy request: resource "SSD_TOTAL_GB": request requires '900.0' and is short '400.0'. project has a quota of '500.0' with '500.0' available. View and manage quotas at https://console.cloud.google.com/iam-admin/quotas`, "quota-exceeded"},
			{`(1) Insufficient regional quota to satisfy request: resource "CPUS": request requires '18.0' and is short '10.0'. (2) Insufficient regional quota to satisfy request: resource "IN_USE_ADDRESSES": request requires '9.0' and is short '1.0'.`, "quota-exceeded"},
			{`Insufficient project quota to satisfy request: resource "CPUS_ALL_REGIONS": request requires '18.0' and is short '6.0'.`, "quota-exceeded"},
			{"Instance 'gke-c-default-pool-1' creation failed: Quota 'IN_USE_ADDRESSES' exceeded. Limit: 8.0 in region r. [GCE_QUOTA_EXCEEDED]", "quota-exceeded"},
			{"Instance 'gke-c-default-pool-1' creation failed: The zone 'projects/p/zones/z' does not have enough resources available to fulfill the request. [GCE_STOCKOUT]", "stockout"},
			{"Instance 'gke-c-default-pool-1' creation failed: Constraint constraints/compute.vmExternalIpAccess violated for project 42. [CONDITION_NOT_MET]", "org-policy-addresses"},
			{"NODE_SERVICE_ACCOUNT_MISSING_PERMISSIONS", "node-account-permissions"},
			{`create cluster "c": operation projects/p/locations/l/operations/operation-1 has not come to its end within 1h30m0s`, "not-done-yet"}, // signgate's own
		},
		"this machine": {
			{`save setup "acme-demo": write /home/ann/.config/signgate/setups/acme-demo/.state.json123: no space left on device`, "disk-full"},
			{"state folder: mkdir /home/ann/.config/signgate: no space left on device", "disk-full"},
			{"dial tcp: lookup cloudkms.googleapis.com on 127.0.0.53:53: server misbehaving", "unreachable"},
		},
		"organisation policies": {
			{"violation of constraints/iam.disableServiceAccountCreation", "org-policy-accounts"},
			{"violation of constraints/iam.allowedPolicyMemberDomains", "org-policy-members"},
			{"violation of constraints/iam.automaticIamGrantsForDefaultServiceAccounts", "org-policy"},
			{"violation of constraints/gcp.resourceLocations", "org-policy-location"},
			{"violation of constraints/gcp.restrictServiceUsage", "org-policy-service"},
			{"violation of constraints/gcp.restrictNonCmekServices", "org-policy-cmek"},
			{"violation of constraints/compute.skipDefaultNetworkCreation", "org-policy"},
		},
		"places": { // terraform-provider-google's tests, gcloud's users, and google.api.ErrorReason
			{"Permission denied on 'locations/wonderland' (or it may not exist).", "location-unknown"},
			{"Location us-east1-d is not found or access is unauthorized.", "location-unknown"},
			{"The request concerns location 'moon-east1' but was sent to location 'global'. Either Cloud KMS is not available in 'moon-east1' or the request was misrouted.", "location-unknown"},
			{"Permission 'artifactregistry.locations.get' denied on resource '//artifactregistry.googleapis.com/projects/p/locations/us-east1' (or it may not exist).", "permission-denied"},
			{"Permission 'cloudkms.locations.get' denied on resource 'projects/p/locations/us-east1' (or it may not exist).", "permission-denied"},
		},
		"Helm": {
			{"cannot re-use a name that is still in use", "helm-pending"},
			{"another operation (install/upgrade/rollback) is in progress", "helm-pending"},
		},
		"cosign": {
			{"--tlog-upload=false is not supported with --signing-config or --use-signing-config", "cosign-flags"},
			{`"northamerica-northeast1-docker.pkg.dev/p/containers/nginx" appears to be a private repository, please confirm uploading to the transparency log at "https://rekor.sigstore.dev"`, "cosign-public-log"},
		},
		"policy-controller": {
			{"when using the new bundle format, the authority must be keyless: spec.authorities[0].signatureFormat", "policy-bundle-format"},
			{`Internal error occurred: failed calling webhook "policy.sigstore.dev": failed to call webhook: Post "https://webhook.cosign-system.svc:443/validations?timeout=10s": context deadline exceeded`, "webhook-unreachable"},
			{refused + "no matching policies: spec.template.spec.containers[0].image\nindex.docker.io/library/nginx@sha256:59f6", "no-policy"},
			{unmet + "no signatures found", "unsigned"}, // and so what is signed only in cosign 3's bundle format
			{unmet + "no matching signatures: invalid signature when validating ASN.1 encoded signature", "wrong-key"},
			{unmet + `GET https://northamerica-northeast1-docker.pkg.dev/v2/acme-demo/containers/nginx/manifests/sha256-0bcd.sig: DENIED: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/acme-demo/locations/l/repositories/containers" (or it may not exist)`, "registry-denied"},
			{refused + "invalid value: northamerica-northeast1-docker.pkg.dev/acme-demo/containers/nginx:v1 must be an image digest: spec.template.spec.containers[0].image", "unresolved"},
			{"rpc error: code = PermissionDenied desc = Permission 'cloudkms.cryptoKeys.get' denied on resource 'projects/p/locations/l/keyRings/k/cryptoKeys/c' (or it may not exist).", "permission-denied"},
			{`Version check failed: kubernetes version "1.30.0" is not compatible, need at least "1.31.0-0" (this can be overridden with the env var "KUBERNETES_MIN_VERSION")`, "kubernetes-version"},
			{"rpc error: code = NotFound desc = CryptoKeyVersion projects/p/locations/l/keyRings/k/cryptoKeys/c/cryptoKeyVersions/9 not found.", "key-version-missing"},
			{"kms specification should be in the format gcpkms://projects/[PROJECT_ID]/locations/[LOCATION]/keyRings/[KEY_RING]/cryptoKeys/[KEY]/cryptoKeyVersions/[VERSION]", "kms-reference"},
		},
		"nobody known": {
			{"the moon is in the wrong phase", "unknown"},
		},
	} {
		t.Run(where, func(t *testing.T) {
			for _, row := range rows {
				words, id := row[0], row[1]
				for how, err := range map[string]error{
					"plain":  errors.New(words),
					"gRPC":   fmt.Errorf("do it: %w", status.Error(codes.Unknown, words)),
					"in two": fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", errors.New(words))),
				} {
					p := problem.From(err)
					if p.ID != id {
						t.Errorf("%s, %q: explained as %s, want %s", how, words, p.ID, id)
					}
					if !strings.Contains(p.Words, words) {
						t.Errorf("%s: %s lost the service's words: %q", how, id, p.Words)
					}
					if strings.Contains(p.What+p.Why+p.Fix, "${") {
						t.Errorf("%s has holes: %q %q %q", id, p.What, p.Why, p.Fix)
					}
				}
			}
		})
	}
}

// A quota that is short of several things names them all, in each of the forms that it has.
func TestEachResourceIsNamed(t *testing.T) {
	for _, words := range []string{
		"Insufficient regional quota to satisfy request: (1) resource \"CPUS\": request requires '18.0' and is short '10.0'. (2) resource \"SSD_TOTAL_GB\": request requires '900.0' and is short '400.0'.",
		"\n\t(1) insufficient regional quota to satisfy request: resource \"CPUS\": request requires '18.0' and is short '10.0'.\n\t(2) insufficient regional quota to satisfy request: resource \"SSD_TOTAL_GB\": request requires '900.0' and is short '400.0'.",
	} {
		if p := problem.From(fmt.Errorf("create cluster: %w", status.Error(codes.PermissionDenied, words))); p.ID != "quota-exceeded" || !strings.HasSuffix(p.What, ": CPUS, SSD_TOTAL_GB") {
			t.Errorf("%q: %s %q", words, p.ID, p.What)
		}
	}
}

// Where nobody knows the words, the code tells: of an error as it came, as of one that was wrapped.
func TestCodesAreRecognised(t *testing.T) {
	for code, id := range map[codes.Code]string{
		codes.PermissionDenied: "permission-denied", codes.Unauthenticated: "not-signed-in", codes.AlreadyExists: "already-exists", codes.NotFound: "not-found",
		codes.ResourceExhausted: "rate-limited", codes.Aborted: "aborted", codes.Internal: "service-internal", codes.Unavailable: "unreachable",
		codes.DeadlineExceeded: "timeout", codes.InvalidArgument: "unknown", codes.Unknown: "unknown",
	} {
		bare := status.Error(code, "the moon is in the wrong phase")
		for _, err := range []error{bare, fmt.Errorf("do it: %w", bare)} {
			p := problem.From(err)
			if p.ID != id || !strings.Contains(p.Words, "the wrong phase") || !errors.Is(p, bare) {
				t.Errorf("%v: %s in %q, want %s", err, p.ID, p.Words, id)
			}
			if strings.Contains(p.What+p.Why+p.Fix, "${") || strings.HasSuffix(p.What, ":") {
				t.Errorf("%s has holes: %q %q %q", id, p.What, p.Why, p.Fix)
			}
		}
	}
	if p := problem.From(status.Error(codes.PermissionDenied, "Cloud Key Management Service (KMS) API has not been used in project 42 before or it is disabled.")); p.ID != "api-not-enabled" {
		t.Errorf("known words come first: %s", p.ID)
	}
}

// Where the words say little, Google's machine-readable reason tells.
func TestReasonsAreRecognised(t *testing.T) {
	for reason, id := range map[string]string{
		"SERVICE_DISABLED": "api-not-enabled", "CONSUMER_INVALID": "project-not-found", "USER_PROJECT_DENIED": "quota-project-denied",
		"UREQ_PROJECT_BILLING_NOT_FOUND": "billing-missing", "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "scopes-insufficient", "IAM_PERMISSION_DENIED": "permission-denied",
		"KMS_RESOURCE_NOT_FOUND_IN_LOCATION": "location-unknown", "LOCATION_POLICY_VIOLATED": "location-unknown",
		"AUTH_PERMISSION_DENIED": "permission-denied",
	} {
		s, err := status.New(codes.PermissionDenied, "no").WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "googleapis.com"})
		if err != nil {
			t.Fatal(err)
		}
		if p := problem.From(fmt.Errorf("do it: %w", s.Err())); p.ID != id {
			t.Errorf("%s: explained as %s (%q), want %s", reason, p.ID, p.Words, id)
		}
	}
}

// What a service says can move no cursor, set no title, hide no text and turn no line round.
func TestWordsAreFitForATerminal(t *testing.T) {
	for what, c := range map[string]struct{ in, out string }{
		"colour":                   {"\x1b[31mred\x1b[0m", "[31mred[0m"},
		"clear the screen":         {"before\x1b[2J\x1b[Hafter", "before[2J[Hafter"},
		"window title (OSC)":       {"\x1b]0;owned\x07here", "]0;ownedhere"},
		"clipboard (OSC 52)":       {"\x1b]52;c;ZXZpbA==\x1b\\here", "]52;c;ZXZpbA==\\here"},
		"a link (OSC 8)":           {"\x1b]8;;https://evil.example\x1b\\text\x1b]8;;\x1b\\", "]8;;https://evil.example\\text]8;;\\"},
		"device control (DCS)":     {"\x1bPq#0\x1b\\x", "Pq#0\\x"},
		"in eight bits (C1)":       {"\u009b31mred\u009d0;t\u009c", "31mred0;t"},
		"backspaces and bells":     {"safe\b\b\b\bevil\a", "safeevil"},
		"carriage return":          {"real line\rfake", "real linefake"},
		"right to left (bidi)":     {"image\u202egpj.exe\u202c", "imagegpj.exe"},
		"isolates (bidi)":          {"\u2066a\u2067b\u2068c\u2069\u200e\u200f", "abc"},
		"other ends of a line":     {"a\u2028b\u2029c\u0085d", "abcd"},
		"delete and null":          {"a\x7f\x00b", "ab"},
		"what is no text":          {"a\xff\xfeb", "ab"},
		"new lines and tabs stay":  {"a\n\tb", "a\n\tb"},
		"other alphabets do, too":  {"clé, ключ, 鍵, مفتاح", "clé, ключ, 鍵, مفتاح"},
		"and so do combined signs": {"e\u0301 👩‍💻", "e\u0301 👩‍💻"},
	} {
		if got := problem.Clean(c.in); got != c.out {
			t.Errorf("%s: %q became %q, want %q", what, c.in, got, c.out)
		}
		p := problem.From(fmt.Errorf("do it: %w", status.Error(codes.Unknown, "unheard of: "+c.in)))
		if p.ID != "unknown" || !strings.Contains(p.Words, strings.TrimSpace(c.out)) || strings.ContainsAny(p.Words+p.Error(), "\x1b\x07\u009b\u202e\r") {
			t.Errorf("%s: unknown words came as %q (%s)", what, p.Words, p.ID)
		}
	}
}
