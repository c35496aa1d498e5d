package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestScreenReaderOfGcloud(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"active_config":                "mine\n",
		"configurations/config_mine":   "[core]\nscreen_reader = false\n[accessibility]\nscreen_reader = True\n",
		"configurations/config_others": "[core]\nproject = acme-demo\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := "CLOUDSDK_CONFIG=" + dir
	for _, c := range []struct {
		name string
		env  []string
		want bool
	}{
		{"the active configuration", []string{config}, true},
		{"another one", []string{config, "CLOUDSDK_ACTIVE_CONFIG_NAME=others"}, false},
		{"the environment first", []string{config, "CLOUDSDK_ACCESSIBILITY_SCREEN_READER=false"}, false},
		{"the environment alone", []string{"HOME=" + t.TempDir(), "CLOUDSDK_ACCESSIBILITY_SCREEN_READER=1"}, true},
		{"no gcloud", []string{"HOME=" + t.TempDir()}, false},
		{"asked for here", []string{"HOME=" + t.TempDir(), "ACCESSIBLE=1"}, true},
		{"asked for here, not", []string{"HOME=" + t.TempDir(), "ACCESSIBLE=0"}, false},
	} {
		if got := readEnviron(c.env).plain(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
