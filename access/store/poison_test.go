package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/redis"
)

// What somebody else has left under the keys of a store costs what stood there, and nothing else: operations go on, and the
// store is not down for all because of one key.
func TestKeysOfOthers(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	s, heard := open(t, options(server.Addr))
	ban := BanOrder{Subject: "client 192.0.2.7", Note: "n", First: time.Hour, Longest: time.Hour}
	collections := func() error {
		_, err := s.ChangeCollection(t.Context(), id("a"), time.Hour, []Change{{Do: Set, Name: "v", Value: "1"}})
		return err
	}
	bans := func() error { _, _, err := s.Ban(t.Context(), ban); return err }
	for _, one := range []struct {
		what string
		keys []string
		do   func() error
	}{
		{"bucket", []string{s.key("rate", id("a"))}, func() error { _, err := take(t, s, hourly("a")); return err }},
		{"collection", []string{s.key("collection", id("a"))}, collections},
		{"hits", []string{s.key("hits", id("a"))}, func() error {
			_, err := s.Hits(t.Context(), []Hit{{Key: id("a"), Window: time.Minute, Count: 1}})
			return err
		}},
		{"present", []string{"test:replicas"}, func() error { _, err := s.Present(t.Context(), "a", time.Minute); return err }},
		{"ban", s.banKeys(ban.Subject), bans},
		{"unban", s.banKeys(ban.Subject), func() error { _, err := s.Unban(t.Context(), ban.Subject); return err }},
		{"bans", s.banKeys(""), func() error { _, err := s.Bans(t.Context()); return err }},
		{"changes", s.banKeys(""), func() error { _, _, err := s.bansChanged(t.Context(), 1); return err }},
	} {
		for _, key := range one.keys {
			for _, poison := range [][]string{
				{"SET", key, "x"}, {"SET", key, strings.Repeat("9", 100_000)}, {"RPUSH", key, "x"}, {"HSET", key, "x", "y"},
				{"HSET", key, "x", strings.Repeat("y", 100_000)}, {"HSET", key, "x", strings.Repeat("9", 30) + " y"},
				{"ZADD", key, "inf", ban.Subject}, {"ZADD", key, "1", strings.Repeat("x", 100_000)}, {"XADD", key, "1-1", "x", "y"},
			} {
				server.Do("DEL", key)
				server.Do(poison...)
				if err := one.do(); err != nil {
					t.Errorf("%s, %s by %s: %.200v", one.what, key, poison[0], err)
				}
			}
			server.Do("DEL", key)
		}
	}
	if heard.heard(Other) || heard.heard(Strange) {
		t.Errorf("the store was down: %.200v", heard.why)
	}
}

// Texts and lists that are longer than replies may be are left out, and take nothing else with them.
func TestGiantsOfOthers(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	s, _ := open(t, options(server.Addr))
	giant := strings.Repeat("x", 100_000)
	soon := fmt.Sprint(time.Now().Add(time.Hour).UnixMilli())
	if _, _, err := s.Ban(t.Context(), BanOrder{Subject: "good", Note: "n", First: time.Hour, Longest: time.Hour}); err != nil {
		t.Fatal(err)
	}
	_, log, err := s.allBans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{giant, "note"} {
		server.Do("ZADD", "test:{bans}:ends", soon, subject)
		server.Do("HSET", "test:{bans}:notes", subject, "1 rule "+giant)
		server.Do("XADD", "test:{bans}:log", fmt.Sprintf("%s-1", server.Do("INCR", "test:{bans}:count")), "s", subject)
	}
	if all, err := s.Bans(t.Context()); err != nil || len(all) != 1 || all[0].Subject != "good" {
		t.Errorf("%d bans, %.200v", len(all), err)
	}
	if _, next, err := s.bansChanged(t.Context(), log.count); err != nil || next != log.count+2 {
		t.Errorf("told up to %d of %d, %.200v", next, log.count+2, err)
	}

	key := s.key("collection", id("a"))
	server.Do("HSET", key, giant, "0 1", "value", "0 "+giant, "good", "0 1")
	for i := range 300 {
		server.Do("HSET", key, fmt.Sprint("v", i), "0 1")
	}
	all, err := s.Collection(t.Context(), id("a"))
	if err != nil || len(all) != MostVariables {
		t.Errorf("%d variables, %.200v", len(all), err)
	}
}
