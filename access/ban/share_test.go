package ban

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/store"
	"github.com/wafer-waf/wafer/test/redis"
)

// replica is a table that shares, as that of a process.
func replica(t *testing.T, address string, o Options) (*Table, *store.Store) {
	t.Helper()
	s, err := store.New(store.Options{
		Mode: store.One, Addresses: []string{address}, Prefix: "test:", Timeout: 2 * time.Second, ConnectTimeout: 5 * time.Second, Connections: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	_ = s.Connect(t.Context()) // it may be down
	o.Store = s
	table := New(o)
	var all sync.WaitGroup
	t.Cleanup(all.Wait) // the context ends before
	known := make(chan struct{})
	all.Go(func() { s.Run(t.Context()) })
	all.Go(func() { table.Run(t.Context(), func() { close(known) }) })
	<-known
	return table, s
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within a minute: " + what)
		}
	}
}

func (t *Table) has(text string) bool {
	at, err := ParseTarget(text)
	if err != nil {
		panic(err)
	}
	b := t.Banned(at.Who, []byte(at.Where), at.Where, time.Now())
	return b != nil && b.Target == at
}

func strike(table *Table, n int, address string) {
	for range n {
		table.Hit(probing(), everywhere(address), time.Now(), "", "")
	}
}

func TestReplicasShareBans(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	h := &heard{}
	one, _ := replica(t, server.Addr, h.options())
	other, _ := replica(t, server.Addr, Options{})
	strike(one, 3, "192.0.2.7")
	eventually(t, "the other one has heard", func() bool { return other.has("192.0.2.7 all") })
	if _, err := other.Add(t.Context(), Ban{Target: everywhere("192.0.2.8"), Reason: "by hand"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one has heard", func() bool { return one.has("192.0.2.8 all") })
	late, _ := replica(t, server.Addr, Options{})
	if !late.has("192.0.2.7 all") || !late.has("192.0.2.8 all") {
		t.Error("who starts does not know all")
	}
	if was, err := late.Clear(t.Context(), everywhere("192.0.2.7")); !was || err != nil {
		t.Fatal(was, err)
	}
	eventually(t, "all have heard of the end", func() bool { return !one.has("192.0.2.7 all") && !other.has("192.0.2.7 all") })
	h.want(t, `begun 192.0.2.7 all by "probing", 1m0s, 1`, "cleared 192.0.2.7 all")
}

func TestReplicasCountTogether(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	one, _ := replica(t, server.Addr, Options{})
	other, _ := replica(t, server.Addr, Options{})
	strike(one, 2, "192.0.2.7")
	strike(other, 1, "192.0.2.7")
	eventually(t, "both have banned", func() bool { return one.has("192.0.2.7 all") && other.has("192.0.2.7 all") })
}

func TestWithoutTheStore(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	one, up := replica(t, server.Addr, Options{})
	other, _ := replica(t, server.Addr, Options{})
	strike(one, 3, "192.0.2.1")
	eventually(t, "the other one has heard", func() bool { return other.has("192.0.2.1 all") })
	server.Kill()
	eventually(t, "the store is down", func() bool { return !up.Up() })
	strike(one, 3, "192.0.2.2")
	if _, err := one.Add(t.Context(), Ban{Target: everywhere("192.0.2.3")}, time.Hour); !errors.Is(err, ErrHere) {
		t.Error(err)
	}
	for _, text := range []string{"192.0.2.1 all", "192.0.2.2 all", "192.0.2.3 all"} {
		if !one.has(text) {
			t.Errorf("%s does not hold here", text)
		}
	}
	if has, up := one.Shares(); !has || up {
		t.Error(has, up)
	}
	server.Run() // it has lost everything
	for _, text := range []string{"192.0.2.1 all", "192.0.2.2 all", "192.0.2.3 all"} {
		eventually(t, "the other one has heard of "+text, func() bool { return other.has(text) })
	}
	eventually(t, "the store knows again", func() bool { return server.Do("ZCARD", "test:{bans}:ends") == "3" })
}

// What was cleared elsewhere while a replica could not hear of it does not come back by it.
func TestClearedMeanwhile(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	way := redis.WayTo(t, server.Addr)
	one, s := replica(t, way.Addr, Options{})
	other, _ := replica(t, server.Addr, Options{})
	strike(one, 3, "192.0.2.1")
	eventually(t, "the other one has heard", func() bool { return other.has("192.0.2.1 all") })
	way.Lead("127.0.0.1:1")
	way.Cut()
	eventually(t, "one has lost the store", func() bool { return !s.Up() })
	if was, err := other.Clear(t.Context(), everywhere("192.0.2.1")); !was || err != nil {
		t.Fatal(was, err)
	}
	way.Lead(server.Addr)
	eventually(t, "one has heard", func() bool { return !one.has("192.0.2.1 all") })
	if other.has("192.0.2.1 all") || server.Do("ZCARD", "test:{bans}:ends") != "0" {
		t.Error("it has come back")
	}
}

func TestPoisonedStore(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	proxy := client("192.0.2.100")
	table, _ := replica(t, server.Addr, Options{Spared: func(w Who) bool { return w == proxy }})
	say := func(subject, note string) {
		server.Do("ZADD", "test:{bans}:ends", fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()), subject)
		server.Do("HSET", "test:{bans}:notes", subject, note)
		server.Do("INCR", "test:{bans}:count")
	}
	for _, c := range [][2]string{
		{"192.0.2.100 all", `1 rule {"rule":"r"}`}, // a trusted proxy
		{"0.0.0.0/0 all", `1 rule {"rule":"r"}`}, {"nobody", `1 rule {"rule":"r"}`},
		{"192.0.2.1 all", `1 rule `}, {"192.0.2.2 all", `1 rule {"rule":"r","status":200}`}, {"192.0.2.3 all", `1 hand {"rule":"r"}`},
		{"192.0.2.4 all", `1 rule {"rule":"r"}`},
	} {
		say(c[0], c[1])
	}
	eventually(t, "the sound one is taken", func() bool { return table.has("192.0.2.4 all") })
	if table.Len() != 1 || table.Refused() < 1 {
		t.Errorf("%d bans, %d refused", table.Len(), table.Refused())
	}
}

func TestSharedGrowth(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	for i := range 3 { // processes, one after the other
		table, _ := replica(t, server.Addr, Options{})
		strike(table, 3, "192.0.2.7")
		eventually(t, fmt.Sprint("ban ", i+1), func() bool {
			b := table.Banned(client("192.0.2.7"), nil, "", time.Now())
			return b != nil && b.Times == int64(i+1)
		})
		server.Until(fmt.Sprint(i+1), "GET", "test:{bans}:past:192.0.2.7 all")
		server.Do("ZADD", "test:{bans}:ends", "1", "192.0.2.7 all") // it has ended
	}
}
