package iam

import (
	"fmt"
	"strings"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// adminRules are those of IAM v1 (google.iam.admin.v1.IAM).
func (k *IAM) adminRules() []Rule {
	const service, accounts, keys, roles = "/google.iam.admin.v1.IAM/", "iam.serviceAccounts.", "iam.serviceAccountKeys.", "iam.roles."
	rules := []Rule{
		{Method: service + "ListServiceAccounts", Permission: accounts + "list"},
		{Method: service + "GetServiceAccount", Permission: accounts + "get"},
		{Method: service + "CreateServiceAccount", Permission: accounts + "create", Changes: true},
		{Method: service + "UpdateServiceAccount", Permission: accounts + "update", Changes: true},
		{Method: service + "PatchServiceAccount", Permission: accounts + "update", Changes: true},
		{Method: service + "DeleteServiceAccount", Permission: accounts + "delete", Changes: true},
		{Method: service + "UndeleteServiceAccount", Permission: accounts + "undelete", Changes: true, Resource: k.tombstoneOf},
		{Method: service + "EnableServiceAccount", Permission: accounts + "enable", Changes: true},
		{Method: service + "DisableServiceAccount", Permission: accounts + "disable", Changes: true},
		{Method: service + "GetIamPolicy", Permission: accounts + "getIamPolicy"},
		{Method: service + "SetIamPolicy", Permission: accounts + "setIamPolicy", Changes: true},
		{Method: service + "TestIamPermissions", None: "says what the caller holds"},

		{Method: service + "ListServiceAccountKeys", Permission: keys + "list"},
		{Method: service + "GetServiceAccountKey", Permission: keys + "get"},
		{Method: service + "CreateServiceAccountKey", Permission: keys + "create", Changes: true},
		{Method: service + "UploadServiceAccountKey", Permission: keys + "create", Changes: true},
		{Method: service + "DeleteServiceAccountKey", Permission: keys + "delete", Changes: true},
		{Method: service + "DisableServiceAccountKey", Permission: keys + "disable", Changes: true},
		{Method: service + "EnableServiceAccountKey", Permission: keys + "enable", Changes: true},
		{Method: service + "SignBlob", Permission: accounts + "signBlob", Unserved: true},
		{Method: service + "SignJwt", Permission: accounts + "signJwt", Unserved: true},

		{Method: service + "ListRoles", None: "predefined roles are for everybody; the service checks a project's"},
		{Method: service + "GetRole", None: "predefined roles are for everybody; the service checks a project's"},
		{Method: service + "QueryGrantableRoles", None: "roles are for everybody"},
		{Method: service + "QueryTestablePermissions", None: "permissions are for everybody"},
		{Method: service + "QueryAuditableServices", None: "it asks for nothing that is anybody's", Unserved: true},
		{Method: service + "LintPolicy", None: "it looks at nothing but the request", Unserved: true},
		{Method: service + "CreateRole", Permission: roles + "create", Changes: true},
		{Method: service + "UpdateRole", Permission: roles + "update", Changes: true},
		{Method: service + "DeleteRole", Permission: roles + "delete", Changes: true},
		{Method: service + "UndeleteRole", Permission: roles + "undelete", Changes: true},
	}
	for i := range rules {
		rules[i].API, rules[i].Denied = Admin, accountDenied
	}
	return rules
}

// accountDenied is IAM's refusal: it does not say what was denied.
func accountDenied(permission, _ string) error {
	return Failure(codes.PermissionDenied, fmt.Sprintf("Permission '%s' denied on resource (or it may not exist).", permission),
		&errdetails.ErrorInfo{Reason: "IAM_PERMISSION_DENIED", Domain: Admin, Metadata: map[string]string{"permission": permission}})
}

// tombstoneOf is the name of a deleted account with its project: clients may give "-" for it.
func (k *IAM) tombstoneOf(m proto.Message) string {
	name := Target(m)
	_, id, _ := strings.Cut(name, "/serviceAccounts/")
	k.mu.RLock()
	defer k.mu.RUnlock()
	if a := k.state.Accounts[id]; a != nil {
		return "projects/" + a.Project + "/serviceAccounts/" + a.UniqueID
	}
	return name
}

// credentialsRules are those of IAM Service Account Credentials v1.
func credentialsRules() []Rule {
	const service, accounts = "/google.iam.credentials.v1.IAMCredentials/", "iam.serviceAccounts."
	rules := []Rule{
		{Method: service + "GenerateAccessToken", Permission: accounts + "getAccessToken", Changes: true},
		{Method: service + "GenerateIdToken", Permission: accounts + "getOpenIdToken", Changes: true, Unserved: true},
		{Method: service + "SignBlob", Permission: accounts + "signBlob", Unserved: true},
		{Method: service + "SignJwt", Permission: accounts + "signJwt", Unserved: true},
	}
	for i := range rules {
		rules[i].API, rules[i].Denied = Credentials, accountDenied
	}
	return rules
}

// proto is a service account as IAM shows it.
func (a ServiceAccount) proto() *adminpb.ServiceAccount {
	return &adminpb.ServiceAccount{
		Name: a.Name(), ProjectId: a.Project, UniqueId: a.UniqueID, Email: a.Email, DisplayName: a.DisplayName,
		Etag: (&policy{Serial: a.Serial}).etag(), Description: a.Description, Oauth2ClientId: a.ClientID, Disabled: a.Disabled,
	}
}
