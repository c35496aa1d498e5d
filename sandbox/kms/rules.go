package kms

import (
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"

	"github.com/signgate/signgate/sandbox/iam"
)

// permissions are what each method that is served asks for ("cloudkms." goes before each).
func permissions() map[string]string {
	return map[string]string{
		"CreateKeyRing": "keyRings.create", "GetKeyRing": "keyRings.get", "ListKeyRings": "keyRings.list",
		"CreateCryptoKey": "cryptoKeys.create", "GetCryptoKey": "cryptoKeys.get", "ListCryptoKeys": "cryptoKeys.list",
		"UpdateCryptoKey": "cryptoKeys.update", "UpdateCryptoKeyPrimaryVersion": "cryptoKeys.update", "DeleteCryptoKey": "cryptoKeys.delete",
		"CreateCryptoKeyVersion": "cryptoKeyVersions.create", "GetCryptoKeyVersion": "cryptoKeyVersions.get", "ListCryptoKeyVersions": "cryptoKeyVersions.list",
		"UpdateCryptoKeyVersion": "cryptoKeyVersions.update", "DestroyCryptoKeyVersion": "cryptoKeyVersions.destroy",
		"RestoreCryptoKeyVersion": "cryptoKeyVersions.restore", "DeleteCryptoKeyVersion": "cryptoKeyVersions.delete",
		"GetPublicKey": "cryptoKeyVersions.viewPublicKey", "AsymmetricSign": "cryptoKeyVersions.useToSign",
		"AsymmetricDecrypt": "cryptoKeyVersions.useToDecrypt", "Encrypt": "cryptoKeyVersions.useToEncrypt", "Decrypt": "cryptoKeyVersions.useToDecrypt",
		"MacSign": "cryptoKeyVersions.useToSign", "MacVerify": "cryptoKeyVersions.useToVerify",
		"GenerateRandomBytes": "locations.generateRandomBytes",
		"ListImportJobs":      "importJobs.list", "GetImportJob": "importJobs.get", "CreateImportJob": "importJobs.create",
		"ImportCryptoKeyVersion": "cryptoKeyVersions.create", // and importJobs.useToImport on the job
		"GetRetiredResource":     "retiredResources.get", "ListRetiredResources": "retiredResources.list",
	}
}

// unservedPermissions are those of methods that the sandbox knows but does not serve.
func unservedPermissions() map[string]string {
	return map[string]string{
		"ImportTrustedKeyWrappedCryptoKeyVersion": "cryptoKeyVersions.trustedImportExport",
		"ExportTrustedKeyWrappedCryptoKeyVersion": "cryptoKeyVersions.trustedImportExport",
		"RawEncrypt": "cryptoKeyVersions.useToEncrypt", "RawDecrypt": "cryptoKeyVersions.useToDecrypt",
		"Decapsulate": "cryptoKeyVersions.useToDecapsulate",
	}
}

// rules say what each method asks of its caller.
func rules() []iam.Rule {
	const keys = "/google.cloud.kms.v1.KeyManagementService/"
	var all []iam.Rule
	add := func(method, permission string, unserved bool) {
		r := iam.Rule{Method: method, API: Host, Permission: "cloudkms." + permission, Changes: iam.Changing(method), Unserved: unserved}
		switch method {
		case keys + "UpdateCryptoKey":
			r.Resource = func(m proto.Message) string { return m.(*kmspb.UpdateCryptoKeyRequest).GetCryptoKey().GetName() }
		case keys + "UpdateCryptoKeyVersion":
			r.Resource = func(m proto.Message) string {
				return m.(*kmspb.UpdateCryptoKeyVersionRequest).GetCryptoKeyVersion().GetName()
			}
		case keys + "GenerateRandomBytes":
			r.Resource = func(m proto.Message) string { return iam.Field(m, "location") }
		}
		all = append(all, r)
	}
	for method, permission := range permissions() {
		add(keys+method, permission, false)
	}
	for method, permission := range unservedPermissions() {
		add(keys+method, permission, true)
	}
	const places = "/google.cloud.location.Locations/"
	add(places+"GetLocation", "locations.get", false)
	add(places+"ListLocations", "locations.list", false)
	const operations = "/google.longrunning.Operations/"
	add(operations+"GetOperation", "operations.get", false)
	all = append(all, iam.Unserved(&longrunningpb.Operations_ServiceDesc, all, Host, "cloudkms.operations.get", "cloudkms.cryptoKeys.update")...)
	for _, m := range iampb.IAMPolicy_ServiceDesc.Methods {
		r := iam.Rule{Method: "/google.iam.v1.IAMPolicy/" + m.MethodName, API: Host, None: "the permission depends on the kind of the resource", Changes: m.MethodName == "SetIamPolicy"}
		if m.MethodName == "TestIamPermissions" {
			r.None = "asks what the caller may do"
		}
		all = append(all, r)
	}
	return all
}

// policyPermission is what reading or writing a resource's policy asks for.
func policyPermission(resource, verb string) string {
	kind := "keyRings"
	for _, c := range []string{"cryptoKeys", "importJobs", "ekmConnections"} {
		if strings.Contains(resource, "/"+c+"/") {
			kind = c
		}
	}
	if strings.HasSuffix(resource, "/ekmConfig") {
		kind = "ekmConfigs"
	}
	return "cloudkms." + kind + "." + verb
}
