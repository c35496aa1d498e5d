package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/spf13/cobra"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"sigs.k8s.io/yaml"

	"github.com/signgate/signgate/internal/gcp"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/sandbox"
	"github.com/signgate/signgate/sandbox/iam"
)

func newSandboxKubeconfig(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig [CLUSTER]",
		Short: "Print a kubeconfig for the sandbox's clusters that works in any shell",
		Long: `Print a kubeconfig for the sandbox's clusters. It names the sandbox's proxy and gets
its tokens from signgate, so it works in any shell:

  signgate sandbox kubeconfig >sandbox.yaml
  kubectl --kubeconfig sandbox.yaml get pods -A

The last cluster named is the current context.`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.runningSandbox(cmd.Context())
			if err != nil {
				return err
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			out, err := a.kubeconfig(cmd.Context(), r, name)
			if err != nil {
				return err
			}
			_, err = a.Out.Write(out)
			return err
		},
	}
}

// kubeconfig asks Kubernetes Engine for the clusters, as any client would.
func (a *app) kubeconfig(ctx context.Context, r *sandbox.Running, only string) ([]byte, error) {
	w, err := a.worldOf(r)
	if err != nil {
		return nil, err
	}
	clients, err := gcp.Dial(ctx, w.Options)
	if err != nil {
		return nil, err
	}
	defer clients.Close()
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := a.sandboxDir()
	if err != nil {
		return nil, err
	}
	user := map[string]any{"exec": map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
		"command": exe, "args": []string{"sandbox", "token", "--state-dir", stateOf(dir)},
	}}
	config := map[string]any{"apiVersion": "v1", "kind": "Config", "users": []any{map[string]any{"name": "sandbox", "user": user}}}
	var clusters, contexts []any
	for _, c := range r.Status.Clusters {
		if only != "" && c.Name != only {
			continue
		}
		full := fmt.Sprintf("projects/%s/locations/%s/clusters/%s", c.Project, c.Location, c.Name)
		got, err := clients.GKE.GetCluster(ctx, &containerpb.GetClusterRequest{Name: full})
		if err != nil {
			return nil, err
		}
		if got.GetEndpoint() == "" {
			continue // not there yet
		}
		name := fmt.Sprintf("gke_%s_%s_%s", c.Project, c.Location, c.Name)
		clusters = append(clusters, map[string]any{"name": name, "cluster": map[string]any{
			"server": "https://" + got.GetEndpoint(), "proxy-url": r.Status.Proxy,
			"certificate-authority-data": got.GetMasterAuth().GetClusterCaCertificate(),
		}})
		contexts = append(contexts, map[string]any{"name": name, "context": map[string]any{"cluster": name, "user": "sandbox"}})
		config["current-context"] = name
	}
	if len(clusters) == 0 {
		if only != "" {
			return nil, usagef("the sandbox has no cluster %q; %s shows those it has", only, a.sandboxLine("status"))
		}
		own := *a
		own.sandbox = true
		p := problem.Raise("sandbox-no-cluster", nil)
		p.Fix = own.lineFor("apply", "") + " makes one"
		return nil, p
	}
	config["clusters"], config["contexts"] = clusters, contexts
	return yaml.Marshal(config)
}

// newSandboxToken is what the kubeconfig calls: an access token of the owner, as
// Kubernetes clients take it from a program.
func newSandboxToken(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "token",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.runningSandbox(cmd.Context())
			if err != nil {
				return err
			}
			token, err := a.sandboxToken(cmd.Context(), r)
			if err != nil {
				return err
			}
			return json.NewEncoder(a.Out).Encode(map[string]any{
				"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
				"status": map[string]any{"token": token.AccessToken, "expirationTimestamp": token.Expiry.UTC().Format(time.RFC3339)},
			})
		},
	}
}

func (a *app) sandboxToken(ctx context.Context, r *sandbox.Running) (*oauth2.Token, error) {
	w, err := a.worldOf(r)
	if err != nil {
		return nil, err
	}
	file, err := os.ReadFile(r.Credentials(iam.Owner))
	if err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: w.Options.Network.Transport()})
	creds, err := google.CredentialsFromJSONWithType(ctx, file, google.AuthorizedUser)
	if err != nil {
		return nil, err
	}
	return creds.TokenSource.Token()
}
