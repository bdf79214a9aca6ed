package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// marks are what the attacks of the tests hold, decoded.
var marks = []string{"' OR '1'='1", "<script>", "/etc/passwd"}

// application is one microservice: it counts what arrives, and hands the query on to the
// services that it is told to call, as microservices do.
type application struct {
	calls    []string // URLs
	client   http.Client
	requests atomic.Int64
	attacks  atomic.Int64
	pushed   atomic.Pointer[string] // the metrics that somebody has left here
}

// counts is what /counts answers.
type counts struct {
	Requests int64 `json:"requests"`
	Attacks  int64 `json:"attacks"`
}

func serve([]string) error {
	a := &application{client: http.Client{Timeout: 5 * time.Second}}
	a.pushed.Store(new(string))
	if calls := os.Getenv("CALLS"); calls != "" {
		a.calls = strings.Split(calls, ",")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/counts", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(counts{a.requests.Load(), a.attacks.Load()})
	})
	mux.HandleFunc("PUT /metrics/", a.push)
	mux.HandleFunc("GET /metrics/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, *a.pushed.Load()) })
	mux.HandleFunc("/", a.answer)
	s := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	done := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		done <- s.Shutdown(grace)
	})
	listen := s.ListenAndServe
	if dir := os.Getenv("TLS_DIR"); dir != "" {
		s.Addr = ":8443"
		listen = func() error { return s.ListenAndServeTLS(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")) }
	}
	if err := listen(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}

// push keeps metrics as a Pushgateway does, of one group.
func (a *application) push(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, "unreadable body", http.StatusBadRequest)
		return
	}
	text := string(body)
	a.pushed.Store(&text)
}

// answer tells the status of each service it called, one a line.
func (a *application) answer(w http.ResponseWriter, r *http.Request) {
	a.requests.Add(1)
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, "unreadable body", http.StatusBadRequest)
		return
	}
	seen := string(body)
	for name, values := range r.URL.Query() {
		seen += "\n" + name + "=" + strings.Join(values, "\n")
	}
	for _, m := range marks {
		if strings.Contains(seen, m) {
			a.attacks.Add(1)
			break
		}
	}
	for _, u := range a.calls {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, u+"?"+r.URL.RawQuery, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		resp, err := a.client.Do(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body) // what counts is the status
		_ = resp.Body.Close()
		fmt.Fprintf(w, "%s %d\n", u, resp.StatusCode)
	}
	_, _ = io.WriteString(w, "ok\n")
}
