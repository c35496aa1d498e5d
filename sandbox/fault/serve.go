package fault

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"google.golang.org/grpc/status"
)

// Door is a place where calls pass that faults may happen to.
type Door struct {
	Host   string
	Cut    func()                           // ends the connection; nil: the request alone ends
	Google func(http.ResponseWriter, error) // writes a refusal as Google's REST does
	Note   func(what string, refusal error) // journals a call that gets no further
}

type doorKey struct{}

type passing struct {
	set  *Set
	door Door
}

// HTTP stands before a host's handler and makes faults of the host happen to a request.
// Faults of methods of APIs behind it are met by Methods.
func (s *Set) HTTP(d Door, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), doorKey{}, passing{s, d}))
		a := s.strike(func(t target) bool { return t.asks(r.Method, d.Host, r.URL) })
		refuse := func(w http.ResponseWriter) { a.writeHTTP(w, d.Host, d.Google) }
		s.serve(a, d, r.Method+" "+r.URL.Path, refuse, h, w, r)
	})
}

// Methods stands before a gRPC server and makes faults of methods happen, for calls that came
// through HTTP.
func Methods(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := r.Context().Value(doorKey{}).(passing)
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		a := p.set.strike(func(t target) bool { return t.calls(strings.TrimPrefix(r.URL.Path, "/")) })
		refuse := func(w http.ResponseWriter) { a.writeGRPC(w, p.door.Host) }
		p.set.serve(a, p.door, r.URL.Path, refuse, h, w, r)
	})
}

// serve makes a fault happen to a call.
func (s *Set) serve(a *armed, d Door, what string, refuse func(http.ResponseWriter), h http.Handler, w http.ResponseWriter, r *http.Request) {
	switch {
	case a == nil:
		h.ServeHTTP(w, r)
	case a.After && a.Code != "":
		h.ServeHTTP(nowhere{http.Header{}}, r)
		if s.pause(r.Context(), a) == nil {
			refuse(w)
		}
	case a.After:
		late := &late{ResponseWriter: w, arrive: func() bool {
			if s.pause(r.Context(), a) != nil { // the client has gone
				return false
			}
			if a.Cut {
				d.cut()
			}
			return !a.Cut
		}}
		h.ServeHTTP(late, r)
		late.begin() // if the handler has said nothing
		if late.lost && d.Cut == nil {
			panic(http.ErrAbortHandler)
		}
	default:
		switch err := s.pause(r.Context(), a); {
		case err != nil: // the client has gone
		case a.Cut:
			d.note(what, errors.New("the connection was cut"))
			if d.cut(); d.Cut == nil {
				panic(http.ErrAbortHandler)
			}
		case a.Code != "":
			d.note(what, a.status(d.Host).Err())
			refuse(w)
		default:
			h.ServeHTTP(w, r)
		}
	}
}

func (d Door) cut() {
	if d.Cut != nil {
		d.Cut()
	}
}

func (d Door) note(what string, refusal error) {
	if d.Note != nil {
		d.Note(what, refusal)
	}
}

// Connection is what happens to a connection to a host. Cut says that it is to end as soon
// as it is open. An error is the refusal of the connection.
func (s *Set) Connection(ctx context.Context, host string) (cut bool, err error) {
	a := s.strike(func(t target) bool { return t.connects(host) })
	if a == nil {
		return false, nil
	}
	if err := s.pause(ctx, a); err != nil {
		return false, err
	}
	if a.Code != "" {
		return false, errors.New(status.Convert(a.status(host).Err()).Message())
	}
	return a.Cut, nil
}

// nowhere takes an answer that is not to arrive.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) WriteHeader(int)             {}
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) Flush()                      {}

// late asks, before the first of an answer is written, whether it is to arrive at all.
type late struct {
	http.ResponseWriter
	arrive func() bool
	began  bool
	lost   bool
}

func (l *late) begin() {
	if !l.began {
		l.began = true
		l.lost = !l.arrive()
	}
}

// WriteHeader sends the status, if the answer is to arrive.
func (l *late) WriteHeader(code int) {
	if l.begin(); !l.lost {
		l.ResponseWriter.WriteHeader(code)
	}
}

// Write sends part of the body, if the answer is to arrive.
func (l *late) Write(b []byte) (int, error) {
	if l.begin(); l.lost {
		return len(b), nil
	}
	return l.ResponseWriter.Write(b)
}

// Flush sends what is there, if the answer is to arrive.
func (l *late) Flush() {
	if l.begin(); !l.lost {
		_ = http.NewResponseController(l.ResponseWriter).Flush() // one that cannot has no need to
	}
}
