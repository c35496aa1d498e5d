package state

import (
	"slices"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	good := Defaults()
	good.Project = "acme-demo"
	for name, c := range map[string]struct {
		change func(*Answers)
		want   []string
	}{
		"defaults":                   {func(*Answers) {}, nil},
		"no project":                 {func(a *Answers) { a.Project = "" }, []string{"project"}},
		"old project":                {func(a *Answers) { a.Project = "example.com:acme-demo" }, nil},
		"short project":              {func(a *Answers) { a.Project = "acme" }, []string{"project"}},
		"new project, no account":    {func(a *Answers) { a.NewProject = true }, []string{"billingAccount"}},
		"zone for region":            {func(a *Answers) { a.Region = "europe-west1-b" }, []string{"region"}},
		"zone elsewhere":             {func(a *Answers) { a.Zone = "europe-west1-b" }, []string{"zone"}},
		"zone":                       {func(a *Answers) { a.Zone = a.Region + "-c" }, nil},
		"cluster of 27":              {func(a *Answers) { a.Cluster = strings.Repeat("c", 27) }, nil},
		"cluster of 28":              {func(a *Answers) { a.Cluster = strings.Repeat("c", 28) }, []string{"cluster"}},
		"cluster of 27 by suffix":    {func(a *Answers) { a.Cluster, a.Suffix = strings.Repeat("c", 23), "ann" }, nil},
		"cluster of 28 by suffix":    {func(a *Answers) { a.Cluster, a.Suffix = strings.Repeat("c", 24), "ann" }, []string{"cluster"}},
		"cluster of 2":               {func(a *Answers) { a.Cluster = "cc" }, []string{"cluster"}},
		"capital repository":         {func(a *Answers) { a.Repository = "Containers" }, []string{"repository"}},
		"capital key ring":           {func(a *Answers) { a.KeyRing = "Cosign_1" }, nil},
		"newline behind a name":      {func(a *Answers) { a.Key = "cosign\n" }, []string{"key"}},
		"shell in the image":         {func(a *Answers) { a.Image = "nginx;rm" }, []string{"image"}},
		"image with port":            {func(a *Answers) { a.Image = "localhost:5000/a/b:1" }, nil},
		"image by digest":            {func(a *Answers) { a.Image = "nginx@sha256:" + strings.Repeat("a", 64) }, nil},
		"two dots in the policy":     {func(a *Answers) { a.Policy = "a..b" }, []string{"policy"}},
		"policy of three parts":      {func(a *Answers) { a.Policy = "a.1-b.c" }, nil},
		"policy of 254":              {func(a *Answers) { a.Policy = strings.Repeat("p", 254) }, []string{"policy"}},
		"own namespace":              {func(a *Answers) { a.Namespace = "kube-system" }, []string{"namespace"}},
		"everything wrong at once":   {func(a *Answers) { *a = Answers{} }, []string{"project", "region", "keyRing", "key", "repository", "image", "cluster", "shape", "machineType", "diskGB", "nodes", "namespace", "policy"}},
		"autopilot":                  {func(a *Answers) { a.Shape = Autopilot }, nil},
		"autopilot in a zone":        {func(a *Answers) { a.Shape, a.Zone = Autopilot, a.Region+"-c" }, []string{"zone"}},
		"shape, disk and node count": {func(a *Answers) { a.Shape, a.DiskGB, a.Nodes = "round", 9, 0 }, []string{"shape", "diskGB", "nodes"}},
	} {
		a := good
		c.change(&a)
		var got []string
		for _, e := range Validate(a) {
			got = append(got, e.Path)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: refused %v, want %v", name, got, c.want)
		}
	}
}

// A zone that is given as an example is there.
func TestExampleOfAZone(t *testing.T) {
	for region, zone := range map[string]string{"europe-west1": "europe-west1-b", "us-east1": "us-east1-b", "us-central1": "us-central1-a"} {
		a := Defaults()
		a.Project, a.Region, a.Zone = "acme-demo", region, "elsewhere1-a"
		all := Validate(a)
		if len(all) != 1 || !strings.HasSuffix(all[0].Rule, "such as "+zone) {
			t.Errorf("%s: %v", region, all)
		}
	}
}
