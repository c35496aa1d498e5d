package problem

// Entry is one kind of failure that signgate knows. Pattern is matched against
// the service's words; ${name} in What, Why and Fix stands for its groups.
type Entry struct {
	ID      string
	Pattern string // empty: raised by signgate itself, never recognised from words
	What    string
	Why     string
	Fix     string
}

// Catalogue lists every kind of failure. The first pattern that matches wins, so
// the particular stands before the general. Words are those of the services, as
// their documentation, client libraries and public issue threads quote them.
func Catalogue() []Entry {
	return []Entry{
		// Sign-in.
		{"credentials-missing", `could not find default credentials`,
			"no Google credentials were found",
			"signgate signs in with application default credentials, and there are none on this machine",
			"gcloud auth application-default login"},
		{"credentials-expired", `invalid_rapt|rapt_required|reauth related error`,
			"your sign-in has expired",
			"your organisation asks for a new sign-in after a while (session control)",
			"gcloud auth application-default login, then run signgate again: it goes on where it was"},
		{"credentials-revoked", `invalid_grant|Token has been expired or revoked`,
			"Google no longer accepts your sign-in",
			"the refresh token was revoked, has expired or belongs to a deleted account",
			"gcloud auth application-default login, then run signgate again"},
		{"credentials-unreadable", `credentials: .*(parse|unmarshal|unsupported|invalid|no such file|is a directory)|error parsing credentials`,
			"the credentials file cannot be used",
			"it is missing, damaged or of a kind that the client library does not know",
			"check GOOGLE_APPLICATION_CREDENTIALS, or unset it and run: gcloud auth application-default login"},
		{"quota-project-missing", `requires a quota project`,
			"your credentials name no quota project",
			"user credentials have no project of their own to count calls against",
			"gcloud auth application-default set-quota-project PROJECT"},
		{"quota-project-denied", `does not have required permission to use project (?P<project>[^\s.]+)`,
			"calls cannot be counted against project ${project}",
			"the account lacks serviceusage.services.use there",
			"ask for roles/serviceusage.serviceUsageConsumer on ${project}"},
		{"scopes-insufficient", `insufficient authentication scopes|ACCESS_TOKEN_SCOPE_INSUFFICIENT`,
			"the access token's scopes do not cover this service",
			"a virtual machine's token carries only the scopes its node pool was made with; roles do not help",
			"make a node pool with the scope https://www.googleapis.com/auth/cloudkms; the scopes of an existing pool cannot change"},
		{"not-signed-in", `Request (is missing required|had invalid) authentication credential`,
			"Google does not know who is calling",
			"the request carried no valid access token",
			"gcloud auth application-default login"},

		// Project, billing, APIs.
		{"billing-missing", `UREQ_PROJECT_BILLING_NOT_FOUND|Billing must be enabled|Billing account for project|billing (is )?(not enabled|disabled)`,
			"the project has no billing account",
			"the APIs of this setup are switched on only in projects that can be billed",
			"gcloud billing projects link PROJECT --billing-account=ACCOUNT"},
		{"api-enable-denied", `Permission denied to enable service \[?(?P<service>[^\]\s]*)`,
			"you may not switch on ${service}",
			"the account lacks serviceusage.services.enable in the project",
			"ask an owner to run: gcloud services enable ${service}"},
		{"api-not-enabled", `(?P<service>[\w ]*API)? ?has not been used in project (?P<project>\S+) before or it is disabled|SERVICE_DISABLED`,
			"an API that this needs is not switched on",
			"it was never enabled in the project, or so recently that Google has not spread the word yet",
			"wait a minute and run again; if it stays: gcloud services enable cloudkms.googleapis.com artifactregistry.googleapis.com container.googleapis.com iam.googleapis.com cloudresourcemanager.googleapis.com"},
		{"api-busy", `Another activation or deactivation is in progress|160009`,
			"another change of the project's APIs is under way", "Service Usage does one at a time", "wait a minute and run again"},
		{"project-deleting", `(?i)project .*(DELETE_REQUESTED|pending deletion|marked for deletion|has been deleted)`,
			"the project is being deleted", "somebody asked for its deletion; it can be restored for 30 days",
			"gcloud projects undelete PROJECT, or choose another project"},
		{"project-not-found", `CONSUMER_INVALID|resourcemanager\.projects\.get' denied|Permission denied on resource project (?P<project>[^\s.]+)`,
			"the project does not exist, or you may not see it",
			"Google answers both with the same words",
			"check the id (gcloud projects list) and the account (gcloud auth list)"},
		{"org-policy", `constraints/(?P<constraint>[\w.]+)`,
			"an organisation policy forbids this: ${constraint}",
			"your organisation restricts what its projects may do",
			"ask the organisation's policy administrator about constraints/${constraint}, or use another project"},

		// IAM.
		{"policy-conflict", `concurrent policy changes`,
			"somebody else changed the access policy at the same moment", "policies are read, changed and written as a whole", "run again"},
		{"account-not-visible", `[Ss]ervice account "?(?P<account>[^"\s]+)"? does not exist`,
			"the service account ${account} is not there, or not yet visible",
			"a new account takes up to a minute to be known everywhere", "run again in a minute"},
		{"act-as-denied", `does not have access to service account "?(?P<account>[^"\s]+)"?`,
			"you may not let machines run as ${account}",
			"making a node pool with an account needs iam.serviceAccounts.actAs on it",
			"ask an owner for roles/iam.serviceAccountUser on ${account}"},
		{"policy-update-denied", `Policy update access denied`,
			"you may not change this access policy", "it needs setIamPolicy, which the Editor role does not include",
			"ask an owner for roles/resourcemanager.projectIamAdmin"},

		// Kubernetes Engine.
		{"quota-exceeded", `Insufficient (?:regional|project)? ?quota to satisfy request: resource "(?P<resource>[^"]+)"|Quota '(?P<quota>[^']+)' exceeded|GCE_QUOTA_EXCEEDED`,
			"the project's quota does not suffice: ${resource}${quota}",
			"new projects have small quotas; the guide's nine nodes need more than most of them",
			"choose the zonal shape with one node, or raise the quota in the console (IAM & Admin, Quotas)"},
		{"stockout", `GCE_STOCKOUT|does not have enough resources available`,
			"the zone has no machines of this type left", "Google's capacity there is used up for the moment", "choose another zone or machine type"},
		{"network-missing", `has no network named|network "[^"]+" does not exist`,
			"the project has no network for the cluster", "the default network was deleted, or an organisation policy skips it",
			"gcloud compute networks create default --subnet-mode=auto"},
		{"cluster-busy", `running incompatible operation|is currently (creating|deleting|upgrading|updating) cluster`,
			"the cluster is busy with another operation", "Kubernetes Engine does one operation on a cluster at a time", "wait until it is done and run again"},

		// KMS.
		{"key-not-enabled", `is not enabled, current state is: (?P<state>\w+)`,
			"the key version cannot be used: it is ${state}",
			"only an enabled version signs, and shows its public key",
			"gcloud kms keys versions enable (or restore, then enable) the version, or let signgate make a new one: signgate rotate"},
		{"key-version-missing", `CryptoKeyVersion \S+ not found`,
			"the key version does not exist", "it was destroyed and deleted, or the policy names another one", "signgate apply"},
		{"kms-reference", `kms specification should be in the format`,
			"the policy's key reference is malformed", "it must name project, location, key ring, key and version", "signgate apply --overwrite-changes"},

		// Registries.
		{"registry-denied", `Permission "(?P<permission>artifactregistry[\w.]+)" denied on resource "(?P<resource>[^"]+)"`,
			"the registry refuses: ${permission}", "the account lacks it on the repository, or the repository does not exist",
			"grant roles/artifactregistry.reader (to pull) or roles/artifactregistry.writer (to push) on ${resource}"},
		{"registry-unauthenticated", `Unauthenticated request\. Unauthenticated requests do not have permission`,
			"the registry was asked without a sign-in", "Artifact Registry shows nothing to strangers",
			"gcloud auth application-default login, then run signgate again"},
		{"tags-immutable", `(?i)(tag.*immutab|immutab.*tag)`,
			"the repository does not let tags be moved", "a second signature of an image moves the tag sha256-….sig, which immutable tags forbid",
			"allow it (gcloud artifacts repositories update REPOSITORY --no-immutable-tags), or choose another repository or a suffix (--suffix)"},
		{"image-platform", `no child with platform (?P<platform>[^\s,]+)`,
			"the image is not made for ${platform}", "the cluster's machines run nothing else", "choose another image, or another machine type (--machine-type)"},
		{"image-not-found", `MANIFEST_UNKNOWN|NAME_UNKNOWN|manifest unknown|repository does not exist|UNAUTHORIZED: authentication required|DENIED: requested access to the resource is denied`,
			"the image does not exist", "the registry knows no such repository, tag or digest (Docker Hub also says so of private ones)",
			"check the reference: docker.io/library/nginx, a tag or a digest after it"},
		{"registry-rate-limit", `TOOMANYREQUESTS|toomanyrequests|pull rate limit`,
			"the registry answers too many requests", "Docker Hub limits anonymous pulls by address", "wait, or name a copy of the image in another registry"},
		{"image-name", `NAME_INVALID|Missing image name`,
			"the image's name is not one Artifact Registry can hold", "it wants REGION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE", "give the image a name after the repository"},

		// The cluster.
		{"helm-pending", `another operation \(install/upgrade/rollback\) is in progress|cannot re-use a name that is still in use`,
			"a Helm release of that name is there, unfinished or someone else's",
			"a run that was cut off leaves the release pending; signgate recovers only its own",
			"helm list -a -n cosign-system; if nobody works on it: helm uninstall policy-controller -n cosign-system"},
		{"webhook-unreachable", `failed calling webhook "(?P<webhook>[^"]+)"`,
			"the cluster cannot reach the admission webhook ${webhook}",
			"its pod is not running, or a firewall keeps the control plane from the nodes' port 8443",
			"kubectl -n cosign-system get pods; on a private cluster allow tcp:8443 from the control plane to the nodes"},
		{"kubernetes-forbidden", `is forbidden: User "(?P<user>[^"]*)" cannot (?P<act>.+)`,
			"the cluster does not let you: ${act}", "Helm's roles and webhooks need roles/container.admin",
			"ask for roles/container.admin in the project"},

		// General words of Google APIs.
		{"permission-denied", `Permission '(?P<permission>[\w.]+)' denied|Required "(?P<required>[\w.]+)" permission|PERMISSION_DENIED|PermissionDenied|does not have permission`,
			"you lack a permission: ${permission}${required}", "no role of the account includes it here",
			"ask an owner for a role that does; signgate doctor lists everything this setup needs"},
		{"already-exists", `[Aa]lready ?[Ee]xists`,
			"something of that name is there already", "signgate uses what it made itself and never takes over what it did not",
			"choose another name or a suffix (--suffix), or remove the other one"},
		{"rate-limited", `RESOURCE_EXHAUSTED|ResourceExhausted|rateLimitExceeded|Quota exceeded for quota metric`,
			"Google asks to call more slowly", "a rate quota is used up for the moment", "wait a minute and run again"},
		{"not-found", `(?i)not ?found`,
			"something that should be there is not", "it was removed, or never made", "signgate status shows what is missing, signgate apply repairs it"},
		{"unreachable", `(?i)connection refused|no such host|i/o timeout|connection reset|network is unreachable|code = Unavailable|proxyconnect|TLS handshake|x509:`,
			"a service cannot be reached", "the network, a proxy or a firewall is in the way",
			"check the connection (and HTTPS_PROXY), then run again: signgate goes on where it was"},
		{"timeout", `context deadline exceeded|DeadlineExceeded|timed out`,
			"it took too long", "a service answered too late", "run again: signgate goes on where it was"},

		// Raised by signgate itself.
		{ID: "permissions-missing", What: "permissions are missing", Why: "the account that is signed in may not do everything this setup needs; nothing was changed",
			Fix: "ask an owner for the roles named above, or sign in as somebody else"},
		{ID: "state-damaged", What: "the setup's record is damaged", Why: "the file is not as signgate wrote it", Fix: "restore it from a backup, or move it away: what carries labels is recognised again"},
		{ID: "state-newer", What: "a later signgate wrote this record", Why: "its format may hold what this one would lose", Fix: "use the newer signgate"},
		{ID: "setup-locked", What: "another signgate works on this setup", Why: "two at once would undo each other", Fix: "wait for it, or look on: signgate status"},
		{ID: "other-world", What: "this setup belongs to another cloud", Why: "the sandbox and each Google Cloud project keep their own records", Fix: "leave out or add --sandbox, or give the setup another name: --setup NAME"},
		{ID: "changed-by-hand", What: "someone changed this by hand", Why: "signgate never silently reverts a person", Fix: "look at the difference; to have it as recorded: signgate apply --overwrite-changes"},
		{ID: "key-differs", What: "the key is of another kind", Why: "purpose and algorithm of a key cannot be changed", Fix: "choose another key name or a suffix (--suffix)"},
		{ID: "key-without-version", What: "the key has no version that is enabled", Why: "signgate adds no version to a key that it did not make",
			Fix: "enable one (gcloud kms keys versions enable), or choose another key name or a suffix (--suffix)"},
		{ID: "key-version-lost", What: "the key version that signs is gone", Why: "it was destroyed; what it signed can still be checked with cosign.pub, but nothing more can be signed with it",
			Fix: "signgate rotate makes a new version; or start over: signgate destroy, signgate apply"},
		{ID: "public-key-differs", What: "cosign.pub holds another key", Why: "signgate never writes over a file that differs", Fix: "move the file away and run again"},
		{ID: "repository-differs", What: "the repository is of another kind", Why: "format and mode of a repository cannot be changed", Fix: "choose another repository name or a suffix (--suffix)"},
		{ID: "image-tag-taken", What: "the image's tag is on another image already", Why: "signgate never moves a tag that it did not set", Fix: "name the image by another tag (--image nginx:1.29), or choose another repository or a suffix (--suffix)"},
		{ID: "cluster-foreign", What: "the cluster is not from this setup", Why: "signgate never touches a cluster that it did not make", Fix: "choose another cluster name or a suffix (--suffix)"},
		{ID: "cluster-failed", What: "the cluster has failed", Why: "Kubernetes Engine reports an error; its own words stand above",
			Fix: "look at it in the console; signgate destroy takes it away, signgate apply makes a new one"},
		{ID: "cluster-differs", What: "the cluster's nodes are not as they were made", Why: "account and scopes of a node pool cannot be changed",
			Fix: "delete the node pool that was added, or start over: signgate destroy, signgate apply"},
		{ID: "sandbox-down", What: "the sandbox is not up", Fix: "signgate sandbox up"},
		{ID: "sandbox-folder", What: "the sandbox's folder cannot be used", Why: "its state is kept there, readable by its user alone",
			Fix: "make it writable, or name another: --state-dir FOLDER"},
		{ID: "sandbox-failed", What: "the sandbox did not start", Fix: "signgate sandbox logs sandbox shows its log"},
		{ID: "sandbox-incomplete", What: "programs of the sandbox are missing", Why: "clusters are made of programs that are built with signgate and lie beside it",
			Fix: "make build, in a checkout of signgate; or SIGNGATE_BIN=FOLDER where they are elsewhere"},
		{ID: "answer-invalid", What: "an answer does not fit its rule", Fix: "correct the answers named above"},
		{ID: "stopped", What: "the run was stopped", Why: "nothing is lost: what was made is on record", Fix: "signgate apply goes on where it was"},
		{ID: "unknown", What: "something failed that signgate does not know", Fix: "the service's own words above are all there is; signgate apply goes on where it was"},
	}
}

// Explain returns the entry of an id.
func Explain(id string) (Entry, bool) {
	for _, e := range Catalogue() {
		if e.ID == id {
			return e, true
		}
	}
	return Entry{}, false
}
