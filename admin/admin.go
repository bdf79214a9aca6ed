package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// Options are what the listener shows and does. Every function is called for each
// request to its endpoint, by several goroutines at once; an endpoint whose field is nil
// answers 404.
type Options struct {
	Gatherer prometheus.Gatherer

	// Ready returns nil if the pod should get traffic, else an error whose text says why
	// not. A nil function means always ready.
	Ready func() error

	// Reload loads the configuration anew and returns what changed, for encoding as JSON.
	// The lines of an error's text are the problems found; [ErrNotYet] is not one of them.
	Reload func(ctx context.Context) (any, error)

	// The effective configuration, and the route table with its live state, for encoding as
	// JSON; nil while there is none.
	Config func() any
	Routes func() any

	// Hosts are names of the listener beside its addresses and names that nobody can register.
	Hosts []string
	// Profiles opens the profiles to who is not on the same machine.
	Profiles bool

	Version string
	Log     zerolog.Logger
}

// ErrNotYet says that there is no configuration yet that could be replaced.
var ErrNotYet = errors.New("no configuration in force yet")

// endpoint is one path of the listener. Paths ending in / include those below.
type endpoint struct {
	path    string
	methods string // for the Allow field
	about   string
	serve   http.HandlerFunc
}

const (
	read  = "GET, HEAD"
	write = "POST"
)

// New returns the handler of the listener.
func New(o Options) http.Handler {
	endpoints := []endpoint{
		{"/healthz", read, "the process lives", health},
		{"/readyz", read, "traffic is welcome, or why not", ready(o.Ready)},
	}
	add := func(present bool, e endpoint) {
		if present {
			endpoints = append(endpoints, e)
		}
	}
	if o.Gatherer != nil {
		endpoints = append(endpoints, endpoint{"/metrics", read, "metrics for Prometheus", metrics(o)})
	}
	add(o.Reload != nil, endpoint{"/-/reload", write, "load the configuration anew", reload(o)})
	add(o.Config != nil, endpoint{"/api/v1/config", read, "effective configuration", show(o.Config, o.Log)})
	add(o.Routes != nil, endpoint{"/api/v1/routes", read, "route table and its state", show(o.Routes, o.Log)})
	endpoints = append(endpoints, profiles(o.Profiles)...)

	mux := http.NewServeMux()
	for _, e := range endpoints {
		mux.Handle(e.path, only(e.methods, e.serve))
	}
	mux.Handle("/{$}", only(read, index(o.Version, endpoints)))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusNotFound, "no such endpoint", nil)
	})
	return guard(ownHosts(o.Hosts, mux), o.Log)
}

// health answers as long as the process can answer at all. It looks at nothing else: a
// restart repairs neither a configuration nor an upstream.
func health(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "ok\n")
}

func ready(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if check != nil {
			if err := check(); err != nil {
				plain(w, http.StatusServiceUnavailable, err.Error()+"\n")
				return
			}
		}
		plain(w, http.StatusOK, "ready\n")
	}
}

func metrics(o Options) http.HandlerFunc {
	return promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		ErrorLog:          gatherLog{o.Log},
		// A collector that fails costs its own series, not all of them.
		ErrorHandling: promhttp.ContinueOnError,
	}).ServeHTTP
}

// gatherLog carries errors of promhttp into the log.
type gatherLog struct{ log zerolog.Logger }

func (g gatherLog) Println(v ...any) {
	e := g.log.Error()
	for _, one := range v {
		if err, ok := one.(error); ok {
			e = e.Err(err)
		}
	}
	e.Msg("gather metrics")
}

// reload waits for the result, so that a pipeline that asked learns whether it holds.
func reload(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		result, err := o.Reload(r.Context())
		switch {
		case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
			// The caller left. What it asked for may still happen.
		case errors.Is(err, ErrNotYet):
			problem(w, http.StatusServiceUnavailable, ErrNotYet.Error(), err)
		case err != nil:
			problem(w, http.StatusUnprocessableEntity, "configuration not loaded", err)
		default:
			sendJSON(w, http.StatusOK, "application/json", result, o.Log)
		}
	}
}

func show(value func() any, log zerolog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		v := value()
		if v == nil {
			problem(w, http.StatusServiceUnavailable, ErrNotYet.Error(), nil)
			return
		}
		sendJSON(w, http.StatusOK, "application/json", v, log)
	}
}

func index(version string, endpoints []endpoint) http.HandlerFunc {
	var b strings.Builder
	b.WriteString("wafer " + version + "\n\n")
	for _, e := range endpoints {
		if e.about == "" {
			continue
		}
		method, _, _ := strings.Cut(e.methods, ",")
		b.WriteString(pad(method, 6) + pad(e.path, 20) + e.about + "\n")
	}
	text := b.String()
	return func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, text)
	}
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-len(s), 1))
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client has left; nobody is left to tell
}

// sendJSON encodes before it answers: a value that does not encode is a 500, not half a
// document with status 200.
func sendJSON(w http.ResponseWriter, status int, contentType string, value any, log zerolog.Logger) {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		log.Error().Err(err).Msg("encode admin response")
		problem(w, http.StatusInternalServerError, "response not encoded", nil)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // as in plain
}

// problemBody is a problem document (RFC 9457) with two members of our own.
type problemBody struct {
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Error    string   `json:"error"`
	Problems []string `json:"problems,omitempty"`
}

// problem answers with a title and, if there is one, the error: whole, and by lines.
func problem(w http.ResponseWriter, status int, title string, err error) {
	body := problemBody{Title: title, Status: status, Error: title}
	if err != nil {
		body.Error = err.Error()
		for line := range strings.Lines(body.Error) {
			if line = strings.TrimSpace(line); line != "" {
				body.Problems = append(body.Problems, line)
			}
		}
	}
	encoded, _ := json.Marshal(body) // strings and an int always encode
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(encoded, '\n')) // as in plain
}
