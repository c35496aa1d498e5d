package artifacts_test

import (
	"testing"

	"cloud.google.com/go/artifactregistry/apiv1/artifactregistrypb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/signgate/signgate/sandbox/artifacts"
	"github.com/signgate/signgate/sandbox/iam"
)

// about is a request with a resource's name wherever it has a place for one.
func about(m *dynamicpb.Message, resource string, deep bool) *dynamicpb.Message {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.Kind() == protoreflect.StringKind && !f.IsList() && (f.Name() == "name" || f.Name() == "parent" || f.Name() == "resource" || f.Name() == "repository"):
			m.Set(f, protoreflect.ValueOfString(resource))
		case f.Kind() == protoreflect.MessageKind && !f.IsList() && !f.IsMap() && deep:
			m.Set(f, protoreflect.ValueOfMessage(about(dynamicpb.NewMessage(f.Message()), resource, false)))
		}
	}
	return m
}

// TestEveryMethod: the owner is let in everywhere, the viewer is kept from changing
// anything, and nothing works where the API is off.
func TestEveryMethod(t *testing.T) {
	t.Parallel()
	w := start(t, "", artifacts.Options{})
	create(t, w.client(t, iam.Owner), "containers", &artifactregistrypb.Repository{})
	conn, n := w.conn(t), 0
	for _, service := range []protoreflect.FullName{"google.devtools.artifactregistry.v1.ArtifactRegistry", "google.longrunning.Operations", "google.cloud.location.Locations"} {
		d, err := protoregistry.GlobalFiles.FindDescriptorByName(service)
		check(t, err)
		methods := d.(protoreflect.ServiceDescriptor).Methods()
		for i := range methods.Len() {
			m := methods.Get(i)
			name := "/" + string(service) + "/" + string(m.Name())
			call := func(who, project string) codes.Code {
				ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+w.token(who))
				in := about(dynamicpb.NewMessage(m.Input()), "projects/"+project+"/locations/us/repositories/none", true)
				return status.Code(conn.Invoke(ctx, name, in, dynamicpb.NewMessage(m.Output())))
			}
			n++
			if code := call(iam.Owner, "acme-staging"); code != codes.PermissionDenied {
				t.Errorf("%s where the API is off: %s", name, code)
			}
			if code := call(iam.Owner, "acme-demo"); code == codes.PermissionDenied && service != "google.cloud.location.Locations" {
				t.Errorf("%s refuses the owner", name)
			}
			if code := call(iam.Viewer, "acme-demo"); iam.Changing(name) && code != codes.PermissionDenied {
				t.Errorf("%s for the viewer: %s", name, code)
			}
		}
	}
	if n < 55 {
		t.Errorf("only %d methods were tried", n)
	}
}
