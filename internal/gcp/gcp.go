// Package gcp is how signgate reaches Google Cloud: one credential, one network,
// the official clients over both, and what is common to calling them: waiting
// for long-running operations and waiting out what is eventually consistent.
// It takes proxy, roots and credentials as arguments and reads no environment of
// its own; only Application Default Credentials are looked for as Google's
// libraries do. It never decides what to make: that is the steps' business.
package gcp

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	artifactregistry "cloud.google.com/go/artifactregistry/apiv1"
	billing "cloud.google.com/go/billing/apiv1"
	container "cloud.google.com/go/container/apiv1"
	iam "cloud.google.com/go/iam/admin/apiv1"
	kms "cloud.google.com/go/kms/apiv1"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	serviceusage "cloud.google.com/go/serviceusage/apiv1"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
)

// Options say where and as whom.
type Options struct {
	Network         Network
	CredentialsFile string // "": Application Default Credentials
	UserAgent       string // "signgate/1.2.3"
}

// Clients are the official clients of every service that a setup uses. They
// connect at their first call, share one credential, and may be used by many
// goroutines at once.
type Clients struct {
	Projects  *resourcemanager.ProjectsClient
	Billing   *billing.CloudBillingClient
	Services  *serviceusage.Client
	IAM       *iam.IamClient
	KMS       *kms.KeyManagementClient
	Artifacts *artifactregistry.Client
	GKE       *container.ClusterManagerClient

	// HTTP is the same network for what is not gRPC: registries, Kubernetes,
	// Helm repositories. It adds no credential.
	HTTP http.RoundTripper
	// Tokens is the credential as golang.org/x/oauth2 has it; its scopes are cloud-platform and userinfo.email.
	Tokens oauth2.TokenSource
	// Network and UserAgent are as given, for transports with roots of their own.
	Network   Network
	UserAgent string

	credential *credential
	quota      atomic.Pointer[string]
	conns      map[string]*grpc.ClientConn // by host

	mu       sync.Mutex
	settling map[string]time.Time // service -> when we enabled it
}

// Hosts that are connected to ahead of their first call.
const (
	projectsHost = "cloudresourcemanager.googleapis.com"
	kmsHost      = "cloudkms.googleapis.com"
)

// tokenWithin is how long a sign-in's token may take. Who asks for one on behalf of a
// registry or of Kubernetes has no other way to give up.
const tokenWithin = 30 * time.Second

// Dial makes the clients. It opens no connection; the only thing that can fail
// early is the credential, with a *CredentialsError.
func Dial(ctx context.Context, o Options) (*Clients, error) {
	if o.UserAgent == "" {
		o.UserAgent = "signgate"
	}
	transport := o.Network.Transport()
	creds, err := findCredentials(ctx, o.CredentialsFile, &http.Client{Transport: transport, Timeout: tokenWithin})
	if err != nil {
		return nil, err
	}
	c := &Clients{
		HTTP:       agent{transport, o.UserAgent},
		Network:    o.Network,
		UserAgent:  o.UserAgent,
		credential: creds,
		Tokens:     creds.source(),
		settling:   map[string]time.Time{},
		conns:      map[string]*grpc.ClientConn{},
	}
	if err := c.connect(ctx, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Connect begins to connect to the services that nearly everybody asks first, about a
// project and its key: the first call only waits for a token meanwhile.
func (c *Clients) Connect() {
	for _, host := range []string{projectsHost, kmsHost} {
		c.conns[host].Connect()
	}
}

func (c *Clients) connect(ctx context.Context, o Options) error {
	at := func(host string) (option.ClientOption, error) {
		conn, err := o.Network.grpc(host, o.UserAgent, c.authorize(host))
		if err != nil {
			return nil, fmt.Errorf("client for %s: %w", host, err)
		}
		c.conns[host] = conn
		return option.WithGRPCConn(conn), nil
	}
	all := []struct {
		host string
		dial func(context.Context, option.ClientOption) error
	}{
		{projectsHost, into(&c.Projects, resourcemanager.NewProjectsClient)},
		{"cloudbilling.googleapis.com", into(&c.Billing, billing.NewCloudBillingClient)},
		{"serviceusage.googleapis.com", into(&c.Services, serviceusage.NewClient)},
		{"iam.googleapis.com", into(&c.IAM, iam.NewIamClient)},
		{kmsHost, into(&c.KMS, kms.NewKeyManagementClient)},
		{"artifactregistry.googleapis.com", into(&c.Artifacts, artifactregistry.NewClient)},
		{"container.googleapis.com", into(&c.GKE, container.NewClusterManagerClient)},
	}
	for _, client := range all {
		opt, err := at(client.host)
		if err != nil {
			return err
		}
		if err := client.dial(ctx, opt); err != nil {
			return fmt.Errorf("client for %s: %w", client.host, err)
		}
	}
	return nil
}

// into makes a client and puts it where it belongs.
func into[C any](field *C, dial func(context.Context, ...option.ClientOption) (C, error)) func(context.Context, option.ClientOption) error {
	return func(ctx context.Context, o option.ClientOption) (err error) {
		*field, err = dial(ctx, o)
		return err
	}
}

// KMSConn is the connection of the KMS client, for libraries that make their own
// client (option.WithGRPCConn). It is closed with the Clients, not by them.
func (c *Clients) KMSConn() *grpc.ClientConn { return c.conns[kmsHost] }

// BillTo names the project that calls are counted against, from now on. Listing
// projects works without one, and with one only if that project has the Resource
// Manager API enabled; so it is set once a project is chosen.
func (c *Clients) BillTo(project string) { c.quota.Store(&project) }

// Close ends the connections.
func (c *Clients) Close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}
