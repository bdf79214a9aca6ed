package proxy

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
)

// A change of the files waits its turn, at most the jitter; what is asked for does not wait.
func TestReloadJitter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes.yaml")
	write := func(host string) {
		t.Helper()
		text := "routes: [{id: r, hosts: [" + host + `], upstreams: [{id: u}]}]
upstreams: [{id: u, endpoints: ["http://127.0.0.1:1"]}]
policies: [{id: default, mode: "off"}]
`
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one.test")
	synctest.Test(t, func(t *testing.T) {
		boot := config.DefaultBoot()
		boot.Reload = config.Reload{Interval: time.Second, Jitter: time.Hour}
		p, err := New(Options{
			Boot: boot, Source: config.FileSource(file), Log: zerolog.Nop(),
			Events: audit.New(nil, audit.Options{}), Registry: prometheus.NewRegistry(),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); p.Run(ctx) }()
		defer func() { cancel(); <-ran }()
		pass := func(d time.Duration) {
			time.Sleep(d) // the bubble's clock, which moves when everything waits
			synctest.Wait()
		}
		want := func(when string, generation uint64) {
			t.Helper()
			if got := p.snapshots.InForce().Generation; got != generation {
				t.Fatalf("%s: generation %d, want %d", when, got, generation)
			}
		}

		write("two.test")
		pass(time.Second + time.Hour)
		want("after interval and jitter", 2)

		write("three.test")
		pass(time.Second) // seen, and with all but certainty not due yet
		if r, err := p.Reload(ctx, "test"); err != nil || r.Generation != 3 {
			t.Fatalf("asked for: %+v, %v", r, err)
		}
		pass(2 * time.Hour)
		want("long after what was asked for", 3)
	})
}
