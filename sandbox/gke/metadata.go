package gke

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// asker is who asks the metadata server: a node, or a pod on it.
type asker struct {
	c       *cluster
	node    node
	pod     bool
	account string // of the pod, in Kubernetes: "NAMESPACE/NAME"
	uid     string // of that account
	google  string // Google service account that the pod's is bound to by annotation; "" for none
	full    bool   // by annotation: the pod's principal is shown where an e-mail address is asked for
}

// metadata is the Compute Engine metadata protocol for nodes and pods. The cluster
// says who asks, in headers that a pod cannot set: its listener writes them anew.
func (s *Service) metadata(w http.ResponseWriter, r *http.Request, c *cluster) {
	a := asker{c: c, pod: r.Header.Get("X-Pod-Service-Account") != "", google: r.Header.Get("X-Pod-Google-Account"),
		account: r.Header.Get("X-Pod-Namespace") + "/" + r.Header.Get("X-Pod-Service-Account"),
		uid:     r.Header.Get("X-Pod-Service-Account-Uid"), full: r.Header.Get("X-Pod-Principal-As-Email") == "true"}
	for _, n := range c.Nodes {
		if n.Name == r.Header.Get("X-Node") {
			a.node = n
		}
	}
	h := w.Header()
	h.Set("Server", a.server())
	h.Set("X-XSS-Protection", "0")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	path := strings.TrimPrefix(r.URL.Path, "/metadata")
	h.Set("Metadata-Flavor", "Google")
	switch {
	case a.node.Name == "":
		http.Error(w, "the cluster has no such node", http.StatusForbidden)
	case r.Header.Get("X-Forwarded-For") != "":
		a.refuse(w, path, "Requests with the header X-Forwarded-For are not served.")
	case r.Header.Get("Metadata-Flavor") != "Google" && (path != "/" && path != "" || a.federated()):
		a.refuse(w, path, "Missing Metadata-Flavor:Google header.")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
	case path == "/" || path == "":
		reply(w, "application/text", "computeMetadata/\n")
	case path == "/computeMetadata" || path == "/computeMetadata/v1":
		http.Redirect(w, r, path+"/", http.StatusMovedPermanently)
	case path == "/computeMetadata/":
		reply(w, "application/text", "v1/\n")
	case strings.HasPrefix(path, "/computeMetadata/v1/"):
		s.entry(w, r, a, strings.TrimPrefix(path, "/computeMetadata/v1/"))
	default:
		absent(w, path)
	}
}

// federated says whether the asker is a pod that has an identity of its own: Workload
// Identity Federation is on, and its node serves GKE's metadata.
func (a asker) federated() bool {
	return a.pod && a.c.pb.GetWorkloadIdentityConfig().GetWorkloadPool() != "" && gkeMetadata(a.c.pool(a.node.Pool))
}

func (a asker) server() string {
	if a.federated() {
		return "GKE Metadata Server"
	}
	return "Metadata Server for VM"
}

// refuse is 403 in the words of the server that the asker has.
func (a asker) refuse(w http.ResponseWriter, path, why string) {
	if a.federated() {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Del("Metadata-Flavor")
		if strings.HasPrefix(why, "Missing") {
			why = `Missing required header "Metadata-Flavor": "Google"`
		}
		http.Error(w, "GKE Metadata Server encountered an error: "+why, http.StatusForbidden)
		return
	}
	page(w, http.StatusForbidden, "Forbidden", "Your client does not have permission to get URL <code>"+html.EscapeString(path)+"</code> from this server. "+why)
}

func absent(w http.ResponseWriter, path string) {
	page(w, http.StatusNotFound, "Not Found", "The requested URL <code>"+html.EscapeString(path)+"</code> was not found on this server.")
}

// page is an error as Google's front end shows it, without its picture.
func page(w http.ResponseWriter, code int, title, words string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(code)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error %d (%s)!!1</title>\n  <p><b>%d.</b> <ins>That’s an error.</ins>\n  <p>%s  <ins>That’s all we know.</ins>\n",
		code, title, code, words)
}

func reply(w http.ResponseWriter, kind, text string) {
	w.Header().Set("Content-Type", kind)
	fmt.Fprint(w, text)
}

// entry answers for one path below computeMetadata/v1/.
func (s *Service) entry(w http.ResponseWriter, r *http.Request, a asker, path string) {
	if s.secret(w, r, a, path) {
		return
	}
	full := "/computeMetadata/v1/" + path
	at := any(s.tree(a))
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part == "" {
			continue
		}
		d, ok := at.(dir)
		if ok {
			at, ok = d[part]
		}
		if !ok {
			absent(w, full)
			return
		}
	}
	query := r.URL.Query()
	if query.Get("wait_for_change") == "true" && !s.unchanging(r, query.Get("timeout_sec")) {
		return
	}
	d, folder := at.(dir)
	recursive := query.Get("recursive") == "true"
	switch {
	case folder && !strings.HasSuffix(path, "/") && path != "" && !recursive:
		w.Header().Set("Location", "http://metadata.google.internal"+full+"/")
		reply(w, "text/html; charset=UTF-8", full+"/\n")
	case folder && recursive && query.Get("alt") != "text":
		out, _ := json.Marshal(d.json(false)) // maps, lists, text and numbers
		reply(w, "application/json", string(out))
	case folder && recursive:
		reply(w, "application/text", d.text(""))
	case folder:
		reply(w, "application/text", d.list())
	case query.Get("alt") == "json":
		out, _ := json.Marshal(at)
		reply(w, "application/json", string(out))
	default:
		reply(w, "application/text", plainText(at))
	}
}

// unchanging waits, as the protocol wants it of what does not change; false if the
// client has gone.
func (s *Service) unchanging(r *http.Request, seconds string) bool {
	wait := time.Hour
	if n, err := strconv.Atoi(seconds); err == nil && n >= 0 {
		wait = time.Duration(min(n, 3600)) * time.Second
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
	return false
}
