package gke

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

// serveControl listens on loopback for what clusters ask of Google: who holds a token,
// who may do what, and metadata. Each cluster has a token of its own, by which it is
// told from the others.
func (s *Service) serveControl() error {
	l, err := new(net.ListenConfig).Listen(s.ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen on 127.0.0.1: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token-review", s.asked(s.tokenReview))
	mux.HandleFunc("POST /access-review", s.asked(s.accessReview))
	mux.HandleFunc("/metadata/", s.asked(s.metadata))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute, ErrorLog: log.New(s.opt.Log, "gke: ", 0)}
	s.control, s.address = server, l.Addr().String()
	s.working.Go(func() {
		go func() {
			<-s.ctx.Done()
			server.Close()
		}()
		_ = server.Serve(l)
	})
	return nil
}

// asked lets in whoever holds a running cluster's token, and says which cluster it is.
func (s *Service) asked(answer func(http.ResponseWriter, *http.Request, *cluster)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		s.mu.Lock()
		var c *cluster
		if known := s.byUID(s.secrets[hash(token)]); ok && known != nil {
			c = known.copy()
		}
		s.mu.Unlock()
		if c == nil {
			http.Error(w, "this is for the sandbox's clusters", http.StatusUnauthorized)
			return
		}
		answer(w, r, c)
	}
}

const reviewMax = 1 << 20 // bytes

// read takes a review in; it has answered where it returns false.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, reviewMax))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		http.Error(w, "no review: "+err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // to a client that has gone
}
