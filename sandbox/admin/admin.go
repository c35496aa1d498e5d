// Package admin serves the hosts of Google Cloud that manage projects: Resource
// Manager, Cloud Billing, Service Usage, IAM and its service account credentials.
// What they do is in package iam; here it gets its REST, as each host has it, and
// Resource Manager's first version, which has no definition to transcode.
package admin

import (
	"net/http"
	"strings"

	"google.golang.org/grpc"

	"github.com/signgate/signgate/sandbox/front"
	"github.com/signgate/signgate/sandbox/iam"
)

// Service is these hosts.
type Service struct {
	iam     *iam.IAM
	servers map[string]*grpc.Server
}

// New makes their servers. They keep nothing of their own.
func New(k *iam.IAM) (*Service, error) {
	servers, err := k.Servers()
	if err != nil {
		return nil, err
	}
	return &Service{iam: k, servers: servers}, nil
}

// Handlers serve the hosts, by name.
func (s *Service) Handlers() (map[string]http.Handler, error) {
	handlers := map[string]http.Handler{}
	for host, rest := range map[string]front.REST{
		iam.Manager:     {Rules: front.Operations("v3", "operations")},
		iam.Billing:     {Defaults: true},
		iam.Usage:       {Rules: front.Operations("v1", "operations")},
		iam.Admin:       {Errors: true},
		iam.Credentials: {},
	} {
		h, err := front.Google(s.servers[host], rest)
		if err != nil {
			return nil, err
		}
		handlers[host] = h
	}
	// Of what v1beta1 has alone, the identities of services are served, quotas are not.
	alone, err := front.Google(grpc.NewServer(), front.REST{Besides: identities{s.iam}})
	if err != nil {
		return nil, err
	}
	handlers[iam.Usage] = usage{alone: alone, rest: front.Beta(handlers[iam.Usage])}
	old, err := front.Google(grpc.NewServer(), front.REST{Besides: newV1(s.iam)})
	if err != nil {
		return nil, err
	}
	handlers[iam.Manager] = versions{old: old, now: handlers[iam.Manager]}
	return handlers, nil
}

// versions are those of Resource Manager. Both have operations, which look different,
// so the paths are parted before anything else looks at them.
type versions struct{ old, now http.Handler }

func (v versions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		v.old.ServeHTTP(w, r)
		return
	}
	v.now.ServeHTTP(w, r)
}

// Close ends calls that are under way.
func (s *Service) Close() error {
	for _, srv := range s.servers {
		srv.Stop()
	}
	return nil
}
