package upstream

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/upstream/health"
	"github.com/wafer-waf/wafer/upstream/health/check"
)

// TestChecksByGRPC has an endpoint asked by the health protocol of gRPC over each way to HTTP/2, on connections that
// requests are on, too.
func TestChecksByGRPC(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			var serving atomic.Bool
			var asked atomic.Int32
			url, connections := startHTTP2(t, way.secure, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/grpc.health.v1.Health/Check" {
					return
				}
				body, err := io.ReadAll(r.Body)
				if err != nil || string(body) != "\x00\x00\x00\x00\x06\x0a\x04shop" || r.Header.Get("Te") != "trailers" {
					t.Errorf("asked %q %v with %v", body, err, r.Header)
				}
				w.Header().Set("Content-Type", "application/grpc")
				w.Header().Set("Trailer", "Grpc-Status")
				status := "\x02"
				if serving.Load() {
					status = "\x01"
				}
				_, _ = io.WriteString(w, "\x00\x00\x00\x00\x02\x08"+status)
				w.Header().Set("Grpc-Status", "0")
				asked.Add(1)
			})
			p := newEjecting(t, time.Hour, func(c *Config) {
				c.Protocol, c.Health.Panic = way.protocol, 0
				c.Checks = &check.Config{
					GRPC: true, Service: "shop", Interval: 20 * time.Millisecond, Down: 20 * time.Millisecond, Timeout: 5 * time.Second,
				}
			}, url)
			eventually(t, "down", func() bool { return p.Counts()[health.Down] == 1 })
			if e := p.Endpoints()[0]; e.State != "down" || e.Reason != "check" || e.CheckErr != "NOT_SERVING" {
				t.Errorf("%+v", e)
			}
			if err := p.Do(get(), newExchange()); FailureOf(err) != None {
				t.Errorf("a request got %v, although nobody is left", err)
			}
			serving.Store(true)
			eventually(t, "up", func() bool { return p.Counts()[health.Up] == 1 })
			if status, _, err := do(p.Pool, get(), newExchange()); status != 200 || err != nil {
				t.Errorf("%d %v", status, err)
			}
			if n := connections.Load(); n != 1 {
				t.Errorf("%d connections for %d checks", n, asked.Load())
			}
		})
	}
}

// TestAnEndlessAnswerToACheck is read as far as checks look.
func TestAnEndlessAnswerToACheck(t *testing.T) {
	b := startBackend(t, func(s *session) {
		if s.head() != "" {
			s.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nready")
			_, _ = io.Copy(s.Conn, zeros{})
		}
	})
	p := newEjecting(t, time.Hour, func(c *Config) {
		c.Checks = &check.Config{
			Method: "GET", Path: "/", Good: func(s int) bool { return s == 200 }, Body: "ready",
			Interval: 20 * time.Millisecond, Down: 20 * time.Millisecond, Timeout: 5 * time.Second,
		}
	}, b.url())
	eventually(t, "two checks", func() bool { return b.requests.Load() > 1 })
	if e := p.Endpoints()[0]; e.State != "up" || e.CheckErr != "" {
		t.Errorf("%+v", e)
	}
}

// TestAChecksPlaceIsItsOwn has a check under way at an endpoint that takes one request at a time.
func TestAChecksPlaceIsItsOwn(t *testing.T) {
	checked, release := make(chan struct{}), make(chan struct{})
	b := startBackend(t, func(s *session) {
		for {
			r, _ := s.request()
			if r == nil {
				return
			}
			if r.URL.Path == "/healthz" {
				close(checked)
				<-release
				return
			}
			s.answer("ok")
		}
	})
	p := newPool(t, func(c *Config) {
		c.Limits.EndpointInFlight = 1
		c.Checks = &check.Config{
			Method: "GET", Path: "/healthz", Good: func(int) bool { return true }, Interval: time.Hour, Down: time.Hour, Timeout: time.Minute,
		}
	}, b.url())
	t.Cleanup(func() { close(release) }) // before the backend stops
	p.Begin(nil)
	<-checked
	want(t, p, "ok")
	held := occupy(t, p, 1)[0]
	if err := p.Do(get(), newExchange()); !errors.Is(err, ErrBusy) {
		t.Errorf("two at once: %v", err)
	}
	_ = held.Body.Close()
}
