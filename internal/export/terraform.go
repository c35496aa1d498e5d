package export

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"sigs.k8s.io/yaml"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/steps"
)

// Terraform is the setup as a Terraform configuration, with an import block for
// each resource that is there: from then on Terraform holds it. Images and their
// signatures are no matter of Terraform's and are left out, as is the proof.
func Terraform(s Setup) (string, error) {
	file := hclwrite.NewEmptyFile()
	t := terraform{Setup: s, n: s.names(), w: steps.WantedOf(s.Answers, s.Number), out: block{file.Body()}}
	t.head()
	t.google()
	t.identity()
	t.cluster()
	if err := t.inside(); err != nil {
		return "", err
	}
	return string(hclwrite.Format(file.Bytes())), nil
}

type terraform struct {
	Setup
	n   steps.Names
	w   steps.Wanted
	out block
}

// head names the providers and says what the file is.
func (t terraform) head() {
	t.out.comment(
		"Setup "+t.Name+" of signgate, for Terraform to go on with. terraform plan shows what is imported",
		"and should show nothing that is made anew. Once it is applied, leave the setup to Terraform:",
		"signgate destroy would remove what Terraform has on record.",
		"Not here: the images and their signatures (signgate sign, signgate export ci), and what the proof deployed.",
	)
	t.out.gap()
	settings := t.out.add("terraform").set("required_version", ">= 1.5.0") // the first with import blocks
	providers := settings.add("required_providers")
	for _, p := range [][2]string{{"google", ">= 6.0.0"}, {"helm", ">= 3.0.0"}, {"kubernetes", ">= 2.30.0"}} {
		providers.set(p[0], map[string]any{"source": "hashicorp/" + p[0], "version": p[1]})
	}
	t.gap().add("provider", "google").set("project", t.Answers.Project).set("region", t.Answers.Region)
}

func (t terraform) gap() block { t.out.gap(); return t.out }

// resource begins a resource, and before it the import of the one that is there. No
// id: Terraform can import none of this kind, or there is none yet.
func (t terraform) resource(kind, name, id string) block {
	t.out.gap()
	if id != "" {
		t.out.add("import").refer("to", kind+"."+name).set("id", id)
		t.out.gap()
	}
	return t.out.add("resource", kind, name)
}

// known is an import id where the resource is there as far as the record knows.
func (t terraform) known(kind, name, id string) string {
	if !t.there(kind, name) {
		return ""
	}
	return id
}

// google is what is in the project besides the cluster. Ids are in the forms that the
// provider's documentation of each resource gives.
func (t terraform) google() {
	a, project := t.Answers, t.Answers.Project
	if a.NewProject {
		t.resource("google_project", "setup", t.known("cloudresourcemanager.project", t.n.Project(), project)).
			set("project_id", project).set("name", project).
			set("billing_account", strings.TrimPrefix(a.BillingAccount, "billingAccounts/")).
			add("lifecycle").code("ignore_changes", "[org_id, folder_id, labels, auto_create_network]")
	}
	for _, service := range t.w.Services {
		api := t.resource("google_project_service", short(service), t.known("serviceusage.service", t.n.Project()+"/services/"+service, project+"/"+service)).
			set("project", project).set("service", service).set("disable_on_destroy", false)
		if a.NewProject {
			api.after("google_project.setup")
		}
	}
	t.resource("google_kms_key_ring", "setup", t.known("cloudkms.keyRing", t.n.KeyRing(), t.n.KeyRing())).
		set("project", project).set("location", a.Region).set("name", t.n.KeyRingID()).
		after("google_project_service.cloudkms")
	key := t.resource("google_kms_crypto_key", "setup", t.known("cloudkms.cryptoKey", t.n.Key(), t.n.Key())).
		refer("key_ring", "google_kms_key_ring.setup.id").set("name", a.Key).set("purpose", "ASYMMETRIC_SIGN")
	key.add("version_template").set("algorithm", t.w.Algorithm).set("protection_level", "SOFTWARE")
	key.comment("A key that is gone takes every image with it that it has signed.").add("lifecycle").set("prevent_destroy", true)
	t.resource("google_artifact_registry_repository", "setup", t.known("artifactregistry.repository", t.n.Repository(), t.n.Repository())).
		set("project", project).set("location", a.Region).set("repository_id", t.n.RepositoryID()).
		set("format", "DOCKER").set("description", t.w.Repository).
		after("google_project_service.artifactregistry")
}

