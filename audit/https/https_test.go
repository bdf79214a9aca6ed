package https_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/audit/https"
	"github.com/wafer-waf/wafer/delivery"
	"github.com/wafer-waf/wafer/delivery/remote"
	"github.com/wafer-waf/wafer/test/certs"
)

var kind = &delivery.Kind{Name: "access", Severity: delivery.Information}

func batch(number uint64, lines ...string) delivery.Batch[delivery.Line] {
	b := delivery.Batch[delivery.Line]{Number: number}
	for _, l := range lines {
		b.Items = append(b.Items, delivery.Line{Text: []byte(l), Kind: kind})
	}
	return b
}

// received is a request that a receiver got.
type received struct {
	http.Header
	body string
}

// receiver answers with what a test says, and keeps what it got.
func receiver(t *testing.T, answer http.HandlerFunc) (url string, got *[]received) {
	t.Helper()
	got = &[]received{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var from io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			from = z
		}
		body, err := io.ReadAll(from)
		if err != nil {
			t.Error(err)
		}
		*got = append(*got, received{r.Header, string(body)})
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func TestBatches(t *testing.T) {
	for _, test := range []struct {
		name        string
		array, flat bool
		kind, body  string
	}{
		{"lines", false, false, "application/x-ndjson", "{\"a\":1}\n{\"b\":2}\n"},
		{"lines, not compressed", false, true, "application/x-ndjson", "{\"a\":1}\n{\"b\":2}\n"},
		{"array", true, false, "application/json", "[{\"a\":1},\n{\"b\":2}]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
			headers := filepath.Join(t.TempDir(), "headers")
			if err := os.WriteFile(headers, []byte("Authorization: Bearer one\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c := https.New(https.Options{URL: url, Array: test.array, Plain: test.flat, Remote: remote.New(remote.TLS{}, headers)})
			defer c.Close()
			for _, number := range []uint64{1, 1, 2} {
				if err := c.Carry(t.Context(), batch(number, `{"a":1}`, `{"b":2}`)); err != nil {
					t.Fatal(err)
				}
			}
			for _, r := range *got {
				if r.body != test.body || r.Get("Content-Type") != test.kind || r.Get("Authorization") != "Bearer one" || (r.Get("Content-Encoding") == "") != test.flat {
					t.Errorf("%+v", r)
				}
			}
			keys := [3]string{(*got)[0].Get("Idempotency-Key"), (*got)[1].Get("Idempotency-Key"), (*got)[2].Get("Idempotency-Key")}
			if keys[0] == "" || keys[0] != keys[1] || keys[1] == keys[2] {
				t.Errorf("keys %q", keys)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	for status, want := range map[int]string{
		200: "taken", 204: "taken", 302: "again", 400: "refused", 401: "again", 403: "again", 404: "again", 408: "again", 413: "too large",
		422: "refused", 429: "later", 500: "again", 502: "again", 503: "later",
	} {
		url, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			if status >= 300 {
				_, _ = io.WriteString(w, strings.Repeat("why ", 100)+"\xff")
			}
		})
		c := https.New(https.Options{URL: url, Remote: remote.New(remote.TLS{}, "")})
		err := c.Carry(t.Context(), batch(1, `{}`))
		c.Close()
		var refused *delivery.Refusal
		var later *delivery.Later
		is := "again"
		switch {
		case err == nil:
			is = "taken"
		case errors.Is(err, delivery.ErrTooLarge):
			is = "too large"
		case errors.As(err, &refused):
			is = "refused"
		case errors.As(err, &later):
			if is = "later"; later.After != 7*time.Second {
				t.Errorf("%d: after %s", status, later.After)
			}
		}
		if is != want || len(*got) != 1 {
			t.Errorf("%d: %s, want %s (%v)", status, is, want, err)
		}
	}
}

// What answers is no receiver at all, or never does.
func TestBrokenReceivers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"garbage": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = conn.Write([]byte("SSH-2.0-OpenSSH\r\n"))
			_ = conn.Close()
		},
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"hung":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := receiver(t, answer)
			c := https.New(https.Options{URL: url, Remote: remote.New(remote.TLS{}, "")})
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := c.Carry(ctx, batch(1, `{}`))
			var refused *delivery.Refusal
			if err == nil || errors.As(err, &refused) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A receiver that has said that it has a batch is not sent it again, whatever becomes of the rest of its answer.
func TestAnswersWithoutAnEnd(t *testing.T) {
	url, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "x")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		panic(http.ErrAbortHandler)
	})
	c := https.New(https.Options{URL: url, Remote: remote.New(remote.TLS{}, "")})
	defer c.Close()
	if err := c.Carry(t.Context(), batch(1, `{}`)); err != nil || len(*got) != 1 {
		t.Errorf("%v, %d batches", err, len(*got))
	}
}

func TestMutualTLS(t *testing.T) {
	dir := t.TempDir()
	ca, other := certs.Authority(t, "logs"), certs.Authority(t, "other")
	own := ca.Issue(t, certs.Of{CN: "wafer"})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 || r.TLS.PeerCertificates[0].Subject.CommonName != "wafer" {
			t.Errorf("%v", r.TLS.PeerCertificates)
		}
		w.WriteHeader(http.StatusOK)
	}))
	s.TLS = &tls.Config{
		Certificates: []tls.Certificate{ca.Issue(t, certs.Of{CN: "logs.example", DNS: []string{"logs.example"}}).Pair()},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(), MinVersion: tls.VersionTLS12,
	}
	s.StartTLS()
	defer s.Close()
	certs.Write(t, dir, map[string][]byte{"ca": ca.Cert(), "other": other.Cert(), "cert": own.Cert(), "key": own.PrivateKey()})
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, test := range map[string]struct {
		tls  remote.TLS
		says string
	}{
		"as it should be":     {remote.TLS{CA: at("ca"), Cert: at("cert"), Key: at("key"), ServerName: "logs.example"}, ""},
		"another authority":   {remote.TLS{CA: at("other"), Cert: at("cert"), Key: at("key"), ServerName: "logs.example"}, "unknown authority"},
		"another name":        {remote.TLS{CA: at("ca"), Cert: at("cert"), Key: at("key"), ServerName: "metrics.example"}, "metrics.example"},
		"no certificate":      {remote.TLS{CA: at("ca"), ServerName: "logs.example"}, "certificate"},
		"a file is not there": {remote.TLS{CA: at("nowhere")}, "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			c := https.New(https.Options{URL: s.URL, Remote: remote.New(test.tls, "")})
			defer c.Close()
			err := c.Carry(t.Context(), batch(1, `{}`))
			switch {
			case test.says == "" && err == nil:
			case test.says == "" || err == nil || !strings.Contains(err.Error(), test.says):
				t.Errorf("%v", err)
			}
		})
	}
}
