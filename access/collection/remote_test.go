package collection

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/store"
	"github.com/wafer-waf/wafer/test/redis"
	"github.com/wafer-waf/wafer/waf/kept"
)

// over is a table of a replica whose store is a server.
func over(t *testing.T, addr string) (*Table, *store.Store) {
	t.Helper()
	s, err := store.New(store.Options{Mode: store.One, Addresses: []string{addr}, Prefix: "test:", Timeout: 2 * time.Second, ConnectTimeout: 2 * time.Second, Connections: 8})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); s.Close() })
	if err := s.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	go s.Run(ctx)
	return New(Options{Store: Over(s), Fresh: time.Millisecond}), s
}

// eventually polls until a collection of a table is as it has to be.
func eventually(t *testing.T, table *Table, k kept.Key, want map[string]string) {
	t.Helper()
	for ctx := patience(t); ; pause() {
		got := table.Load(k).Variables
		if maps.Equal(got, want) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}

// patience ends when a test has waited for too long.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// pause is between two polls.
func pause() { time.Sleep(5 * time.Millisecond) }

// TestServer has two replicas count by a real server, lose it, and find it again.
func TestServer(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	a, _ := over(t, server.Addr)
	b, sb := over(t, server.Addr)
	k := key("192.0.2.1")
	countBoth(k, a, b)
	settle(t, a, b)
	eventually(t, a, k, map[string]string{"n": "1000"})
	eventually(t, b, k, map[string]string{"n": "1000"})
	if l := a.Load(k); l.Updates != 1000 || l.Timeout != time.Hour || l.New {
		t.Errorf("%+v", l)
	}
	a.Change(change(k, kept.Step{Name: "flag", Op: kept.Set, Text: "a b", Expire: time.Second}, add("n", -2000), add("m", -1)))
	eventually(t, b, k, map[string]string{"n": "0", "m": "0", "flag": "a b"})
	eventually(t, b, k, map[string]string{"n": "0", "m": "0"})
	a.Change(change(k, kept.Step{Name: "m", Op: kept.Remove}, kept.Step{Name: "n", Expire: time.Second}))
	eventually(t, b, k, map[string]string{"n": "0"})
	eventually(t, b, k, map[string]string{})

	server.Freeze()
	for range 20 {
		b.Load(k)
		b.Change(change(k, add("alone", 1)))
	}
	if got := b.Load(k).Variables["alone"]; got != "20" {
		t.Errorf("without the store %s", got)
	}
	server.Thaw()
	for ctx := patience(t); !sb.Up(); pause() {
		if ctx.Err() != nil {
			t.Fatal("the store does not come back")
		}
	}
	b.Change(change(k, add("alone", 1)))
	settle(t, b)
	if got := a.Load(k).Variables["alone"]; got == "" {
		eventually(t, a, k, map[string]string{"alone": "21"})
	}
}
