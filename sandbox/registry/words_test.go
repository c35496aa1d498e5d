package registry_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/google/go-containerregistry/pkg/crane"

	"github.com/signgate/signgate/sandbox/iam"
	"github.com/signgate/signgate/sandbox/registry"
)

// ask makes one request by hand: auth is what Authorization says.
func (w *world) ask(t testing.TB, method, address, auth, contentType, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	check(t, err)
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := w.client.Do(req)
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	return resp, string(text)
}

func (w *world) basic(who string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("oauth2accesstoken:"+w.token(who)))
}

func (w *world) bearer(who string) string { return "Bearer " + w.token(who) }

func refusal(code, message string) string {
	out, _ := json.Marshal(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
	return string(out) + "\n"
}

const missing = "Missing image name. Pushes should be of the form docker push HOST-NAME/PROJECT-ID/REPOSITORY/IMAGE"

// TestRefusals are Artifact Registry's, word for word.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	w.create(t, "fixed", true)
	check(t, crane.Copy("hello-world", garHost+"/"+project+"/fixed/hello:v1", w.crane(iam.Owner)...))
	owner, viewer, base := w.basic(iam.Owner), w.bearer(iam.Viewer), "https://"+garHost+"/v2/"
	p, _ := w.iam.Project("acme-staging")
	off := fmt.Sprintf("Artifact Registry API has not been used in project %s before or it is disabled. Enable it by visiting "+
		"https://console.developers.google.com/apis/api/artifactregistry.googleapis.com/overview?project=%s then retry. "+
		"If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.", p.Number, p.Number)
	const manifest = "application/vnd.oci.image.manifest.v1+json"
	digest := "sha256:" + strings.Repeat("a", 64)
	unpushed := `{"schemaVersion":2,"mediaType":"` + manifest + `","config":{"mediaType":"a/b","digest":"` + digest + `","size":2},"layers":[]}`
	for _, c := range []struct {
		name, method, path, auth, contentType, body string
		status                                      int
		code, message                               string
	}{
		{"nobody asks", "GET", "", "", "", "", 401, "UNAUTHORIZED", "authentication required"},
		{"a token that is none", "GET", "", "Bearer ya29.made-up", "", "", 401, "UNAUTHORIZED", "authentication failed"},
		{"another user name", "GET", "", "Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+w.token(iam.Owner))), "", "", 401, "UNAUTHORIZED", "authentication failed"},
		{"nobody pulls", "GET", project + "/containers/nginx/manifests/v1", "", "", "", 401, "UNAUTHORIZED",
			`Unauthenticated request. Unauthenticated requests do not have permission "artifactregistry.repositories.downloadArtifacts" on resource "` + resource + `" (or it may not exist)`},
		{"nobody asks for a token to pull", "GET", "token?scope=repository:" + project + "/containers/nginx:pull", "", "", "", 403, "DENIED",
			`Unauthenticated request. Unauthenticated requests do not have permission "artifactregistry.repositories.downloadArtifacts" on resource "` + resource + `" (or it may not exist)`},
		{"the viewer pushes", "POST", project + "/containers/nginx/blobs/uploads/", viewer, "", "", 403, "DENIED",
			`Permission "artifactregistry.repositories.uploadArtifacts" denied on resource "` + resource + `" (or it may not exist)`},
		{"the viewer asks for a token to push", "GET", "token?scope=repository:" + project + "/containers/nginx:pull,push", viewer, "", "", 403, "DENIED",
			`Permission "artifactregistry.repositories.uploadArtifacts" denied on resource "` + resource + `" (or it may not exist)`},
		{"the viewer deletes", "DELETE", project + "/containers/nginx/manifests/v1", viewer, "", "", 403, "DENIED",
			`Permission "artifactregistry.repositories.deleteArtifacts" denied on resource "` + resource + `" (or it may not exist)`},
		{"a project that is not there", "GET", "no-such-project/containers/nginx/manifests/v1", owner, "", "", 403, "DENIED",
			`Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/no-such-project/locations/` + location + `/repositories/containers" (or it may not exist)`},
		{"the API is off", "GET", "acme-staging/containers/nginx/manifests/v1", owner, "", "", 403, "DENIED", off},
		{"a repository that is not there", "GET", project + "/others/nginx/manifests/v1", owner, "", "", 404, "NAME_UNKNOWN", `Repository "others" not found`},
		{"an image that is not there", "GET", project + "/containers/nginx/manifests/v1", owner, "", "", 404, "MANIFEST_UNKNOWN", `Failed to fetch "v1"`},
		{"a digest that is not there", "GET", project + "/containers/nginx/manifests/" + digest, owner, "", "", 404, "MANIFEST_UNKNOWN", `Failed to fetch "` + digest + `"`},
		{"no image name", "GET", project + "/containers/manifests/v1", owner, "", "", 400, "NAME_INVALID", missing},
		{"no image name in a token's scope", "GET", "token?scope=repository:nginx:push", owner, "", "", 400, "NAME_INVALID", missing},
		{"upper case", "GET", project + "/containers/Nginx/manifests/v1", owner, "", "", 400, "NAME_INVALID", "invalid repository name"},
		{"a tag that is none", "GET", project + "/containers/nginx/manifests/-v1", owner, "", "", 400, "TAG_INVALID", "invalid tag"},
		{"a digest that is none", "GET", project + "/containers/nginx/blobs/sha256:abc", owner, "", "", 400, "DIGEST_INVALID", "invalid digest"},
		{"a blob is deleted", "DELETE", project + "/containers/nginx/blobs/" + digest, owner, "", "", 405, "UNSUPPORTED", "The operation is unsupported."},
		{"an upload that is not there", "PATCH", project + "/containers/nginx/blobs/uploads/ABCDEFGHIJKLMNOPQRSTUVWXYZ", owner, "", "", 404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"},
		{"no JSON", "PUT", project + "/containers/nginx/manifests/v1", owner, manifest, "{", 400, "MANIFEST_INVALID", "manifest invalid: unexpected end of JSON input"},
		{"an old schema", "PUT", project + "/containers/nginx/manifests/v1", owner, manifest, `{"schemaVersion":1}`, 400, "MANIFEST_INVALID", "manifest invalid: unsupported schema version"},
		{"another type", "PUT", project + "/containers/nginx/manifests/v1", owner, "text/plain", `{"schemaVersion":2}`, 400, "MANIFEST_INVALID", "manifest invalid: unsupported media type 'text/plain'"},
		{"another digest", "PUT", project + "/containers/nginx/manifests/" + digest, owner, manifest, unpushed, 400, "DIGEST_INVALID", "provided digest did not match uploaded content"},
		{"another digest of a blob", "POST", project + "/containers/nginx/blobs/uploads/?digest=" + digest, owner, "", "x", 400, "DIGEST_INVALID", "provided digest did not match uploaded content"},
		{"tags of nothing", "GET", project + "/containers/nginx/tags/list", owner, "", "", 404, "NAME_UNKNOWN", `Repository "` + project + `/containers/nginx" not found`},
		{"a tag in use", "DELETE", project + "/fixed/hello/manifests/v1", owner, "", "", 400, "MANIFEST_INVALID", "cannot delete tag v1. The repository has enabled tag immutability"},
		{"another path", "GET", "../etc/passwd", owner, "", "", 404, "NOT_FOUND", "page not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, text := w.ask(t, c.method, base+c.path, c.auth, c.contentType, c.body)
			if want := refusal(c.code, c.message); resp.StatusCode != c.status || text != want {
				t.Errorf("%d %swant %d %s", resp.StatusCode, text, c.status, want)
			}
			if challenge := resp.Header.Get("Www-Authenticate"); (c.status == 401) != (challenge == `Bearer realm="https://`+garHost+`/v2/token"`) {
				t.Errorf("challenge: %q", challenge)
			}
		})
	}
	resp, text := w.ask(t, "PUT", base+project+"/containers/nginx/manifests/v1", owner, manifest, unpushed)
	if want := `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":{"Digest":"` + digest + `"}}]}` + "\n"; resp.StatusCode != 400 || text != want {
		t.Errorf("a blob that is missing: %d %s", resp.StatusCode, text)
	}
	resp, _ = w.ask(t, "PUT", base+project+"/containers/nginx/manifests/v1", owner, manifest, strings.Repeat(" ", 4<<20)+"{}")
	if resp.StatusCode != 413 {
		t.Errorf("a manifest that is too large: %d", resp.StatusCode)
	}
	err := crane.Copy("busybox", garHost+"/"+project+"/fixed/hello:v1", w.crane(iam.Owner)...)
	if err == nil || !strings.Contains(err.Error(), "MANIFEST_INVALID: cannot update tag v1. The repository has enabled tag immutability") {
		t.Errorf("a tag that stays: %v", err)
	}
}

// TestClientsWords are what people see: crane's own errors.
func TestClientsWords(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	for _, c := range []struct {
		name, who, image string
		pull             bool
		want             string
	}{
		{"viewer pushes", iam.Viewer, containers + "/nginx:v1", false, `DENIED: Permission "artifactregistry.repositories.uploadArtifacts" denied on resource "` + resource + `" (or it may not exist)`},
		{"nobody pulls", "", containers + "/nginx:v1", true, `DENIED: Unauthenticated request. Unauthenticated requests do not have permission "artifactregistry.repositories.downloadArtifacts" on resource "` + resource + `" (or it may not exist)`},
		{"nothing there", iam.Owner, containers + "/nginx:v1", true, `MANIFEST_UNKNOWN: Failed to fetch "v1"`},
		{"no such repository", iam.Owner, garHost + "/" + project + "/others/nginx:v1", false, `NAME_UNKNOWN: Repository "others" not found`},
		{"no such image on Docker Hub", "", "library/no-such-image", true, `UNAUTHORIZED: authentication required`},
		{"no such tag on Docker Hub", "", "nginx:0.0.1", true, `MANIFEST_UNKNOWN: manifest unknown`},
		{"no such image on GitHub", "", "ghcr.io/sigstore/nothing", true, `GET https://ghcr.io/token?scope=repository%3Asigstore%2Fnothing%3Apull&service=ghcr.io: DENIED: denied`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			if c.pull {
				_, err = crane.Manifest(c.image, w.crane(c.who)...)
			} else {
				err = crane.Copy("hello-world", c.image, w.crane(c.who)...)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// TestWhoMayPull: a policy of the repository, a node's scopes, a public repository.
func TestWhoMayPull(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	check(t, crane.Copy("hello-world", containers+"/hello:v1", w.crane(iam.Owner)...))
	const node = "serviceAccount:node@elsewhere.iam.gserviceaccount.com"
	pull, push := "https://"+garHost+"/v2/"+project+"/containers/hello/manifests/v1", "https://"+garHost+"/v2/"+project+"/containers/hello/blobs/uploads/"
	ask := func(method, address string, scopes ...string) int {
		token, _ := w.iam.Mint(node, scopes, time.Hour)
		resp, _ := w.ask(t, method, address, "Bearer "+token, "", "")
		return resp.StatusCode
	}
	const storage = "https://www.googleapis.com/auth/devstorage.read_only"
	if got := ask("GET", pull, storage); got != 403 {
		t.Errorf("without a role: %d", got)
	}
	w.grant(t, "roles/artifactregistry.writer", node)
	for _, c := range []struct {
		method, address, scope string
		want                   int
	}{
		{"GET", pull, storage, 200}, {"POST", push, storage, 403},
		{"POST", push, "https://www.googleapis.com/auth/devstorage.read_write", 202}, {"POST", push, cloudPlatform, 202},
		{"GET", pull, "https://www.googleapis.com/auth/logging.write", 403},
	} {
		if got := ask(c.method, c.address, c.scope); got != c.want {
			t.Errorf("%s with %s: %d, want %d", c.method, c.scope, got, c.want)
		}
	}
	w.grant(t, "roles/artifactregistry.reader", "allUsers")
	if _, err := crane.Pull(containers+"/hello:v1", w.crane("")...); err != nil {
		t.Errorf("a public repository: %v", err)
	}
	if resp, _ := w.ask(t, "GET", pull, "", "", ""); resp.StatusCode != 200 {
		t.Errorf("a public repository without a token: %d", resp.StatusCode)
	}
}

// grant gives a role on the repository.
func (w *world) grant(t testing.TB, role, member string) {
	t.Helper()
	p := w.iam.Policy(resource)
	p.Bindings = append(p.Bindings, &iampb.Binding{Role: role, Members: []string{member}})
	_, err := w.iam.SetPolicy(resource, p, nil)
	check(t, err)
}

func TestJournal(t *testing.T) {
	t.Parallel()
	w := start(t, "", registry.Options{})
	token := w.token(iam.Owner)
	w.ask(t, "GET", "https://"+garHost+"/v2/"+project+"/containers/nginx/manifests/v1?secret=s3cr3t", "Bearer "+token, "", "")
	w.ask(t, "POST", "https://"+garHost+"/v2/"+project+"/containers/nginx/blobs/uploads/", "Bearer "+w.token(iam.Viewer), "", "")
	var lines bytes.Buffer
	found := 0
	for _, c := range w.journal.Calls() {
		line, _ := json.Marshal(c)
		lines.Write(line)
		switch c.Method {
		case "GET /v2/" + project + "/containers/nginx/manifests/v1":
			if c.Code == "NotFound" && c.Principal == "user:"+iam.Owner && c.Resource == resource && c.Host == garHost && !c.Changes &&
				c.Permission == "artifactregistry.repositories.downloadArtifacts" {
				found++
			}
		case "POST /v2/" + project + "/containers/nginx/blobs/uploads/":
			if c.Code == "PermissionDenied" && c.Changes {
				found++
			}
		}
	}
	if found != 2 || bytes.Contains(lines.Bytes(), []byte(token)) || bytes.Contains(lines.Bytes(), []byte("s3cr3t")) {
		t.Errorf("the journal: %s", lines.String())
	}
}

func sha(data string) string {
	sum := sha256.Sum256([]byte(data))
	return "sha256:" + hex.EncodeToString(sum[:])
}