// short is the name of an API's resource: "cloudkms.googleapis.com" is cloudkms.
func short(service string) string {
	name, _, _ := strings.Cut(service, ".")
	return name
}

// identity is the nodes' account and each role; other members of a role are left alone.
func (t terraform) identity() {
	project := t.Answers.Project
	account := t.resource("google_service_account", "nodes", t.known("iam.serviceAccount", t.n.Account(), t.n.Account())).
		set("project", project).set("account_id", t.n.AccountID()).set("display_name", t.w.Account).
		after("google_project_service.iam")
	account.comment("signgate knows the account by what is in its description.").
		add("lifecycle").code("ignore_changes", "[description]")
	if t.n.Federated() && t.Number == "" {
		t.gap().add("data", "google_project", "setup").set("project_id", project)
	}
	for _, g := range t.w.Grants {
		t.grant(g)
	}
}

func (t terraform) grant(g steps.Grant) {
	var kind, on string // on is the resource as an import names it
	switch g.On {
	case t.n.Repository():
		kind, on = "google_artifact_registry_repository_iam_member", g.On
	case t.n.Key():
		kind, on = "google_kms_crypto_key_iam_member", strings.Join([]string{t.Answers.Project, t.Answers.Region, t.n.KeyRingID(), t.Answers.Key}, "/")
	default:
		kind, on = "google_project_iam_member", t.Answers.Project
	}
	who := "nodes"
	if g.Member != t.n.Member() {
		who = "controller"
	}
	r := steps.BindingOf(g)
	name := who + "_" + strings.ReplaceAll(strings.TrimPrefix(g.Role, "roles/"), ".", "_")
	member := t.resource(kind, name, t.known(r.Kind, r.Name, on+" "+g.Role+" "+g.Member))
	switch g.On {
	case t.n.Repository():
		member.set("project", t.Answers.Project).set("location", t.Answers.Region).refer("repository", "google_artifact_registry_repository.setup.name")
	case t.n.Key():
		member.refer("crypto_key_id", "google_kms_crypto_key.setup.id")
	default:
		member.set("project", t.Answers.Project)
	}
	member.set("role", g.Role)
	switch {
	case who == "nodes":
		member.refer("member", "google_service_account.nodes.member")
	case t.Number == "":
		member.code("member", `"`+t.n.ControllerMember("${data.google_project.setup.number}")+`"`)
	default:
		member.set("member", g.Member)
	}
	if who == "controller" { // the project's identity pool comes with its first cluster
		member.after(t.made()...)
	}
}

// made is what must be there before anything can be in the cluster, as far as the setup makes it.
func (t terraform) made() []string {
	switch {
	case !t.Answers.ExistingCluster:
		return []string{"google_container_cluster.setup"}
	case t.w.Pool != "":
		return []string{"google_container_node_pool.setup"}
	}
	return nil
}

// cluster is the cluster, with its one pool of nodes where Google does not keep them; of a
// cluster that is somebody else's it is the setup's own pool.
func (t terraform) cluster() {
	a := t.Answers
	if a.ExistingCluster {
		t.pool()
		return
	}
	c := t.resource("google_container_cluster", "setup", t.known("container.cluster", t.n.Cluster(), t.n.Cluster())).
		set("project", a.Project).set("name", t.n.ClusterID()).set("location", t.n.ClusterLocation()).set("network", "default")
	fixed := "[node_config, initial_node_count, node_locations]"
	if t.n.Autopilot() {
		c.set("enable_autopilot", true)
		c.add("cluster_autoscaling").add("auto_provisioning_defaults").refer("service_account", "google_service_account.nodes.email")
		fixed = "[cluster_autoscaling]"
	} else {
		c.set("initial_node_count", t.n.Nodes())
		node := t.node(c)
		if t.n.Federated() {
			node.add("workload_metadata_config").set("mode", "GKE_METADATA")
			c.add("workload_identity_config").set("workload_pool", t.n.WorkloadPool())
		}
	}
	c.add("ip_allocation_policy")
	c.add("release_channel").set("channel", "REGULAR")
	c.after("google_project_service.container")
	c.comment("None of these can change without all the nodes, or the cluster, being made anew.").
		add("lifecycle").set("prevent_destroy", true).code("ignore_changes", fixed)
}

