package gke

import (
	"context"
	"net"
	"testing"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/signgate/signgate/sandbox/iam"
)

// Every method asks for a permission, on the project that its request names in either
// form; a viewer changes nothing; and none works where the API is off.
func TestEveryMethod(t *testing.T) {
	t.Parallel()
	w := open(t, Options{})
	srv, err := w.k.Server(rules(), func(g *grpc.Server) { containerpb.RegisterClusterManagerServer(g, w.Service) })
	check(t, err)
	l := bufconn.Listen(1 << 20)
	go srv.Serve(l)
	defer srv.Stop()
	conn, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	check(t, err)
	defer conn.Close()
	as := func(member string, scopes ...string) context.Context {
		token, _ := w.k.Mint(member, scopes, time.Hour)
		return metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
	}
	service := containerpb.File_google_container_v1_cluster_service_proto.Services().ByName("ClusterManager")
	for i := range service.Methods().Len() {
		m := service.Methods().Get(i)
		call := func(ctx context.Context, project string, old bool) error {
			in := dynamicpb.NewMessage(m.Input())
			fill := func(field protoreflect.Name, value string) {
				if fd := m.Input().Fields().ByName(field); fd != nil {
					in.Set(fd, protoreflect.ValueOfString(value))
				}
			}
			full := m.Input().Fields().ByName("name") != nil || m.Input().Fields().ByName("parent") != nil
			if old && m.Input().Fields().ByName("project_id") != nil || !full {
				fill("project_id", project)
				fill("zone", "us-central1-a")
				fill("cluster_id", "absent")
			} else {
				fill("name", "projects/"+project+"/locations/us-central1-a/clusters/absent")
				fill("parent", "projects/"+project+"/locations/us-central1-a")
			}
			return conn.Invoke(ctx, "/google.container.v1.ClusterManager/"+string(m.Name()), in, dynamicpb.NewMessage(m.Output()))
		}
		for _, old := range []bool{false, true} {
			nobody := status.Convert(call(as("user:nobody@example.com", cloudPlatform), project, old))
			if nobody.Code() != codes.PermissionDenied || len(nobody.Message()) < 30 || nobody.Message()[:10] != `Required "` {
				t.Errorf("%s by nobody: %v", m.Name(), nobody)
			}
			viewer := status.Code(call(as("user:"+iam.Viewer, cloudPlatform), project, old))
			if changes := iam.Changing(string(m.Name())); changes != (viewer == codes.PermissionDenied) {
				t.Errorf("%s by the viewer: %v", m.Name(), viewer)
			}
			off := status.Convert(call(as("user:"+iam.Owner, cloudPlatform), "acme-staging", old))
			if len(off.Details()) == 0 || off.Details()[0].(*errdetails.ErrorInfo).GetReason() != "SERVICE_DISABLED" {
				t.Errorf("%s where the API is off: %v", m.Name(), off)
			}
			scopes := status.Convert(call(as("user:"+iam.Owner, emailScope), project, old))
			if scopes.Message() != "Request had insufficient authentication scopes." {
				t.Errorf("%s with another scope: %v", m.Name(), scopes)
			}
		}
	}
}
