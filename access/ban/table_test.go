package ban

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func client(text string) Who { return Client(netip.MustParseAddr(text)) }

func everywhere(text string) Target { return Target{Who: client(text)} }

// probing bans who gets three errors within a minute.
func probing() *Rule {
	return &Rule{
		ID: "probing", Statuses: []Statuses{{400, 404}}, Count: 3, Window: time.Minute,
		First: time.Minute, Growth: 2, Longest: 5 * time.Minute, Forget: time.Hour, Status: 403,
	}
}

func TestTargets(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::/64": "2001:db8:1:2::/64", "192.0.2.7/32": "192.0.2.7", "2001:db8::/48": "", "192.0.2.0/24": "", "0.0.0.0/0": "", "::/0": "",
		"": "", "x": "", "fe80::1%eth0": "", "key:AAAA": "", "key:AAECAwQFBgcICQoLDA0ODw": "key:AAECAwQFBgcICQoLDA0ODw",
	} {
		w, err := ParseWho(text)
		if want == "" != (err != nil) || err == nil && w.String() != want {
			t.Errorf("%q: %v %v", text, w, err)
		}
	}
	for text, valid := range map[string]bool{
		"192.0.2.7 all": true, "192.0.2.7 host shop.example": true, "192.0.2.7 route a b": true, "2001:db8:1:2::/64 route shop": true,
		"192.0.2.7": false, "192.0.2.7 all x": false, "192.0.2.7 host": false, "192.0.2.7 host ": false, "192.0.2.7 planet x": false, "192.0.2.7/32 all": false,
		"2001:DB8:1:2::/64 all": false, " all": false, "192.0.2.7 route " + strings.Repeat("x", 300): false,
	} {
		if at, err := ParseTarget(text); valid != (err == nil) || valid && at.String() != text {
			t.Errorf("%q: %v %v", text, at, err)
		}
	}
}

func TestRulesCount(t *testing.T) {
	r := &Rule{Statuses: []Statuses{{401, 401}, {403, 404}}, Blocked: true, Limited: true, Score: 5}
	for _, c := range []struct {
		o    Outcome
		want string
	}{
		{Outcome{Status: 200}, ""}, {Outcome{Status: 402}, ""}, {Outcome{Status: 401}, "status"}, {Outcome{Status: 404}, "status"},
		{Outcome{Status: 403, Blocked: true}, "blocked"}, {Outcome{Status: 429, Limited: true}, "limited"}, {Outcome{Status: 200, Score: 5}, "score"}, {Outcome{Score: 4}, ""},
	} {
		if why, counts := r.Counts(&c.o); why != c.want || counts != (c.want != "") {
			t.Errorf("%+v: %q", c.o, why)
		}
	}
}

// So many within any stretch as long as the window are always enough, wherever it begins.
func TestCounterNeverMisses(t *testing.T) {
	for offset := range 100 {
		start := time.Unix(1_800_000_000, 0).Add(time.Duration(offset) * time.Minute / 100)
		c := counter{}
		sum := 0
		for i := range 10 { // the last one a moment before the window ends
			sum = c.add(start.Add(time.Duration(i)*(time.Minute-time.Millisecond)/9), time.Minute)
		}
		if sum != 10 {
			t.Fatalf("offset %d: %d", offset, sum)
		}
		if sum = c.add(start.Add(2*time.Minute+8*time.Second), time.Minute); sum != 1 {
			t.Fatalf("offset %d: %d are left after the window and an eighth", offset, sum)
		}
	}
}

// heard is what a table has told.
type heard struct {
	mu   sync.Mutex
	said []string
}

func (h *heard) options() Options {
	return Options{
		Begun: func(b *Ban, _ string) {
			h.say("begun %s by %q, %s, %d", b.Target, b.Rule, b.Until.Sub(b.Begun), b.Times)
		},
		Ended: func(b *Ban, how How) { h.say("%s %s", how, b.Target) },
	}
}

func (h *heard) say(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, fmt.Sprintf(format, args...))
}

func (h *heard) want(t *testing.T, want ...string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if strings.Join(h.said, "\n") != strings.Join(want, "\n") {
		t.Errorf("heard\n%s\nwant\n%s", strings.Join(h.said, "\n"), strings.Join(want, "\n"))
	}
	h.said = nil
}

func TestBansGrowAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heard{}
		table := New(h.options())
		at := everywhere("192.0.2.7")
		enough := func() {
			for range 3 {
				table.Hit(probing(), at, time.Now(), "id", "status")
			}
		}
		for i, lasts := range []string{"1m0s", "2m0s", "4m0s", "5m0s"} {
			enough()
			enough() // who is banned is not banned again
			h.want(t, fmt.Sprintf("begun 192.0.2.7 all by \"probing\", %s, %d", lasts, i+1))
			if table.Banned(at.Who, []byte("h"), "r", time.Now()) == nil || table.Len() != 1 {
				t.Fatal("not banned")
			}
			time.Sleep(5*time.Minute + 2*time.Second)
			h.want(t, "expired 192.0.2.7 all")
			if table.Banned(at.Who, []byte("h"), "r", time.Now()) != nil || table.Len() != 0 {
				t.Fatal("banned still")
			}
		}
		time.Sleep(2 * time.Hour)
		enough()
		h.want(t, `begun 192.0.2.7 all by "probing", 1m0s, 1`)
		time.Sleep(time.Hour)
	})
}

