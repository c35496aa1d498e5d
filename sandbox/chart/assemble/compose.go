package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"

	"github.com/signgate/signgate/sandbox/chart"
)

//go:embed all:templates
var templates embed.FS

// facts are what the templates take from the module.
type facts struct {
	Version, AppVersion string
	Repository, Image   string // the image's digest
	Grace               int
	Affinity            string
	Env                 map[string]string
	Port                int
	Probe               probe
	Get                 string // where probes go, apart from the path
	Service             string
	Names               map[string]string // of webhooks: policy, defaulting, validating
	Selector            string            // of namespaces
	Metrics             string
}

type probe struct {
	InitialDelaySeconds, PeriodSeconds, FailureThreshold int
}

// compose makes the chart's files.
func compose(module, image string) (map[string]string, error) {
	f, err := learn(module)
	if err != nil {
		return nil, err
	}
	f.Version, f.AppVersion, f.Repository, f.Image = chart.Version, chart.AppVersion, chart.Repository, image
	files, err := f.own()
	if err != nil {
		return nil, err
	}
	if err := taken(module, f, files); err != nil {
		return nil, err
	}
	license, err := os.ReadFile(filepath.Join(module, "LICENSE"))
	if err != nil {
		return nil, err
	}
	files["LICENSE"] = string(license)
	about, err := yaml.Marshal(chart.Metadata())
	if err != nil {
		return nil, err
	}
	files["Chart.yaml"] = string(about)
	files["values.schema.json"], err = schema(files["values.yaml"])
	return files, err
}

// own fills our templates in.
func (f *facts) own() (map[string]string, error) {
	files := map[string]string{}
	entries, err := templates.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		data, err := templates.ReadFile("templates/" + e.Name())
		if err != nil {
			return nil, err
		}
		t, err := template.New(e.Name()).Delims("[[", "]]").Option("missingkey=error").Parse(string(data))
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, f); err != nil {
			return nil, err
		}
		name := "templates/" + e.Name()
		if e.Name() == "values.yaml" || e.Name() == "README.md" {
			name = e.Name()
		}
		files[name] = out.String()
	}
	return files, nil
}

// learn reads from the module what the templates need.
func learn(module string) (*facts, error) {
	f := &facts{Env: map[string]string{}, Names: map[string]string{}}
	deployment, err := one(module, "webhook.yaml")
	if err != nil {
		return nil, err
	}
	pod := func(want any, path ...any) error {
		return into(deployment, want, append([]any{"spec", "template", "spec"}, path...)...)
	}
	if err := pod(&f.Grace, "terminationGracePeriodSeconds"); err != nil {
		return nil, err
	}
	if err := f.containers(pod); err != nil {
		return nil, err
	}
	if err := f.affinity(pod); err != nil {
		return nil, err
	}
	service, err := one(module, "400-webhook-service.yaml")
	if err != nil {
		return nil, err
	}
	if err := into(service, &f.Service, "metadata", "name"); err != nil {
		return nil, err
	}
	if err := f.webhooks(module); err != nil {
		return nil, err
	}
	metrics, err := one(module, "config-observability.yaml")
	if err != nil {
		return nil, err
	}
	example, err := exampleOf(metrics)
	if err != nil {
		return nil, err
	}
	delete(example, "metrics.stackdriver-project-id")
	f.Metrics, err = text(example, 2)
	return f, err
}

func (f *facts) containers(pod func(want any, path ...any) error) error {
	var env []struct{ Name, Value string }
	if err := pod(&env, "containers", 0, "env"); err != nil {
		return err
	}
	for _, e := range env {
		f.Env[e.Name] = e.Value
	}
	if err := pod(&f.Probe, "containers", 0, "readinessProbe"); err != nil {
		return err
	}
	var get map[string]any
	if err := pod(&get, "containers", 0, "readinessProbe", "httpGet"); err != nil {
		return err
	}
	if err := into(get, &f.Port, "port"); err != nil {
		return err
	}
	var err error
	f.Get, err = text(get, 14)
	return err
}

// affinity spreads replicas over nodes; the label is the chart's instead of the module's.
func (f *facts) affinity(pod func(want any, path ...any) error) error {
	var spread map[string]any
	if err := pod(&spread, "affinity"); err != nil {
		return err
	}
	out, err := text(spread, 8)
	if err != nil {
		return err
	}
	const theirs = "role: webhook"
	if strings.Count(out, theirs) != 1 {
		return fmt.Errorf("the module spreads its replicas by other labels: %s", out)
	}
	f.Affinity = strings.Replace(out, theirs, `control-plane: {{ include "webhook" . }}`, 1)
	return nil
}

func (f *facts) webhooks(module string) error {
	admission, err := objects(module, "500-webhook-configuration.yaml")
	if err != nil {
		return err
	}
	policy := admission[0]
	name, selector := "", map[string]any{}
	if err := into(policy, &name, "metadata", "name"); err != nil {
		return err
	}
	if err := into(policy, &selector, "webhooks", 0, "namespaceSelector"); err != nil {
		return err
	}
	f.Names["policy"] = name
	if f.Selector, err = text(selector, 4); err != nil {
		return err
	}
	resources, err := objects(module, "501-policy-webhook-configurations.yaml")
	if err != nil {
		return err
	}
	for _, o := range resources {
		if err := into(o, &name, "metadata", "name"); err != nil {
			return err
		}
		short, _, _ := strings.Cut(name, ".")
		f.Names[short] = name
	}
	return nil
}

// schema says of what type each value is, so that a mistake is refused before anything
// is installed.
func schema(values string) (string, error) {
	var v any
	if err := yaml.Unmarshal([]byte(values), &v); err != nil {
		return "", err
	}
	s := typeOf(v)
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	out, err := json.MarshalIndent(s, "", "  ")
	return string(out) + "\n", err
}

func typeOf(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		fields := map[string]any{}
		for name, value := range v {
			fields[name] = typeOf(value)
		}
		return map[string]any{"type": "object", "properties": fields}
	case []any:
		return map[string]any{"type": "array"}
	case string:
		return map[string]any{"type": "string"}
	case bool:
		return map[string]any{"type": "boolean"}
	case float64:
		return map[string]any{"type": "integer"}
	}
	return map[string]any{}
}
