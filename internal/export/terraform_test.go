package export_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/signgate/signgate/internal/export"
	"github.com/signgate/signgate/state"
	"github.com/signgate/signgate/steps"
)

// tree is a configuration as HashiCorp's parser reads it: a path of blocks and
// attributes to each value. References come out as ${what}.
type tree map[string]any

func read(t interface{ Fatalf(string, ...any) }, text string) tree {
	f, diags := hclsyntax.ParseConfig([]byte(text), "main.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, text)
	}
	out := tree{}
	out.body("", f.Body.(*hclsyntax.Body), []byte(text))
	return out
}

func (t tree) body(at string, b *hclsyntax.Body, text []byte) {
	for name, attr := range b.Attributes {
		if v, diags := attr.Expr.Value(nil); !diags.HasErrors() {
			t[at+name] = plain(v)
		} else {
			t[at+name] = "${" + string(attr.Expr.Range().SliceBytes(text)) + "}"
		}
	}
	for _, inner := range b.Blocks {
		path := at + strings.Join(append([]string{inner.Type}, inner.Labels...), ".") + "."
		if inner.Type == "import" {
			to := string(inner.Body.Attributes["to"].Expr.Range().SliceBytes(text))
			path = at + "import " + to + "."
		}
		t[path] = true
		t.body(path, inner.Body, text)
	}
}

func plain(v cty.Value) any {
	switch {
	case v.IsNull():
		return nil
	case v.Type() == cty.String:
		return v.AsString()
	case v.Type() == cty.Bool:
		return v.True()
	case v.Type() == cty.Number:
		n, _ := v.AsBigFloat().Int64()
		return int(n)
	case v.Type().IsTupleType():
		var all []any
		for _, one := range v.AsValueSlice() {
			all = append(all, plain(one))
		}
		return all
	}
	all := map[string]any{}
	for k, one := range v.AsValueMap() {
		all[k] = plain(one)
	}
	return all
}

// recorded is a setup of which everything is on record.
func recorded(a state.Answers) export.Setup {
	n, w := steps.NamesOf(a), steps.WantedOf(a, "4711")
	s := described(a)
	s.Number = "4711"
	s.Pins = map[string]string{steps.PinKeyVersion: "3"}
	there := func(phase state.Phase, kind, name string) {
		s.Entries = append(s.Entries, state.Entry{Resource: state.Resource{Kind: kind, Name: name}, Phase: phase})
	}
	there(state.Made, "cloudresourcemanager.project", n.Project())
	for _, service := range w.Services {
		there(state.Found, "serviceusage.service", n.Project()+"/services/"+service)
	}
	there(state.Found, "cloudkms.keyRing", n.KeyRing())
	there(state.Made, "cloudkms.cryptoKey", n.Key())
	there(state.Made, "artifactregistry.repository", n.Repository())
	there(state.Made, "iam.serviceAccount", n.Account())
	for _, g := range w.Grants {
		r := steps.BindingOf(g)
		there(state.Made, r.Kind, r.Name)
	}
	there(state.Made, "container.cluster", n.Cluster())
	there(state.Made, "container.nodePool", n.Cluster()+"/nodePools/signgate-pool")
	there(state.Made, "helm.release", "cosign-system/policy-controller")
	there(state.Made, "policy.clusterImagePolicy", a.Policy)
	there(state.Made, "kubernetes.namespace", a.Namespace)
	return s
}

