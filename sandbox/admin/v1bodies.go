package admin

import (
	"encoding/json"
	"net/http"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/signgate/signgate/sandbox/front"
)

// definition has the requests of methods that no definition of Google's has, so that they
// are read, and refused, as all others are. Times are text: nothing looks at them.
const definition = `
name: "sandbox/admin/v1.proto" package: "google.cloudresourcemanager.v1" syntax: "proto3"
message_type {
  name: "Project"
  field { name: "project_number" number: 1 type: TYPE_INT64 }
  field { name: "project_id" number: 2 type: TYPE_STRING }
  field { name: "lifecycle_state" number: 3 type: TYPE_ENUM type_name: ".google.cloudresourcemanager.v1.LifecycleState" }
  field { name: "name" number: 4 type: TYPE_STRING }
  field { name: "create_time" number: 5 type: TYPE_STRING }
  field { name: "labels" number: 6 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: ".google.cloudresourcemanager.v1.Project.LabelsEntry" }
  field { name: "parent" number: 7 type: TYPE_MESSAGE type_name: ".google.cloudresourcemanager.v1.ResourceId" }
  field { name: "tags" number: 8 type: TYPE_MESSAGE label: LABEL_REPEATED type_name: ".google.cloudresourcemanager.v1.Project.TagsEntry" }
  field { name: "configured_capabilities" number: 9 type: TYPE_STRING label: LABEL_REPEATED }
  nested_type { name: "LabelsEntry" options { map_entry: true } field { name: "key" number: 1 type: TYPE_STRING } field { name: "value" number: 2 type: TYPE_STRING } }
  nested_type { name: "TagsEntry" options { map_entry: true } field { name: "key" number: 1 type: TYPE_STRING } field { name: "value" number: 2 type: TYPE_STRING } }
}
message_type {
  name: "ResourceId"
  field { name: "type" number: 1 type: TYPE_STRING }
  field { name: "id" number: 2 type: TYPE_STRING }
}
message_type { name: "UndeleteProjectRequest" }
message_type { name: "GetAncestryRequest" }
message_type {
  name: "SearchOrganizationsRequest"
  field { name: "page_size" number: 1 type: TYPE_INT32 }
  field { name: "page_token" number: 2 type: TYPE_STRING }
  field { name: "filter" number: 3 type: TYPE_STRING }
}
message_type { name: "GenerateServiceIdentityRequest" }
enum_type {
  name: "LifecycleState"
  value { name: "LIFECYCLE_STATE_UNSPECIFIED" number: 0 }
  value { name: "ACTIVE" number: 1 }
  value { name: "DELETE_REQUESTED" number: 2 }
  value { name: "DELETE_IN_PROGRESS" number: 3 }
}`

var defined = sync.OnceValue(func() protoreflect.FileDescriptor {
	file := &descriptorpb.FileDescriptorProto{}
	err := prototext.Unmarshal([]byte(definition), file)
	var d protoreflect.FileDescriptor
	if err == nil {
		d, err = protodesc.NewFile(file, nil)
	}
	if err != nil { // it is the text above
		panic(err)
	}
	return d
})

// message is an empty one of these.
func message(name protoreflect.Name) proto.Message {
	return dynamicpb.NewMessage(defined().Messages().ByName(name))
}

// readProject reads a body that is a project.
func readProject(r *http.Request) (project, error) {
	var p project
	m := message("Project")
	err := front.DecodeBody(r, m)
	var text []byte
	if err == nil {
		text, err = protojson.Marshal(m)
	}
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	return p, err
}
