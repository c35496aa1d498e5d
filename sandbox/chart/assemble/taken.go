package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// Marks stand in objects for what Helm fills in; they become templates when the object
// is written out.
const (
	namespaceMark = "TPL-NAMESPACE"
	webhookMark   = "TPL-WEBHOOK"
	accountMark   = "TPL-ACCOUNT"
	labelsMark    = "TPL-LABELS"
	notesMark     = "TPL-NOTES"
	failureMark   = "TPL-FAILURE"
	selectorMark  = "TPL-SELECTOR"
	timeoutMark   = "TPL-TIMEOUT-"
	nameMark      = "TPL-NAME-"
	levelMark     = "TPL-LEVEL"
)

// taken adds what is the module's own, with the chart's names in it.
func taken(module string, f *facts, files map[string]string) error {
	for _, step := range []func(string, *facts, map[string]string) error{customResources, roles, configMaps, logging, webhookConfigurations} {
		if err := step(module, f, files); err != nil {
			return err
		}
	}
	return nil
}

// customResources are the module's files as they are, but for the namespace.
func customResources(module string, _ *facts, files map[string]string) error {
	for _, file := range []string{"300-clusterimagepolicy.yaml", "300-trustroot.yaml"} {
		if _, err := one(module, file); err != nil {
			return err
		}
		data, err := os.ReadFile(filepath.Join(module, "config", file))
		if err != nil {
			return err
		}
		files["templates/crds/"+file] = strings.ReplaceAll(string(data), "namespace: cosign-system", "namespace: {{ .Release.Namespace }}")
	}
	return nil
}

func roles(module string, f *facts, files map[string]string) error {
	for _, file := range []string{"200-clusterrole.yaml", "200-role.yaml", "201-clusterrolebinding.yaml", "201-rolebinding.yaml"} {
		o, err := one(module, file)
		if err != nil {
			return err
		}
		meta := map[string]any{"name": webhookMark, "labels": labelsMark}
		if !strings.Contains(file, "cluster") {
			meta["namespace"] = namespaceMark
		}
		o["metadata"] = meta
		if ref, ok := o["roleRef"].(map[string]any); ok {
			ref["name"] = webhookMark
			o["subjects"] = []any{map[string]any{"kind": "ServiceAccount", "name": accountMark, "namespace": namespaceMark}}
		}
		names := map[string]string{"cosign-system": namespaceMark}
		for short, name := range f.Names {
			names[name] = nameMark + short
		}
		text, err := render(replaced(map[string]any(o), names))
		if err != nil {
			return err
		}
		files["templates/"+file] = text
	}
	return nil
}

// replaced puts marks where a text is one of the names.
func replaced(v any, names map[string]string) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = replaced(x, names)
		}
	case []any:
		for i, x := range v {
			v[i] = replaced(x, names)
		}
	case string:
		if mark, ok := names[v]; ok {
			return mark
		}
	}
	return v
}

func configMaps(module string, _ *facts, files map[string]string) error {
	for _, file := range []string{"config-image-policies.yaml", "config-sigstore-keys.yaml", "config-policy-controller.yaml"} {
		o, err := one(module, file)
		if err != nil {
			return err
		}
		meta, ok := o["metadata"].(map[string]any)
		if !ok {
			return fmt.Errorf("%s has no metadata", file)
		}
		meta["namespace"], meta["annotations"] = namespaceMark, notesMark
		text, err := render(o)
		if err != nil {
			return err
		}
		if file == "config-policy-controller.yaml" {
			head, example, ok := strings.Cut(text, "data:\n")
			end := regexp.MustCompile(`(?m)^\w`).FindStringIndex(example)
			if !ok || end == nil {
				return fmt.Errorf("%s has no data in the middle", file)
			}
			text = head + "data:\n  {{- with .Values.webhook.configData }}\n  {{- toYaml . | nindent 2 }}\n  {{- else }}\n" +
				example[:end[0]] + "  {{- end }}\n" + example[end[0]:]
		}
		files["templates/"+file] = text
	}
	return nil
}

// exampleOf is a config map's "_example", which has what can be set.
func exampleOf(o object) (map[string]any, error) {
	var example string
	if err := into(o, &example, "data", "_example"); err != nil {
		return nil, err
	}
	var data map[string]any
	err := yaml.Unmarshal([]byte(example), &data)
	return data, err
}

func logging(module string, _ *facts, files map[string]string) error {
	o, err := one(module, "config-logging.yaml")
	if err != nil {
		return err
	}
	data, err := exampleOf(o)
	if err != nil {
		return err
	}
	for name, value := range data {
		s := fmt.Sprint(value)
		if strings.HasPrefix(name, "loglevel.") {
			s = levelMark
		}
		data[name] = strings.Replace(s, `"level": "info"`, `"level": "`+levelMark+`"`, 1)
	}
	o["data"] = data
	o["metadata"] = map[string]any{"name": webhookMark + "-logging", "namespace": namespaceMark, "labels": labelsMark, "annotations": notesMark}
	files["templates/config-logging.yaml"], err = render(o)
	return err
}

