package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signgate/signgate/internal/export"
	"github.com/signgate/signgate/internal/problem"
	"github.com/signgate/signgate/state"
	"go.yaml.in/yaml/v3"
)

const root = "../.."

// TestDocsAreFresh: what lies in docs/ is what the code says now.
func TestDocsAreFresh(t *testing.T) {
	all, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		have, err := os.ReadFile(filepath.Join(root, "docs", p.name))
		if err != nil || !bytes.Equal(have, p.text) {
			t.Errorf("docs/%s is not what the code says (%v): make docs", p.name, err)
		}
	}
}

func generated(t *testing.T, name string) string {
	all, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.name == name {
			return string(p.text)
		}
	}
	t.Fatalf("no page %s", name)
	return ""
}

// compiled is one of the schemas, ready to judge.
func compiled(t *testing.T, name string) *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(generated(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSetupSchemaJudgesConfigFiles(t *testing.T) {
	s := compiled(t, "setup.schema.json")
	for file, good := range map[string]bool{
		export.Config(state.Defaults()): true, "region: europe-west1\nnodes: 3\n": true, "{}": true,
		"participants: [ann, 7]": true, "participants: 12": true, "participants: []": false, "participants: all": false, "regoin: europe-west1": false, "nodes: three": false, "publicLog: 1": false, "shape: round": false, "project: 7": false,
	} {
		var v any
		if err := yaml.Unmarshal([]byte(file), &v); err != nil {
			t.Fatal(err)
		}
		err := s.Validate(v)
		_, _, wrong := state.ReadAnswers([]byte(file), state.Defaults())
		_, more := state.ReadParticipants([]byte(file))
		wrong = append(wrong, more...)
		if (err == nil) != good || file != "shape: round" && (len(wrong) == 0) != good {
			t.Errorf("%.40q: schema %v, signgate %v", file, err, wrong)
		}
	}
}

func TestEventsSchemaTellsLinesApart(t *testing.T) {
	s := compiled(t, "events.schema.json")
	const at = `"time":"2026-01-02T03:04:05Z"`
	for line, good := range map[string]bool{
		`{` + at + `,"type":"step","step":"key","status":"started"}`:                  true,
		`{` + at + `,"type":"step","step":"key"}`:                                     false,
		`{` + at + `,"type":"step","step":"key","status":"begun"}`:                    false,
		`{` + at + `,"type":"notice","text":"waiting"}`:                               true,
		`{` + at + `,"type":"notice","text":"it would be refused","warning":true}`:    true,
		`{"type":"notice","text":"waiting"}`:                                          false,
		`{` + at + `,"type":"summary"}`:                                               false,
		`{` + at + `,"type":"progress","step":"key","progress":{"done":1,"total":2}}`: true,
		`{` + at + `,"type":"other"}`:                                                 false,
		`{` + at + `,"type":"notice","more":1}`:                                       false,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); (err == nil) != good {
			t.Errorf("%s: %v", line, err)
		}
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(generated(t, "events.schema.json")), &doc); err != nil {
		t.Fatal(err)
	}
	status := doc["$defs"].(map[string]any)["Event"].(map[string]any)["properties"].(map[string]any)["status"].(map[string]any)
	if all, _ := status["enum"].([]any); len(all) < 6 {
		t.Errorf("the statuses are %v", status)
	}
}

func TestPagesHaveEveryThing(t *testing.T) {
	problems := generated(t, "problems.md")
	for _, e := range problem.Catalogue() {
		if !strings.Contains(problems, "\n## "+e.ID+"\n") {
			t.Errorf("problems.md has no %s", e.ID)
		}
	}
	record := generated(t, "state.md")
	for _, want := range []string{"`serial`", "`key-version`", "`image-digest`", "- `intended`", "`cloudkms.keyRing`: key ring", "`operation`"} {
		if !strings.Contains(record, want) {
			t.Errorf("state.md has no %s", want)
		}
	}
	if text := generated(t, "steps.md"); strings.Count(text, "\n## ") != 14 || !strings.Contains(text, "cloudkms.keyRings.create` (in `roles/cloudkms.admin`)") {
		t.Error("steps.md lacks something")
	}
}