func TestScopes(t *testing.T) {
	now := time.Now()
	table := New(Options{})
	for _, text := range []string{"192.0.2.1 all", "192.0.2.2 host shop.example", "192.0.2.3 route shop", "2001:db8:1:2::/64 all"} {
		at, err := ParseTarget(text)
		if err != nil {
			t.Fatal(err)
		}
		table.put(&Ban{Target: at, Rule: "r", Until: now.Add(time.Hour)}, now, false)
	}
	for _, c := range []struct {
		client, host, route string
		want                bool
	}{
		{"192.0.2.1", "x", "y", true}, {"192.0.2.2", "shop.example", "y", true}, {"192.0.2.2", "x", "shop", false},
		{"192.0.2.3", "x", "shop", true}, {"192.0.2.3", "shop", "x", false}, {"192.0.2.4", "shop.example", "shop", false},
		{"2001:db8:1:2:ffff::9", "", "", true}, {"2001:db8:1:3::1", "", "", false},
	} {
		if got := table.Banned(client(c.client), []byte(c.host), c.route, now); (got != nil) != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestSparedAreNeverBanned(t *testing.T) {
	proxy := netip.MustParsePrefix("2001:db8:1:2::3/128")
	table := New(Options{Spared: func(w Who) bool { return w.Network().IsValid() && w.Network().Overlaps(proxy) }})
	for range 10 { // a neighbor of the proxy, in the same /64
		table.Hit(probing(), everywhere("2001:db8:1:2::99"), time.Now(), "", "")
	}
	if _, err := table.Add(t.Context(), Ban{Target: everywhere("2001:db8:1:2::3")}, time.Hour); !errors.Is(err, ErrSpared) || table.Len() != 0 {
		t.Errorf("%v, %d bans", err, table.Len())
	}
}

func TestObservedBans(t *testing.T) {
	table := New(Options{})
	r := probing()
	r.Observe = true
	at := everywhere("192.0.2.7")
	for range 3 {
		table.Hit(r, at, time.Now(), "", "")
	}
	if b := table.Banned(at.Who, nil, "", time.Now()); b == nil || !b.Observe {
		t.Errorf("%+v", b)
	}
	for range 3 {
		table.Hit(probing(), at, time.Now(), "", "")
	}
	if b := table.Banned(at.Who, nil, "", time.Now()); b == nil || b.Observe {
		t.Errorf("%+v", b)
	}
}

func address(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(i)+1<<24)
	return netip.AddrFrom4(b)
}

// An attacker with many addresses fills the table; whom a person has banned stays banned, and there is no more of it than was said.
func TestTableIsBounded(t *testing.T) {
	table := New(Options{Most: 1000})
	defer table.expire(time.Now().Add(100 * time.Hour))
	for i := range 10 {
		if _, err := table.Add(t.Context(), Ban{Target: Target{Who: Client(address(1<<28 + i))}}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5000 {
		for range 3 {
			table.Hit(probing(), Target{Who: Client(address(i))}, time.Now(), "", "")
		}
	}
	if n := table.Len(); n != 1000 {
		t.Errorf("%d bans", n)
	}
	if n := len(table.past); n > 1000 {
		t.Errorf("%d are remembered", n)
	}
	for i := range 10 {
		if table.Banned(Client(address(1<<28+i)), nil, "", time.Now()) == nil {
			t.Error("a person's ban has made room")
		}
	}
	if last := table.Banned(Client(address(4999)), nil, "", time.Now()); last == nil {
		t.Error("the last one is not banned")
	}
}

// Who comes from many addresses once does not have forgotten who has come often.
func TestCountersForgetTheLeast(t *testing.T) {
	c := counters{most: 100}
	now := time.Now()
	for range 50 {
		c.add([16]byte{1}, now, time.Hour)
	}
	for i := range 10_000 {
		c.add([16]byte{2, byte(i), byte(i >> 8)}, now, time.Hour)
	}
	if got := c.add([16]byte{1}, now, time.Hour); got != 51 || len(c.all) != 100 {
		t.Errorf("counted %d, of %d", got, len(c.all))
	}
}

func TestListPages(t *testing.T) {
	table := New(Options{})
	for i := range 25 {
		if _, err := table.Add(t.Context(), Ban{Target: Target{Who: Client(address(i))}}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var seen []string
	after := uint64(0)
	for {
		page, next := table.List(time.Now(), nil, after, 10)
		for _, b := range page {
			seen = append(seen, b.Who.String())
		}
		if next == 0 {
			break
		}
		after = next
	}
	if len(seen) != 25 || seen[0] != "1.0.0.0" || seen[24] != "1.0.0.24" {
		t.Errorf("%q", seen)
	}
	who := Client(address(7))
	if page, _ := table.List(time.Now(), &who, 0, 10); len(page) != 1 {
		t.Errorf("%d of one", len(page))
	}
	if was, err := table.Clear(t.Context(), Target{Who: who}); !was || err != nil || table.Len() != 24 {
		t.Error(was, err, table.Len())
	}
}

func TestBannedDoesNotAllocate(t *testing.T) {
	table, at := crowded()
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() { table.Banned(at, host, "shop", now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var host = []byte("shop.example")

func crowded() (*Table, Who) {
	table := New(Options{})
	for i := range 100_000 {
		b := &Ban{Target: Target{Who: Client(address(i))}, Rule: "r", Until: time.Now().Add(time.Hour)}
		table.put(b, b.Begun, false)
	}
	return table, client("203.0.113.9")
}

// Nobody is banned, or 100,000 others are.
func BenchmarkBanned(b *testing.B) {
	full, who := crowded()
	now := time.Now()
	for name, table := range map[string]*Table{"nobody": New(Options{}), "others": full} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				table.Banned(who, host, "shop", now)
			}
		})
	}
}
