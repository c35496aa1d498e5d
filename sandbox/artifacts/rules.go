package artifacts

import (
	"strings"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/signgate/signgate/sandbox/iam"
)

// served are the methods that work, by the permission that they take.
func served() map[string]string {
	return map[string]string{
		"CreateRepository": "repositories.create", "GetRepository": "repositories.get", "ListRepositories": "repositories.list",
		"UpdateRepository": "repositories.update", "DeleteRepository": "repositories.delete",
		"GetIamPolicy": "repositories.getIamPolicy", "SetIamPolicy": "repositories.setIamPolicy",
		"ListDockerImages": "dockerimages.list", "GetDockerImage": "dockerimages.get",
		"ListPackages": "packages.list", "GetPackage": "packages.get", "DeletePackage": "packages.delete",
		"ListVersions": "versions.list", "GetVersion": "versions.get", "DeleteVersion": "versions.delete", "BatchDeleteVersions": "versions.delete",
		"ListTags": "tags.list", "GetTag": "tags.get", "CreateTag": "tags.create", "UpdateTag": "tags.update", "DeleteTag": "tags.delete",
		"ListFiles": "files.list", "GetFile": "files.get",
	}
}

// unserved are the others.
func unserved() map[string]string {
	return map[string]string{
		"ListMavenArtifacts": "mavenartifacts.list", "GetMavenArtifact": "mavenartifacts.get",
		"ListNpmPackages": "npmpackages.list", "GetNpmPackage": "npmpackages.get",
		"ListPythonPackages": "pythonpackages.list", "GetPythonPackage": "pythonpackages.get",
		"ImportAptArtifacts": "aptartifacts.create", "ImportYumArtifacts": "yumartifacts.create",
		"UpdatePackage": "packages.update", "UpdateVersion": "versions.update", "DeleteFile": "files.delete", "UpdateFile": "files.update",
		"CreateRule": "rules.create", "ListRules": "rules.list", "GetRule": "rules.get", "UpdateRule": "rules.update", "DeleteRule": "rules.delete",
		"GetProjectSettings": "projectsettings.get", "UpdateProjectSettings": "projectsettings.update",
		"GetVPCSCConfig": "projectconfigs.get", "UpdateVPCSCConfig": "projectconfigs.update",
		"ListAttachments": "attachments.list", "GetAttachment": "attachments.get", "CreateAttachment": "attachments.create", "DeleteAttachment": "attachments.delete",
		"ExportArtifact": "repositories.exportArtifacts",
	}
}

func rules() []iam.Rule {
	const service, permissions = "artifactregistry.googleapis.com", "artifactregistry."
	method := "/" + artifactregistrypb.ArtifactRegistry_ServiceDesc.ServiceName + "/"
	rule := func(name, permission string) iam.Rule {
		return iam.Rule{Method: method + name, API: service, Permission: permissions + permission, Resource: target, Changes: iam.Changing(name), Denied: iam.DeniedBy(service)}
	}
	all := []iam.Rule{{Method: method + "TestIamPermissions", API: service, None: "it tells the caller's own permissions"}}
	for name, permission := range served() {
		all = append(all, rule(name, permission))
	}
	for name, permission := range unserved() {
		r := rule(name, permission)
		r.Unserved = true
		all = append(all, r)
	}
	ops := "/" + longrunningpb.Operations_ServiceDesc.ServiceName + "/"
	all = append(all, iam.Rule{Method: ops + "GetOperation", API: service, None: "there is no permission for it: whoever has an operation's name may ask"})
	all = append(all, iam.Unserved(&longrunningpb.Operations_ServiceDesc, all, service, permissions+"repositories.list", permissions+"repositories.update")...)
	const places = "/google.cloud.location.Locations/"
	return append(all,
		iam.Rule{Method: places + "ListLocations", API: service, Permission: permissions + "locations.list", Denied: iam.DeniedBy(service)},
		iam.Rule{Method: places + "GetLocation", API: service, Permission: permissions + "locations.get", Denied: iam.DeniedBy(service)})
}

// target is the resource that a request names: its own, its parent's, or that of what
// it updates.
func target(m proto.Message) string {
	if name := iam.Target(m); name != "" {
		return name
	}
	fields := m.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Kind() != protoreflect.MessageKind || fd.IsList() || fd.IsMap() || strings.HasSuffix(string(fd.Name()), "_mask") {
			continue
		}
		if name := iam.Field(m.ProtoReflect().Get(fd).Message().Interface(), "name"); name != "" {
			return name
		}
	}
	if name := iam.Field(m, "repository"); name != "" { // ExportArtifact
		return name
	}
	return ""
}
