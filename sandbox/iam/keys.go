package iam

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// accountKey is the public half of a service account's key. The private one is shown
// to who makes it, once, and kept nowhere.
type accountKey struct {
	ID          string    `json:"id"`      // 40 hexadecimal digits
	Account     string    `json:"account"` // unique id
	Certificate []byte    `json:"certificate"`
	Provided    bool      `json:"provided,omitempty"` // uploaded by a user
	Disabled    bool      `json:"disabled,omitempty"`
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
}

const keysMost = 10 // of an account

func (k *accountKey) proto(a ServiceAccount) *adminpb.ServiceAccountKey {
	out := &adminpb.ServiceAccountKey{
		Name: a.Name() + "/keys/" + k.ID, KeyAlgorithm: adminpb.ServiceAccountKeyAlgorithm_KEY_ALG_RSA_2048, KeyOrigin: adminpb.ServiceAccountKeyOrigin_GOOGLE_PROVIDED,
		KeyType: adminpb.ListServiceAccountKeysRequest_USER_MANAGED, Disabled: k.Disabled, ValidAfterTime: timestamppb.New(k.From), ValidBeforeTime: timestamppb.New(k.Until),
	}
	if k.Provided {
		out.KeyOrigin = adminpb.ServiceAccountKeyOrigin_USER_PROVIDED
	}
	return out
}

// forever is when keys expire that do not.
func forever() time.Time { return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) }

// key finds an account's key by its name; the caller holds the lock.
func (k *IAM) key(name string) (*ServiceAccount, *accountKey) {
	a := k.find(name)
	_, id, _ := strings.Cut(name, "/keys/")
	key := k.state.Keys[id]
	if a == nil || key == nil || key.Account != a.UniqueID {
		return a, nil
	}
	return a, key
}

func noKey() error { return status.Error(codes.NotFound, "Service account key does not exist.") }

// ListServiceAccountKeys lists those that users manage. There are none that the system
// manages: the sandbox signs nothing in an account's name.
func (a *admin) ListServiceAccountKeys(_ context.Context, req *adminpb.ListServiceAccountKeysRequest) (*adminpb.ListServiceAccountKeysResponse, error) {
	found, err := a.get(req.GetName())
	if err != nil {
		return nil, err
	}
	out := &adminpb.ListServiceAccountKeysResponse{}
	if types := req.GetKeyTypes(); len(types) > 0 && !slices.Contains(types, adminpb.ListServiceAccountKeysRequest_USER_MANAGED) {
		return out, nil
	}
	a.iam.mu.RLock()
	defer a.iam.mu.RUnlock()
	for _, key := range a.iam.keysOf(found.UniqueID) {
		out.Keys = append(out.Keys, key.proto(found))
	}
	return out, nil
}

// keysOf are an account's, by age; the caller holds the lock.
func (k *IAM) keysOf(unique string) []*accountKey {
	all := slices.DeleteFunc(slices.Collect(maps.Values(k.state.Keys)), func(key *accountKey) bool { return key.Account != unique })
	slices.SortFunc(all, func(a, b *accountKey) int { return cmp.Or(a.From.Compare(b.From), strings.Compare(a.ID, b.ID)) })
	return all
}

func (a *admin) GetServiceAccountKey(_ context.Context, req *adminpb.GetServiceAccountKeyRequest) (*adminpb.ServiceAccountKey, error) {
	a.iam.mu.RLock()
	defer a.iam.mu.RUnlock()
	found, key := a.iam.key(req.GetName())
	if key == nil {
		return nil, noKey()
	}
	out := key.proto(*found)
	switch req.GetPublicKeyType() {
	case adminpb.ServiceAccountPublicKeyType_TYPE_X509_PEM_FILE:
		out.PublicKeyData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: key.Certificate})
	case adminpb.ServiceAccountPublicKeyType_TYPE_RAW_PUBLIC_KEY:
		cert, err := x509.ParseCertificate(key.Certificate)
		if err != nil {
			return nil, err
		}
		out.PublicKeyData = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: cert.RawSubjectPublicKeyInfo})
	}
	return out, nil
}

