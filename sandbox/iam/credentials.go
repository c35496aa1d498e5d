package iam

import (
	"context"
	"strings"
	"time"

	"cloud.google.com/go/iam/credentials/apiv1/credentialspb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// credentials is IAM Service Account Credentials v1: tokens of service accounts for
// those who may have them.
type credentials struct {
	credentialspb.UnimplementedIAMCredentialsServer
	iam *IAM
}

func (s *credentials) GenerateAccessToken(_ context.Context, req *credentialspb.GenerateAccessTokenRequest) (*credentialspb.GenerateAccessTokenResponse, error) {
	if len(req.GetScope()) == 0 {
		return nil, badRequest()
	}
	life := time.Hour
	if d := req.GetLifetime(); d != nil {
		life = d.AsDuration()
	}
	if life <= 0 || life > time.Hour {
		return nil, badRequest()
	}
	if len(req.GetDelegates()) > 0 {
		return nil, status.Error(codes.Unimplemented, "Chains of delegates are not part of the sandbox")
	}
	s.iam.mu.RLock()
	found := s.iam.find(req.GetName())
	s.iam.mu.RUnlock()
	if found == nil {
		return nil, status.Error(codes.NotFound, "Not found; Gaia id not found for email "+accountID(req.GetName()))
	}
	if found.Disabled {
		return nil, accountDenied("iam.serviceAccounts.getAccessToken", "")
	}
	token, expires := s.iam.Mint(found.Member(), req.GetScope(), life)
	return &credentialspb.GenerateAccessTokenResponse{AccessToken: token, ExpireTime: timestamppb.New(expires.Truncate(time.Second))}, nil
}

func accountID(name string) string { return name[strings.LastIndex(name, "/")+1:] }