// TestTerraformSaysTheAnswers reads the configuration back with HashiCorp's own parser and
// compares every value with the answers, and every import id with its documented form.
func TestTerraformSaysTheAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAnswers(t)
		text, err := export.Terraform(recorded(a))
		if err != nil {
			t.Fatal(err)
		}
		have, n := read(t, text), steps.NamesOf(a)
		want := func(path string, value any) {
			got, ok := have[path]
			if !ok || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", value) {
				t.Fatalf("%s is %#v, and was to be %#v\n%s", path, got, value, text)
			}
			delete(have, path)
		}
		imported := func(what, id string) { want("import "+what+".id", id) }
		project := "projects/" + a.Project
		want("provider.google.project", a.Project)
		want("provider.google.region", a.Region)
		if a.NewProject {
			imported("google_project.setup", a.Project)
			want("resource.google_project.setup.project_id", a.Project)
			want("resource.google_project.setup.billing_account", strings.TrimPrefix(a.BillingAccount, "billingAccounts/"))
		}
		for _, api := range []string{"cloudkms", "artifactregistry", "container", "iam", "cloudresourcemanager", "serviceusage"} {
			imported("google_project_service."+api, a.Project+"/"+api+".googleapis.com")
			want("resource.google_project_service."+api+".service", api+".googleapis.com")
			want("resource.google_project_service."+api+".project", a.Project)
			want("resource.google_project_service."+api+".disable_on_destroy", false)
		}
		ring := project + "/locations/" + a.Region + "/keyRings/" + a.Named(a.KeyRing)
		imported("google_kms_key_ring.setup", ring)
		want("resource.google_kms_key_ring.setup.name", a.Named(a.KeyRing))
		want("resource.google_kms_key_ring.setup.location", a.Region)
		imported("google_kms_crypto_key.setup", ring+"/cryptoKeys/"+a.Key)
		want("resource.google_kms_crypto_key.setup.name", a.Key)
		want("resource.google_kms_crypto_key.setup.key_ring", "${google_kms_key_ring.setup.id}")
		want("resource.google_kms_crypto_key.setup.purpose", "ASYMMETRIC_SIGN")
		want("resource.google_kms_crypto_key.setup.version_template.algorithm", "EC_SIGN_P256_SHA256")
		want("resource.google_kms_crypto_key.setup.lifecycle.prevent_destroy", true)
		repository := project + "/locations/" + a.Region + "/repositories/" + a.Named(a.Repository)
		imported("google_artifact_registry_repository.setup", repository)
		want("resource.google_artifact_registry_repository.setup.repository_id", a.Named(a.Repository))
		want("resource.google_artifact_registry_repository.setup.format", "DOCKER")
		email := n.AccountEmail()
		imported("google_service_account.nodes", project+"/serviceAccounts/"+email)
		want("resource.google_service_account.nodes.account_id", a.Named(a.Cluster)+"-sa")
		roles := []string{"logging.logWriter", "monitoring.metricWriter", "monitoring.viewer", "cloudkms.viewer", "cloudkms.verifier"}
		if a.WorkloadIdentity || a.Shape == state.Autopilot {
			roles = []string{"container.defaultNodeServiceAccount"}
			checkTerraformController(a, want, imported)
		}
		for _, role := range roles {
			name := "google_project_iam_member.nodes_" + strings.ReplaceAll(role, ".", "_")
			imported(name, a.Project+" roles/"+role+" serviceAccount:"+email)
			want("resource."+name+".role", "roles/"+role)
			want("resource."+name+".project", a.Project)
			want("resource."+name+".member", "${google_service_account.nodes.member}")
		}
		reader := "google_artifact_registry_repository_iam_member.nodes_artifactregistry_reader"
		imported(reader, repository+" roles/artifactregistry.reader serviceAccount:"+email)
		want("resource."+reader+".role", "roles/artifactregistry.reader")
		want("resource."+reader+".location", a.Region)
		checkTerraformCluster(a, want, imported)
		checkTerraformInside(t, a, have, want, imported)
		checkReferences(t, text)
		s := recorded(a)
		s.Number, s.Entries = "", nil
		if text, err = export.Terraform(s); err != nil {
			t.Fatal(err)
		}
		checkReferences(t, text)
		for path := range have {
			if strings.HasPrefix(path, "import ") && strings.HasSuffix(path, ".id") {
				t.Errorf("%s was not looked at", path)
			}
		}
	})
}