// keep adds a key to an account.
func (a *admin) keep(name string, produce func(ServiceAccount) (*accountKey, error)) (*adminpb.ServiceAccountKey, error) {
	found, err := a.get(name)
	if err != nil {
		return nil, err
	}
	key, err := produce(found) // takes its time: not under the lock
	if err != nil {
		return nil, err
	}
	key.ID, key.Account = digitsOf("0123456789abcdef", 40), found.UniqueID
	err = a.iam.change(func(s *state) error {
		if a.iam.find(name) == nil {
			return unknownAccount()
		}
		if len(a.iam.keysOf(found.UniqueID)) >= keysMost {
			return status.Error(codes.FailedPrecondition, "Precondition check failed.")
		}
		if s.Keys == nil {
			s.Keys = map[string]*accountKey{}
		}
		s.Keys[key.ID] = key
		return nil
	})
	return key.proto(found), err
}

// CreateServiceAccountKey makes a key and answers with the file that client libraries
// read their credentials from.
func (a *admin) CreateServiceAccountKey(_ context.Context, req *adminpb.CreateServiceAccountKeyRequest) (*adminpb.ServiceAccountKey, error) {
	if req.GetPrivateKeyType() == adminpb.ServiceAccountPrivateKeyType_TYPE_PKCS12_FILE || req.GetKeyAlgorithm() == adminpb.ServiceAccountKeyAlgorithm_KEY_ALG_RSA_1024 {
		return nil, invalid("The sandbox makes RSA keys of 2048 bits, as JSON files.")
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	out, err := a.keep(req.GetName(), func(s ServiceAccount) (*accountKey, error) {
		now := a.iam.clock().Truncate(time.Second)
		template := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: s.UniqueID}, NotBefore: now, NotAfter: forever()}
		cert, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
		return &accountKey{Certificate: cert, From: now, Until: forever()}, err
	})
	if err != nil {
		return nil, err
	}
	found, err := a.get(req.GetName())
	if err != nil {
		return nil, err
	}
	out.PrivateKeyType = adminpb.ServiceAccountPrivateKeyType_TYPE_GOOGLE_CREDENTIALS_FILE
	out.PrivateKeyData, err = keyFile(found, accountID(out.GetName()), private)
	return out, err
}

func keyFile(a ServiceAccount, id string, private *rsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(map[string]string{
		"type": "service_account", "project_id": a.Project, "private_key_id": id,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "client_email": a.Email, "client_id": a.ClientID,
		"auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": "https://oauth2.googleapis.com/token",
		"auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
		"client_x509_cert_url":        "https://www.googleapis.com/robot/v1/metadata/x509/" + strings.ReplaceAll(a.Email, "@", "%40"),
		"universe_domain":             googleapis,
	}, "", "  ")
}

// UploadServiceAccountKey takes the public half of a key that was made elsewhere, in a certificate.
func (a *admin) UploadServiceAccountKey(_ context.Context, req *adminpb.UploadServiceAccountKeyRequest) (*adminpb.ServiceAccountKey, error) {
	return a.keep(req.GetName(), func(ServiceAccount) (*accountKey, error) {
		block, _ := pem.Decode(req.GetPublicKeyData())
		if block == nil {
			return nil, badRequest()
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, badRequest()
		}
		if _, ok := cert.PublicKey.(*rsa.PublicKey); !ok {
			return nil, badRequest()
		}
		return &accountKey{Certificate: block.Bytes, Provided: true, From: cert.NotBefore, Until: cert.NotAfter}, nil
	})
}

// editKey changes a key; nothing is left of one for which edit says false.
func (a *admin) editKey(name string, edit func(*accountKey) (keep bool)) (*emptypb.Empty, error) {
	err := a.iam.change(func(s *state) error {
		_, key := a.iam.key(name)
		if key == nil {
			return noKey()
		}
		if !edit(key) {
			delete(s.Keys, key.ID)
		}
		return nil
	})
	return &emptypb.Empty{}, err
}

func (a *admin) DeleteServiceAccountKey(_ context.Context, req *adminpb.DeleteServiceAccountKeyRequest) (*emptypb.Empty, error) {
	return a.editKey(req.GetName(), func(*accountKey) bool { return false })
}

func (a *admin) DisableServiceAccountKey(_ context.Context, req *adminpb.DisableServiceAccountKeyRequest) (*emptypb.Empty, error) {
	return a.editKey(req.GetName(), func(key *accountKey) bool {
		key.Disabled = true
		return true
	})
}

func (a *admin) EnableServiceAccountKey(_ context.Context, req *adminpb.EnableServiceAccountKeyRequest) (*emptypb.Empty, error) {
	return a.editKey(req.GetName(), func(key *accountKey) bool {
		key.Disabled = false
		return true
	})
}
