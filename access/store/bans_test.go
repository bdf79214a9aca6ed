package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/redis"
)

var growing = BanOrder{Subject: "s", Note: "a note", First: time.Minute, Growth: 2, Longest: 5 * time.Minute, Forget: time.Hour}

func TestBan(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	s, _ := open(t, options(server.Addr))
	for i, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute} {
		b, made, err := s.Ban(t.Context(), growing)
		if err != nil || !made || b.Left != want || b.Times != int64(i+1) {
			t.Fatalf("ban %d: %+v %v %v", i, b, made, err)
		}
		b, made, err = s.Ban(t.Context(), growing)
		if err != nil || made || b.Left > want || b.Left <= 0 || b.Times != int64(i+1) {
			t.Fatalf("ban %d, once more: %+v %v %v", i, b, made, err)
		}
		server.Do("ZADD", "test:{bans}:ends", "1", "s") // it has ended
	}
	if was, err := s.Unban(t.Context(), "s"); err != nil || !was {
		t.Fatal(was, err)
	}
	if was, err := s.Unban(t.Context(), "s"); err != nil || was {
		t.Fatal(was, err)
	}
	if b, _, err := s.Ban(t.Context(), growing); err != nil || b.Times != 1 {
		t.Fatalf("earlier bans are not forgotten: %+v %v", b, err)
	}
	byHand := BanOrder{Subject: "s", Note: "by hand", Hand: true, First: time.Hour}
	if b, made, err := s.Ban(t.Context(), byHand); err != nil || !made || b.Left != time.Hour {
		t.Fatalf("%+v %v %v", b, made, err)
	}
	all, err := s.Bans(t.Context())
	if err != nil || len(all) != 1 || all[0].Note != "by hand" || !all[0].Hand || all[0].Left <= 59*time.Minute {
		t.Fatalf("%+v %v", all, err)
	}
}

func TestBansAreBounded(t *testing.T) {
	t.Parallel()
	server := redis.Start(t, redis.Options{})
	s, _ := open(t, options(server.Addr))
	if _, _, err := s.Ban(t.Context(), BanOrder{Subject: "hand", Hand: true, First: time.Second * 100}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Ban(t.Context(), growing); err != nil {
		t.Fatal(err)
	}
	fill := fmt.Sprintf(`for i = 1, %d do redis.call('ZADD', 'test:{bans}:ends', '9e15', 'f' .. i) redis.call('HSET', 'test:{bans}:notes', 'f' .. i, '1 rule ') end return 1`, MostBans-2)
	server.Do("EVAL", fill, "0")
	if b, made, err := s.Ban(t.Context(), BanOrder{Subject: "one more", First: time.Hour, Longest: time.Hour}); err != nil || !made || b.Left != time.Hour {
		t.Fatalf("%+v %v %v", b, made, err)
	}
	if got := server.Do("ZCARD", "test:{bans}:ends"); got != fmt.Sprint(MostBans) {
		t.Errorf("%s bans", got)
	}
	if server.Do("ZSCORE", "test:{bans}:ends", "hand") == "" || server.Do("ZSCORE", "test:{bans}:ends", "s") != "" {
		t.Error("the wrong one has made room")
	}
}

// table is what a watcher knows.
type table struct {
	mu   sync.Mutex
	bans map[string]Ban
	alls int
}

func (b *table) All(all []Ban, _ string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alls++
	b.bans = map[string]Ban{}
	for _, one := range all {
		b.bans[one.Subject] = one
	}
}

func (b *table) Changed(some []Ban, _ string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range some {
		if delete(b.bans, one.Subject); one.Left > 0 {
			b.bans[one.Subject] = one
		}
	}
}

func (b *table) subjects() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for subject := range b.bans {
		all = append(all, subject)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestWatchBans(t *testing.T) {
	t.Parallel()
	server := redis.Start(t, redis.Options{})
	one, _ := open(t, options(server.Addr))
	other, _ := open(t, options(server.Addr))
	ban := func(subject string) {
		t.Helper()
		if _, _, err := one.Ban(t.Context(), BanOrder{Subject: subject, Note: "n", First: time.Hour, Longest: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	ban("before")
	ctx, stop := context.WithCancel(t.Context())
	known := &table{}
	done := make(chan struct{})
	go func() {
		other.WatchBans(ctx, known)
		close(done)
	}()
	knows := func(want string) {
		t.Helper()
		eventually(t, "known are "+want, func() bool { return known.subjects() == want })
	}
	knows("before")
	ban("after")
	knows("after before")
	if _, err := one.Unban(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	knows("after")
	for i := range 3 * banPage { // more than one look
		ban(fmt.Sprint(i))
	}
	eventually(t, "known are many", func() bool { return len(strings.Fields(known.subjects())) == 3*banPage+1 })
	if known.alls != 1 {
		t.Errorf("all were read %d times", known.alls)
	}
	server.Do("FLUSHALL") // the log has gone back
	knows("")
	ban("anew")
	knows("anew")
	server.Do("DEL", "test:{bans}:count")
	ban("lost count")
	knows("anew lost count")
	server.Kill()
	server.Run() // without anything
	eventually(t, "the store is up", func() bool { return one.Up() && other.Up() })
	eventually(t, "banned again", func() bool {
		_, _, err := one.Ban(t.Context(), BanOrder{Subject: "again", First: time.Hour, Longest: time.Hour})
		return err == nil
	})
	knows("again")
	stop()
	<-done
}

func TestPoisonedBans(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	s, _ := open(t, options(server.Addr))
	for subject, note := range map[string]string{
		"a": "x rule n", "b": "1 nobody n", "c": "", "d": "1 rule " + strings.Repeat("x", 10_000), strings.Repeat("e", 1000): "1 rule n", "f": "1 rule fine",
	} {
		server.Do("ZADD", "test:{bans}:ends", fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()), subject)
		server.Do("HSET", "test:{bans}:notes", subject, note)
	}
	server.Do("ZADD", "test:{bans}:ends", "inf", "g")
	server.Do("HSET", "test:{bans}:notes", "g", "1 rule endless")
	all, err := s.Bans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 {
		t.Errorf("%d are taken", len(all))
	}
	for _, b := range all {
		if b.Subject != "f" {
			t.Errorf("taken: %.80v", b)
		}
	}
}

func TestHits(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	one, _ := open(t, options(server.Addr))
	other, _ := open(t, options(server.Addr))
	h := []Hit{{Key: id("a"), Window: time.Hour, Count: 2}, {Key: id("b"), Window: time.Hour, Count: 1}}
	if sums, err := one.Hits(t.Context(), h); err != nil || sums[0] != 2 || sums[1] != 1 {
		t.Fatal(sums, err)
	}
	if sums, err := other.Hits(t.Context(), h); err != nil || sums[0] != 4 || sums[1] != 2 {
		t.Fatal(sums, err)
	}
}