var reference = regexp.MustCompile(`\b(data\.)?((?:google|helm|kubernetes)_[a-z0-9_]+)\.([A-Za-z_]+)`)

// checkReferences: what is referred to stands in the file.
func checkReferences(t *rapid.T, text string) {
	for _, at := range reference.FindAllStringSubmatch(text, -1) {
		kind := "resource"
		if at[1] != "" {
			kind = "data"
		}
		if block := fmt.Sprintf("\n%s %q %q {", kind, at[2], at[3]); !strings.Contains(text, block) && !strings.Contains(text, "# terraform apply -target="+at[0]+"\n") {
			t.Fatalf("there is no %s\n%s", at[0], text)
		}
	}
}

func checkTerraformCluster(a state.Answers, want func(string, any), imported func(string, string)) {
	n := steps.NamesOf(a)
	location, nodes, disk := a.Region, a.Nodes, a.DiskGB
	if a.Shape == state.Zonal {
		location = n.Zone()
	}
	if a.Shape == state.Guide {
		nodes, disk = 3, 100
	}
	want("data.google_container_cluster.setup.name", a.Named(a.Cluster))
	want("data.google_container_cluster.setup.location", location)
	want("provider.kubernetes.host", `${"https://${data.google_container_cluster.setup.endpoint}"}`)
	c := "resource.google_container_cluster.setup."
	if a.ExistingCluster {
		if a.WorkloadIdentity || a.Shape == state.Autopilot {
			return
		}
		c = "resource.google_container_node_pool.setup."
		imported("google_container_node_pool.setup", strings.Join([]string{a.Project, location, a.Named(a.Cluster), "signgate-pool"}, "/"))
		want(c+"name", "signgate-pool")
		want(c+"cluster", a.Named(a.Cluster))
		want(c+"node_count", nodes)
		want(c+"node_config.machine_type", a.MachineType)
		want(c+"node_config.disk_size_gb", disk)
		want(c+"node_config.service_account", "${google_service_account.nodes.email}")
		return
	}
	imported("google_container_cluster.setup", "projects/"+a.Project+"/locations/"+location+"/clusters/"+a.Named(a.Cluster))
	want(c+"name", a.Named(a.Cluster))
	want(c+"location", location)
	want(c+"lifecycle.prevent_destroy", true)
	if a.Shape == state.Autopilot {
		want(c+"enable_autopilot", true)
		want(c+"cluster_autoscaling.auto_provisioning_defaults.service_account", "${google_service_account.nodes.email}")
		return
	}
	want(c+"initial_node_count", nodes)
	want(c+"node_config.machine_type", a.MachineType)
	want(c+"node_config.disk_size_gb", disk)
	want(c+"node_config.service_account", "${google_service_account.nodes.email}")
	var scopes []any
	for _, s := range []string{"logging.write", "monitoring", "devstorage.read_only", "servicecontrol", "service.management.readonly", "trace.append", "userinfo.email", "cloudkms"} {
		if s != "cloudkms" || !a.WorkloadIdentity {
			scopes = append(scopes, "https://www.googleapis.com/auth/"+s)
		}
	}
	want(c+"node_config.oauth_scopes", scopes)
	if a.WorkloadIdentity {
		want(c+"workload_identity_config.workload_pool", a.Project+".svc.id.goog")
		want(c+"node_config.workload_metadata_config.mode", "GKE_METADATA")
	}
}

func checkTerraformController(a state.Answers, want func(string, any), imported func(string, string)) {
	member := "principal://iam.googleapis.com/projects/4711/locations/global/workloadIdentityPools/" + a.Project +
		".svc.id.goog/subject/ns/cosign-system/sa/policy-controller-webhook"
	for _, role := range []string{"viewer", "publicKeyViewer"} {
		name := "google_kms_crypto_key_iam_member.controller_cloudkms_" + role
		imported(name, a.Project+"/"+a.Region+"/"+a.Named(a.KeyRing)+"/"+a.Key+" roles/cloudkms."+role+" "+member)
		want("resource."+name+".crypto_key_id", "${google_kms_crypto_key.setup.id}")
		want("resource."+name+".role", "roles/cloudkms."+role)
		want("resource."+name+".member", member)
	}
	reader := "google_artifact_registry_repository_iam_member.controller_artifactregistry_reader"
	imported(reader, "projects/"+a.Project+"/locations/"+a.Region+"/repositories/"+a.Named(a.Repository)+" roles/artifactregistry.reader "+member)
	want("resource."+reader+".member", member)
}

