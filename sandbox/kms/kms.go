// Package kms is Cloud KMS in the sandbox (cloudkms.googleapis.com): key rings, keys
// and their versions with the states that they go through, over the official API
// definition. The keys are real: what is signed here verifies anywhere, what is
// encrypted here is not to be read elsewhere, and a version that is destroyed has
// no key material any more.
//
// Not in the sandbox: exporting of key material, keys outside Google (EKM), Autokey,
// single-tenant HSMs. Keys of protection level HSM are accepted and kept in software;
// they have no attestation.
package kms

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/kms/apiv1/kmspb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/cloud/location"
	"google.golang.org/grpc"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// Host is where the service is found.
const Host = "cloudkms.googleapis.com"

// Options say where the service keeps its keys and how long things take.
type Options struct {
	Dir     string // holds kms.json with all key material, mode 0600; "": nothing is kept
	Latency Latency
}

// Latency is how long what takes time on Google Cloud takes here; zero is at once.
type Latency struct {
	Generate time.Duration // of key material that is not symmetric: PENDING_GENERATION meanwhile
}

// Demo is for people who watch.
func Demo() Latency { return Latency{Generate: time.Second} }

// Real is about what Google Cloud takes, times a factor.
func Real(factor float64) Latency {
	return Latency{Generate: time.Duration(factor * float64(5*time.Second))}
}

// SetLatency changes it for keys to come.
func (s *Service) SetLatency(l Latency) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = l
}

// SetPending is the least that generating takes from now on, whatever the latency.
func (s *Service) SetPending(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = d
}

// Service may be used by many goroutines at once.
type Service struct {
	kmspb.UnimplementedKeyManagementServiceServer
	iam     *iam.IAM
	latency Latency
	pending time.Duration
	path    string   // of kms.json; "" for none
	places  []string // locations, sorted

	mu      sync.RWMutex
	state   state
	due     atomic.Int64   // when time changes a state next, in Unix nanoseconds
	working sync.WaitGroup // keys being generated
	closed  bool
	servers []*grpc.Server
}

// New opens the keys in Dir, or starts without any.
func New(k *iam.IAM, o Options) (*Service, error) {
	s := &Service{iam: k, latency: o.Latency, places: where()}
	if err := s.load(o.Dir); err != nil {
		return nil, err
	}
	return s, nil
}

// Handlers serve Cloud KMS, by host.
func (s *Service) Handlers() (map[string]http.Handler, error) {
	srv, err := s.iam.Server(rules(), func(g *grpc.Server) {
		kmspb.RegisterKeyManagementServiceServer(g, s)
		iampb.RegisterIAMPolicyServer(g, policies{s})
		location.RegisterLocationsServer(g, locations{s: s})
		longrunningpb.RegisterOperationsServer(g, operations{s: s})
	})
	if err != nil {
		return nil, err
	}
	h, err := front.Google(srv, front.REST{Rules: bindings()})
	if err == nil {
		h, err = s.withDeletion(h)
	}
	if err != nil {
		return nil, fmt.Errorf("cloud KMS: %w", err)
	}
	s.mu.Lock()
	s.servers = append(s.servers, srv)
	s.mu.Unlock()
	return map[string]http.Handler{Host: h}, nil
}

// bindings are those that the definitions leave to the host's configuration.
func bindings() []*annotations.HttpRule {
	const policy = "google.iam.v1.IAMPolicy."
	all := front.Operations("v1", "projects/*/locations/*/operations")
	for _, method := range []string{"GetIamPolicy", "SetIamPolicy", "TestIamPermissions"} {
		verb := ":" + string(method[0]|0x20) + method[1:]
		bind := front.Post
		if method == "GetIamPolicy" {
			bind = front.Get
		}
		rule := bind(policy+method, "/v1/{resource=projects/*/locations/*/keyRings/*}"+verb)
		for _, at := range []string{"keyRings/*/cryptoKeys/*", "keyRings/*/importJobs/*", "ekmConfig", "ekmConnections/*"} {
			rule.AdditionalBindings = append(rule.AdditionalBindings, bind("", "/v1/{resource=projects/*/locations/*/"+at+"}"+verb))
		}
		all = append(all, rule)
	}
	return all
}

// Close ends the servers and waits for keys that are being generated.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	servers := s.servers
	s.mu.Unlock()
	for _, srv := range servers {
		srv.Stop()
	}
	s.working.Wait()
	return nil
}
