package admin

import (
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"strings"

	"github.com/rs/zerolog"
)

// fromElsewhere is why a browser is refused that a page of somebody else has sent here.
const fromElsewhere = "request from another site"

// guard surrounds all endpoints: security fields, requests from other sites, panics.
func guard(next http.Handler, log zerolog.Logger) http.Handler {
	sameSite := http.NewCrossOriginProtection()
	sameSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusForbidden, fromElsewhere, nil)
	}))
	next = sameSite.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel, compared as net/http does
				panic(v)
			}
			log.Error().Interface("panic", v).Bytes("stack", debug.Stack()).
				Str("path", r.URL.Path).Msg("admin handler panicked")
			// If the handler has already written, this adds to a broken answer, no more.
			problem(w, http.StatusInternalServerError, "internal error", nil)
		}()
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}

// only lets the methods of an Allow field through.
func only(allow string, next http.Handler) http.Handler {
	methods := strings.Split(allow, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, m := range methods {
			if r.Method == m {
				next.ServeHTTP(w, r)
				return
			}
		}
		w.Header().Set("Allow", allow)
		problem(w, http.StatusMethodNotAllowed, "method not allowed", nil)
	})
}

// profiles are the endpoints of net/http/pprof, mounted here rather than on the default mux. They show memory, so
// that they are for operators unless they are open. Symbol takes POST because pprof sends long address lists; it
// changes nothing.
func profiles(open bool) []endpoint {
	role := Operate
	if open {
		role = Anyone
	}
	return []endpoint{
		{"/debug/pprof/", read, role, "profiles", pprof.Index},
		{"/debug/pprof/cmdline", read, role, "", pprof.Cmdline},
		{"/debug/pprof/profile", read, role, "", pprof.Profile},
		{"/debug/pprof/symbol", "GET, HEAD, POST", role, "", pprof.Symbol},
		{"/debug/pprof/trace", read, role, "", pprof.Trace},
	}
}