func checkTerraformInside(t *rapid.T, a state.Answers, have tree, want func(string, any), imported func(string, string)) {
	n := steps.NamesOf(a)
	h := "resource.helm_release.policy_controller."
	imported("helm_release.policy_controller", "cosign-system/policy-controller")
	want(h+"repository", chart.Repo)
	want(h+"chart", chart.Name)
	want(h+"version", chart.Version)
	var values map[string]any
	if err := yaml.Unmarshal([]byte(have[h+"values"].([]any)[0].(string)), &values); err != nil {
		t.Fatal(err)
	}
	pool := ""
	if a.ExistingCluster && !a.Federated() {
		pool = "commonNodeSelector:map[cloud.google.com/gke-nodepool:signgate-pool] "
	}
	if got := fmt.Sprint(values); got != "map["+pool+"webhook:map[extraArgs:map[disable-tuf:true]]]" {
		t.Fatalf("values %s", got)
	}
	imported("kubernetes_manifest.policy", "apiVersion=policy.sigstore.dev/v1alpha1,kind=ClusterImagePolicy,name="+a.Policy)
	want("resource.kubernetes_manifest.policy.manifest", map[string]any{
		"apiVersion": "policy.sigstore.dev/v1alpha1", "kind": "ClusterImagePolicy", "metadata": map[string]any{"name": a.Policy},
		"spec": map[string]any{
			"mode": "enforce", "images": []any{map[string]any{"glob": n.RepositoryPath() + "/*"}},
			"authorities": []any{map[string]any{"key": map[string]any{"kms": n.KMSRef("3")}}},
		},
	})
	if a.Namespace != "default" {
		imported("kubernetes_namespace_v1.protected", a.Namespace)
		want("resource.kubernetes_namespace_v1.protected.metadata.name", a.Namespace)
		want("resource.kubernetes_namespace_v1.protected.lifecycle.ignore_changes", "${[metadata[0].labels]}")
	}
	want("resource.kubernetes_labels.enforcement.metadata.name", a.Namespace)
	want("resource.kubernetes_labels.enforcement.labels", map[string]any{"policy.sigstore.dev/include": "true"})
}

// What is not there yet is not imported: Terraform would stop at it.
func TestTerraformImportsOnlyWhatIsThere(t *testing.T) {
	s := recorded(defaults())
	for i := range s.Entries {
		if s.Entries[i].Kind == "container.cluster" {
			s.Entries[i].Phase = state.Gone
		}
	}
	text, err := export.Terraform(s)
	if err != nil {
		t.Fatal(err)
	}
	have := read(t, text)
	if have["import google_container_cluster.setup."] != nil || have["import google_kms_key_ring.setup."] == nil {
		t.Error(text)
	}
	if text, err = export.Terraform(described(defaults())); err != nil || strings.Contains(text, "import {") || strings.Contains(text, "data.google_container_cluster") {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestTerraformIsFormatted as Terraform itself has it, where there is one on the machine. Its
// providers are not asked for: they would have to be downloaded.
func TestTerraformIsFormatted(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not on this machine")
	}
	a := defaults()
	a.NewProject, a.BillingAccount, a.Namespace = true, "billingAccounts/012345-6789AB-CDEF01", "prod"
	for name, s := range map[string]export.Setup{"recorded": recorded(a), "described": described(defaults())} {
		text, err := export.Terraform(s)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("terraform", "fmt", "-check", "-diff", dir)
		cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