func (t terraform) pool() {
	if t.w.Pool == "" {
		return
	}
	name := t.n.Cluster() + "/nodePools/" + t.w.Pool
	id := strings.Join([]string{t.Answers.Project, t.n.ClusterLocation(), t.n.ClusterID(), t.w.Pool}, "/")
	p := t.resource("google_container_node_pool", "setup", t.known("container.nodePool", name, id)).
		set("project", t.Answers.Project).set("location", t.n.ClusterLocation()).set("cluster", t.n.ClusterID()).
		set("name", t.w.Pool).set("node_count", t.n.Nodes())
	t.node(p)
	p.comment("It would be made anew.").add("lifecycle").code("ignore_changes", "[node_config]")
}

// node is what the nodes are.
func (t terraform) node(in block) block {
	return in.add("node_config").
		set("machine_type", t.Answers.MachineType).set("disk_size_gb", t.n.DiskGB()).
		refer("service_account", "google_service_account.nodes.email").set("oauth_scopes", t.w.Scopes).
		set("metadata", map[string]any{"disable-legacy-endpoints": "true"})
}

// inside is what is in the cluster, and how the providers reach it.
func (t terraform) inside() error {
	from := "google_container_cluster.setup"
	if t.Answers.ExistingCluster || t.there("container.cluster", t.n.Cluster()) { // read as it is, so that the providers know it as they plan
		from = "data." + from
		t.gap().add("data", "google_container_cluster", "setup").
			set("project", t.Answers.Project).set("name", t.n.ClusterID()).set("location", t.n.ClusterLocation())
	} else {
		t.gap().comment("There is no cluster yet, and kubernetes_manifest looks into it while planning: make it first, by",
			"terraform apply -target=helm_release.policy_controller")
	}
	t.gap().add("data", "google_client_config", "me")
	kubernetes, helm := t.gap().add("provider", "kubernetes"), "{\n"
	for _, way := range [][2]string{
		{"host", `"https://${` + from + `.endpoint}"`},
		{"token", "data.google_client_config.me.access_token"},
		{"cluster_ca_certificate", "base64decode(" + from + ".master_auth[0].cluster_ca_certificate)"},
	} {
		kubernetes.code(way[0], way[1])
		helm += " " + way[0] + " = " + way[1] + "\n"
	}
	t.gap().add("provider", "helm").code("kubernetes", helm+"}")

	values, err := yaml.Marshal(t.w.ControllerValues)
	if err != nil {
		return err
	}
	release := t.w.ControllerNamespace + "/" + t.w.ControllerRelease
	t.resource("helm_release", "policy_controller", t.known("helm.release", release, release)).
		set("name", t.w.ControllerRelease).set("namespace", t.w.ControllerNamespace).set("create_namespace", true).
		set("repository", t.Chart.Repo).set("chart", t.Chart.Name).set("version", t.Chart.Version).
		set("values", []string{string(values)}).
		after(t.made()...)
	return t.policy()
}

// policy is the policy and the namespace that it protects.
func (t terraform) policy() error {
	text, err := assets.Policy(t.Answers.Policy, t.w.Glob, steps.PolicyKeys(t.Answers, t.options())...)
	if err != nil {
		return err
	}
	var manifest map[string]any
	if err := yaml.Unmarshal([]byte(text), &manifest); err != nil {
		return err
	}
	name := t.Answers.Policy
	id := fmt.Sprintf("apiVersion=%s,kind=%s,name=%s", manifest["apiVersion"], manifest["kind"], name)
	policy := t.resource("kubernetes_manifest", "policy", t.known("policy.clusterImagePolicy", name, id)).
		set("manifest", manifest).
		comment("The controller fills in what the policy leaves open.").
		set("computed_fields", []string{"metadata.labels", "metadata.annotations", "metadata.finalizers", "spec.authorities"}).
		after("helm_release.policy_controller")
	policy.comment("What signgate or kubectl has set before is Terraform's from now on.").add("field_manager").set("force_conflicts", true)
	namespace := t.Answers.Namespace
	before := []string{"kubernetes_manifest.policy"}
	if namespace != "default" {
		ns := t.resource("kubernetes_namespace_v1", "protected", t.known("kubernetes.namespace", namespace, namespace))
		ns.add("metadata").set("name", namespace)
		ns.comment("Its label is what closes the gate: it is not taken off for not standing here.").
			add("lifecycle").code("ignore_changes", "[metadata[0].labels]")
		before = append(before, "kubernetes_namespace_v1.protected")
	}
	label := t.resource("kubernetes_labels", "enforcement", "").
		comment("A label is not imported: to make it where it is already changes nothing.").
		set("api_version", "v1").set("kind", "Namespace").set("labels", map[string]any{t.w.Label: "true"}).
		set("force", true)
	label.add("metadata").set("name", namespace)
	label.after(before...)
	return nil
}
