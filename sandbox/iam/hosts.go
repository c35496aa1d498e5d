package iam

import (
	"encoding/base64"
	"strconv"

	"cloud.google.com/go/billing/apiv1/billingpb"
	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/credentials/apiv1/credentialspb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"cloud.google.com/go/serviceusage/apiv1/serviceusagepb"
	"google.golang.org/grpc"
)

// The hosts that manage projects. Each is the name of its API too.
const (
	Manager     = "cloudresourcemanager.googleapis.com"
	Billing     = "cloudbilling.googleapis.com"
	Usage       = "serviceusage.googleapis.com"
	Admin       = "iam.googleapis.com"
	Credentials = "iamcredentials.googleapis.com"
)

// Servers makes the servers of these hosts, by host name.
func (k *IAM) Servers() (map[string]*grpc.Server, error) {
	servers := map[string]*grpc.Server{}
	for host, build := range map[string]func() (*grpc.Server, error){
		Manager: k.managerServer, Billing: k.billingServer, Usage: k.usageServer, Admin: k.adminServer, Credentials: k.credentialsServer,
	} {
		srv, err := build()
		if err != nil {
			return nil, err
		}
		servers[host] = srv
	}
	return servers, nil
}

func (k *IAM) managerServer() (*grpc.Server, error) {
	return k.Server(k.managerRules(), func(s *grpc.Server) {
		resourcemanagerpb.RegisterProjectsServer(s, &projects{iam: k})
		resourcemanagerpb.RegisterOrganizationsServer(s, &organizations{iam: k})
		resourcemanagerpb.RegisterFoldersServer(s, &folders{})
		longrunningpb.RegisterOperationsServer(s, k.ManagerOperations())
	})
}

func (k *IAM) billingServer() (*grpc.Server, error) {
	return k.Server(billingRules(), func(s *grpc.Server) {
		billingpb.RegisterCloudBillingServer(s, &billing{iam: k})
	})
}

func (k *IAM) usageServer() (*grpc.Server, error) {
	return k.Server(k.usageRules(), func(s *grpc.Server) {
		serviceusagepb.RegisterServiceUsageServer(s, &usage{iam: k})
		longrunningpb.RegisterOperationsServer(s, &operations{iam: k, see: "serviceusage.operations.get"})
	})
}

func (k *IAM) adminServer() (*grpc.Server, error) {
	return k.Server(k.adminRules(), func(s *grpc.Server) {
		adminpb.RegisterIAMServer(s, &admin{iam: k})
	})
}

func (k *IAM) credentialsServer() (*grpc.Server, error) {
	return k.Server(credentialsRules(), func(s *grpc.Server) {
		credentialspb.RegisterIAMCredentialsServer(s, &credentials{iam: k})
	})
}

// Page is a part of a list: at most size items from where token says, and the token
// of the next part.
func Page[T any](all []T, size int32, most int, token string) ([]T, string, error) {
	from := 0
	if token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err == nil {
			from, err = strconv.Atoi(string(text))
		}
		if err != nil || from < 0 || from > len(all) {
			return nil, "", badRequest()
		}
	}
	if size < 0 {
		return nil, "", badRequest()
	}
	if size == 0 || int(size) > most {
		size = int32(most)
	}
	all = all[from:]
	if len(all) <= int(size) {
		return all, "", nil
	}
	return all[:size], base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + int(size)))), nil
}