// webhookConfigurations take their rules and their CA from the controller when it runs,
// their limits of time from the values.
func webhookConfigurations(module string, f *facts, files map[string]string) error {
	for _, file := range []string{"500-webhook-configuration.yaml", "501-policy-webhook-configurations.yaml"} {
		all, err := objects(module, file)
		if err != nil {
			return err
		}
		var texts []string
		for _, o := range all {
			if o["kind"] == "Secret" {
				o["metadata"] = map[string]any{"name": "webhook-certs", "namespace": namespaceMark, "labels": labelsMark, "annotations": notesMark}
			} else if err := webhook(o, f); err != nil {
				return err
			}
			text, err := render(o)
			if err != nil {
				return err
			}
			texts = append(texts, text)
		}
		files["templates/"+file] = strings.Join(texts, "---\n")
	}
	return nil
}

func webhook(o object, f *facts) error {
	name := ""
	if err := into(o, &name, "metadata", "name"); err != nil {
		return err
	}
	hooks, ok := o["webhooks"].([]any)
	if !ok || len(hooks) != 1 {
		return fmt.Errorf("%v %s has not one webhook", o["kind"], name)
	}
	hook, ok := hooks[0].(map[string]any)
	if !ok {
		return fmt.Errorf("%v %s has no webhook", o["kind"], name)
	}
	for short, known := range f.Names {
		if known != name {
			continue
		}
		o["metadata"], hook["name"] = map[string]any{"name": nameMark + short}, nameMark+short
		hook["clientConfig"] = replaced(hook["clientConfig"], map[string]string{"cosign-system": namespaceMark})
		which := short
		if short == "policy" {
			which = strings.ToLower(strings.TrimSuffix(fmt.Sprint(o["kind"]), "WebhookConfiguration"))
			hook["failurePolicy"], hook["namespaceSelector"] = failureMark, selectorMark
		}
		hook["timeoutSeconds"] = timeoutMark + which
		return nil
	}
	return fmt.Errorf("the webhook %s is not one that is known", name)
}

// render writes an object, with templates where the marks are.
func render(v any) (string, error) {
	data, err := yaml.Marshal(v)
	if err != nil {
		return "", err
	}
	out := string(data)
	out = regexp.MustCompile(`(?m)^( +)labels: `+labelsMark+`$`).ReplaceAllString(out, "${1}labels:\n${1}  {{- include \"labels\" . | nindent 4 }}")
	out = regexp.MustCompile(`(?m)^( +)annotations: `+notesMark+`$`).ReplaceAllString(out,
		"${1}{{- with .Values.commonAnnotations }}\n${1}annotations:\n${1}  {{- toYaml . | nindent 4 }}\n${1}{{- end }}")
	out = regexp.MustCompile(`(?m)^( +)timeoutSeconds: `+timeoutMark+`(\w+)$`).ReplaceAllStringFunc(out, func(line string) string {
		blanks, which, _ := strings.Cut(line, "timeoutSeconds: "+timeoutMark)
		values := ".Values.webhook.webhookTimeoutSeconds."
		if which == "mutating" && strings.Contains(out, nameMark+"policy") || which == "validating" && strings.Contains(out, nameMark+"policy") {
			values = ".Values.cosign.webhookTimeoutSeconds."
		}
		return blanks + "{{- with " + values + which + " }}\n" + blanks + "timeoutSeconds: {{ . }}\n" + blanks + "{{- end }}"
	})
	for mark, with := range map[string]string{
		"namespaceSelector: " + selectorMark: "namespaceSelector:\n    {{- toYaml .Values.webhook.namespaceSelector | nindent 4 }}",
		failureMark:                          "{{ .Values.webhook.failurePolicy }}",
		nameMark + "policy":                  `{{ required "cosign.webhookName is missing" .Values.cosign.webhookName }}`,
		nameMark + "defaulting":              `{{ required "webhook.webhookNames.defaulting is missing" .Values.webhook.webhookNames.defaulting }}`,
		nameMark + "validating":              `{{ required "webhook.webhookNames.validating is missing" .Values.webhook.webhookNames.validating }}`,
		levelMark:                            "{{ .Values.loglevel }}",
		namespaceMark:                        "{{ .Release.Namespace }}",
		webhookMark:                          `{{ include "webhook" . }}`,
		accountMark:                          `{{ include "account" . }}`,
	} {
		out = strings.ReplaceAll(out, mark, with)
	}
	if strings.Contains(out, "TPL-") {
		return "", fmt.Errorf("a mark is left in %s", out)
	}
	return out, nil
}
