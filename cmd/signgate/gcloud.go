package main

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// screenReader reports whether gcloud was told that a screen reader is in use
// (gcloud config set accessibility/screen_reader true): who said it once need not
// say it again.
func (e environ) screenReader() bool {
	v := e.first("CLOUDSDK_ACCESSIBILITY_SCREEN_READER")
	if v == "" {
		v = e.gcloudProperty("accessibility", "screen_reader")
	}
	return slices.Contains([]string{"true", "1", "on", "yes", "y"}, strings.ToLower(v)) // as gcloud reads it
}

// gcloudProperty reads a property from gcloud's active configuration, "" if it is
// not set or cannot be read.
func (e environ) gcloudProperty(section, name string) string {
	dir := e.first("CLOUDSDK_CONFIG")
	if dir == "" {
		dir = filepath.Join(e.home(), ".config", "gcloud")
	}
	active := e.first("CLOUDSDK_ACTIVE_CONFIG_NAME")
	if active == "" {
		text, _ := os.ReadFile(filepath.Join(dir, "active_config"))
		active = strings.TrimSpace(string(text))
	}
	if active == "" {
		active = "default"
	}
	f, err := os.Open(filepath.Join(dir, "configurations", "config_"+filepath.Base(active)))
	if err != nil {
		return ""
	}
	defer f.Close()
	return property(bufio.NewScanner(f), section, name)
}

// property finds one in a file of [sections] with a name = value a line.
func property(lines *bufio.Scanner, section, name string) string {
	in := false
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(text, "[") {
			in = text == "["+section+"]"
			continue
		}
		if k, v, ok := strings.Cut(text, "="); ok && in && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
