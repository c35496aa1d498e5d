package sandbox

import (
	"maps"
	"net/http"
	"sync"
)

// settings are what a sandbox was told to be like: how slow, how consistent, how small.
type settings struct {
	latency     Latency
	consistency Consistency
	quota       Quota
}

// remembered are the settings, for many goroutines at once.
type remembered struct {
	mu  sync.Mutex
	now settings
}

func (k *remembered) keep(change func(*settings)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.now)
}

// tell adds the settings to a status: those that are not as in the beginning.
func (k *remembered) tell(st *Status) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.now.latency; l.Profile != "" && l.Profile != Instant {
		st.Latency = &l
	}
	if c := k.now.consistency; c.Profile != "" && c.Profile != Immediate {
		st.Consistency = &c
	}
	st.Quota = maps.Clone(k.now.quota)
}

// controlSettings lets other processes of the same user change them.
func (d *daemon) controlSettings(mux *http.ServeMux) {
	mux.HandleFunc("POST /latency", setting(d.SetLatency))
	mux.HandleFunc("POST /consistency", setting(d.SetConsistency))
	mux.HandleFunc("POST /quota", setting(d.SetQuota))
}

// setting reads one and sets it.
func setting[T any](set func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v T
		err := decode(r, &v)
		if err == nil {
			err = set(v)
		}
		answer(w, v, err)
	}
}
