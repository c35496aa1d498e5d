package chart

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"sigs.k8s.io/yaml"

	"github.com/signgate/signgate/sandbox/journal"
)

// The archive is where upstream's index has it: a release's file on github.com, which
// sends its clients on to another host.
const (
	archiveName  = Name + "-" + Version + ".tgz"
	releasePath  = "/sigstore/helm-charts/releases/download/" + Name + "-" + Version + "/" + archiveName
	assetsHost   = "release-assets.githubusercontent.com"
	assetsPath   = "/github-production-release-asset/signgate-sandbox/" + archiveName
	indexPath    = "/helm-charts/index.yaml"
	pagesType    = "text/yaml; charset=utf-8"
	downloadType = "application/octet-stream"
)

// noted serves, and puts a line in the journal.
func (c *Chart) noted(serve func(http.ResponseWriter, *http.Request) int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, status := time.Now(), http.StatusMethodNotAllowed
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			status = serve(w, r)
		} else {
			http.Error(w, "405: Method Not Allowed", status)
		}
		if c.journal == nil {
			return
		}
		code := codes.OK
		switch {
		case status == http.StatusNotFound:
			code = codes.NotFound
		case status == http.StatusServiceUnavailable:
			code = codes.Unavailable
		case status >= 400:
			code = codes.InvalidArgument
		}
		c.journal.Add(journal.Call{Time: start, Host: r.Host, Method: r.Method + " " + short(r.URL.EscapedPath()), Code: code.String(),
			Millis: journal.Millis(start)})
	})
}

func short(path string) string { return path[:min(len(path), 400)] }

func (c *Chart) missing(w http.ResponseWriter) int {
	http.Error(w, c.problem.Error(), http.StatusServiceUnavailable)
	return http.StatusServiceUnavailable
}

func nothing(w http.ResponseWriter, r *http.Request) int {
	http.NotFound(w, r)
	return http.StatusNotFound
}

// pages is sigstore.github.io: the index of the chart repository.
func (c *Chart) pages(w http.ResponseWriter, r *http.Request) int {
	switch r.URL.Path {
	case "/helm-charts":
		http.Redirect(w, r, "https://"+r.Host+"/helm-charts/", http.StatusMovedPermanently)
		return http.StatusMovedPermanently
	case indexPath:
		if c.problem != nil {
			return c.missing(w)
		}
		return send(w, r, pagesType, c.Index())
	}
	return nothing(w, r)
}

// Index is the chart repository's index.yaml.
func (c *Chart) Index() []byte {
	entry := Metadata()
	entry["created"], entry["digest"], entry["urls"] = c.created, c.record.Digest, []string{"https://github.com" + releasePath}
	text, _ := yaml.Marshal(map[string]any{ // words and a time
		"apiVersion": "v1", "generated": c.created, "entries": map[string]any{Name: []any{entry}},
	})
	return text
}

// Metadata is what Chart.yaml says.
func Metadata() map[string]any {
	return map[string]any{
		"apiVersion": "v2", "name": Name, "version": Version, "appVersion": AppVersion, "type": "application",
		"description": "policy-controller as the signgate sandbox has it: Sigstore's chart in names, values and objects",
		"home":        "https://github.com/sigstore/policy-controller", "sources": []string{"https://github.com/sigstore/policy-controller"},
	}
}

// releases is github.com, of which there is one file.
func (c *Chart) releases(w http.ResponseWriter, r *http.Request) int {
	if r.URL.Path != releasePath {
		return nothing(w, r)
	}
	http.Redirect(w, r, "https://"+assetsHost+assetsPath+"?sp=r&response-content-disposition="+
		fmt.Sprintf("attachment%%3B%%20filename%%3D%s", archiveName), http.StatusFound)
	return http.StatusFound
}

// assets is where github.com keeps the files of releases.
func (c *Chart) assets(w http.ResponseWriter, r *http.Request) int {
	if r.URL.Path != assetsPath {
		return nothing(w, r)
	}
	if c.problem != nil {
		return c.missing(w)
	}
	w.Header().Set("Content-Disposition", "attachment; filename="+archiveName)
	return send(w, r, downloadType, c.archive)
}

func send(w http.ResponseWriter, r *http.Request, contentType string, body []byte) int {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("ETag", `"`+strings.TrimPrefix(digest(string(body)), "sha256:")+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return http.StatusOK
}
