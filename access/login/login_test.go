package login

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var now = time.Unix(1_800_000_000, 0)

func guard(s *State) *Guard {
	return s.Guard("shop", Config{Address: Quota{30, time.Hour}, Both: Quota{10, time.Hour}, Account: Quota{100, time.Hour}})
}

func at(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}) }

// try logs in, which ends so if it is let through.
func try(g *Guard, address netip.Addr, end End, at time.Time, accounts ...string) Reason {
	a, why, _ := g.Begin(address, accounts, at)
	a.Ended(end, at)
	return why
}

func TestFold(t *testing.T) {
	same := [][]string{
		{"ann@mail.example", "ANN@mail.example", " ann@mail.example ", "ann@mail.example\u00a0", "ａｎｎ@mail.example", "a\u200bnn@mail.example", "ánn@mail.example", "a\u0301nn@mail.example", "an\xffn@mail.example", "ann@mail\u2024example"},
		{"straße", "STRASSE", "strasse"}, {"ſam", "sam", "SAM"}, {"\u212aim", "kim"}, {"σίσυφος", "ΣΊΣΥΦΟΣ"},
	}
	for _, list := range same {
		for _, name := range list[1:] {
			if Fold(name) != Fold(list[0]) {
				t.Errorf("%q becomes %q, %q %q", name, Fold(name), list[0], Fold(list[0]))
			}
		}
	}
	if Fold("ann") == Fold("bob") {
		t.Error("all are one")
	}
	for _, name := range []string{"ann", "Ａnn é", "İ", "ǅ", strings.Repeat("x", 5000)} {
		if once := Fold(name); Fold(once) != once {
			t.Errorf("%q becomes %q, and that %q", name, once, Fold(once))
		}
	}
}

func TestFieldSelects(t *testing.T) {
	form, json := FormField("username"), JSONField("user.name")
	for _, c := range []struct {
		f    *Field
		keys string
		want bool
	}{
		{&form, "username UserName json.username json.USERNAME username[] username[0] json.username.0 json.0.username json.0.username.0", true},
		{&form, "user name json.user username2 json.usernames json.x.username", false},
		{&json, "json.user.name json.User.Name user[name] json.name json.user.name.0 user[name][] json.0.user.name json.user.0.name user.name User[0].Name", true},
		{&json, "json.user name user json.user.names json.x.user.name user.x.name user.names", false},
	} {
		for _, key := range strings.Fields(c.keys) {
			if c.f.Selects(key) != c.want {
				t.Errorf("%q: %t", key, !c.want)
			}
		}
	}
}

func TestManyAccountsFromOneAddress(t *testing.T) {
	g := guard(NewState(nil))
	passed := 0
	for i := range 1000 {
		if try(g, at(1), Failed, now, fmt.Sprint("account", i)) == None {
			passed++
		}
	}
	if passed != 30 {
		t.Errorf("%d were tried", passed)
	}
	if why := try(g, at(2), Failed, now, "account5"); why != None {
		t.Errorf("somebody else: %v", why)
	}
	if why := try(g, at(1), Failed, now.Add(2*time.Minute), "ann"); why != None {
		t.Errorf("later: %v", why)
	}
}

func TestOneAccountFromOneAddress(t *testing.T) {
	g := guard(NewState(nil))
	for i := range 12 {
		want := None
		if i >= 10 {
			want = Both
		}
		if why := try(g, at(1), Failed, now, []string{"ann", "ANN", " Ann"}[i%3]); why != want {
			t.Fatalf("attempt %d: %v", i, why)
		}
	}
	_, _, wait := g.Begin(at(1), []string{"ann"}, now)
	if wait != 6*time.Minute {
		t.Errorf("to wait for %v", wait)
	}
	if why := try(g, at(2), Succeeded, now, "ann"); why != None {
		t.Errorf("ann herself, elsewhere: %v", why)
	}
	if why := try(g, at(1), Failed, now, "bob"); why != None {
		t.Errorf("bob, behind the same address: %v", why)
	}
}

func TestOneAccountFromManyAddresses(t *testing.T) {
	g := guard(NewState(nil))
	if why := try(g, at(0), Succeeded, now, "ann"); why != None {
		t.Fatal(why)
	}
	passed := 0
	for i := range 1000 {
		if try(g, at(i+1), Failed, now, "ann") == None {
			passed++
		}
	}
	if passed != 100 {
		t.Errorf("%d were tried", passed)
	}
	for range 5 {
		if why := try(g, at(0), Failed, now, "ann"); why != None {
			t.Errorf("ann, where she has logged in before: %v", why)
		}
	}
	if why := try(g, at(0), Succeeded, now, "ann"); why != None {
		t.Errorf("and then succeeds: %v", why)
	}
	if why := try(g, at(5000), Succeeded, now, "ann"); why != Account {
		t.Errorf("elsewhere: %v", why)
	}
	if why := try(g, at(5000), Succeeded, now, "bob"); why != None {
		t.Errorf("bob: %v", why)
	}
}

func TestSuccessForgets(t *testing.T) {
	g := guard(NewState(nil))
	for range 4 {
		for range 9 {
			if why := try(g, at(1), Failed, now, "ann"); why != None && why != Address {
				t.Fatal(why)
			}
		}
		try(g, at(1), Succeeded, now, "ann")
	}
	// Who has an account does not get rid of what has failed for others.
	if why := try(g, at(1), Failed, now, "bob"); why != Address {
		t.Errorf("after 30 failures: %v", why)
	}
}

func TestNoNumberOfSuccessesCounts(t *testing.T) {
	g := guard(NewState(nil))
	for i := range 1000 {
		if why := try(g, at(1), Succeeded, now, fmt.Sprint(i)); why != None {
			t.Fatal(why)
		}
		if why := try(g, at(1), Neither, now, "ann"); why != None {
			t.Fatal(why)
		}
	}
}

func TestAttemptsAtOnceCount(t *testing.T) {
	g := guard(NewState(nil))
	var going []Attempt
	for {
		a, why, _ := g.Begin(at(1), []string{"ann"}, now)
		if why != None {
			break
		}
		going = append(going, a)
	}
	if len(going) != 10 {
		t.Errorf("%d at once", len(going))
	}
	for i := range going {
		going[i].Ended(Neither, now)
		going[i].Ended(Neither, now) // once is enough
	}
	if owing, _ := g.state.Held(); owing != 0 {
		t.Errorf("%d buckets owe", owing)
	}
}

func TestEachReadingCounts(t *testing.T) {
	g := guard(NewState(nil))
	for i := range 10 {
		if why := try(g, at(i), Failed, now, "decoy", "ann", "Ann"); why != None {
			t.Fatal(why)
		}
	}
	if owing, _ := g.state.Held(); owing != 10+2+20 {
		t.Errorf("%d buckets", owing)
	}
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprint(i))
	}
	if why := try(g, at(99), Failed, now, many...); why != Ambiguous {
		t.Error(why)
	}
	if owing, _ := g.state.Held(); owing != 10+2+20 {
		t.Errorf("%d buckets after what was refused", owing)
	}
	// A request that names two accounts makes its address known to none.
	try(g, at(50), Succeeded, now, "ann", "bob")
	if _, known := g.state.Held(); known != 0 {
		t.Error("it does")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	g := guard(NewState(nil))
	for i := range 100 {
		try(g, at(i), Failed, now, "ann")
	}
	owing := &g.tables.owing
	for i := range mostKept + mostKept/4 { // what others leave
		k := key{0: byte(i), 1: byte(i >> 8), 2: byte(i >> 16)}
		owing.take(&k, g.Account, now)
	}
	if n := owing.len(); n > mostKept || n < mostKept/2 {
		t.Errorf("%d buckets", n)
	}
	if why := try(g, at(1<<20), Failed, now, "ann"); why != Account {
		t.Errorf("the account was forgotten: %v", why)
	}
}

func TestReloadForgivesNothing(t *testing.T) {
	s := NewState(nil)
	for range 10 {
		try(guard(s), at(1), Failed, now, "ann")
	}
	if why := try(guard(s), at(1), Failed, now, "ann"); why != Both {
		t.Error(why)
	}
	if why := try(s.Guard("other", guard(s).Config), at(1), Failed, now, "ann"); why != None {
		t.Errorf("another policy: %v", why)
	}
}

func TestNoNameIsKept(t *testing.T) {
	a := hashed([]byte("one key"), "ann")
	if a == hashed([]byte("another"), "ann") || a == hashed([]byte("one key"), "bob") || a != hashed([]byte("one key"), "ANN") {
		t.Error("hashes do not depend on key and account alone")
	}
}

// together is a store in memory.
type together struct {
	mu   sync.Mutex
	till map[[16]byte]time.Time
	down bool
}

func (s *together) Up() bool { return !s.down }

func (s *together) Spend(_ context.Context, keys [][16]byte, costs []time.Duration) ([]time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owes := make([]time.Duration, len(keys))
	for i, k := range keys {
		at := s.till[k]
		if at.Before(time.Now()) {
			at = time.Now()
		}
		s.till[k] = at.Add(costs[i])
		owes[i] = time.Until(s.till[k])
	}
	return owes, nil
}

func TestReplicasShareFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &together{till: map[[16]byte]time.Time{}}
		key := []byte("0123456789abcdef0123456789abcdef")
		var replicas []*Guard
		for range 3 {
			replicas = append(replicas, NewState(store).Guard("shop", Config{Address: Quota{30, time.Hour}, Both: Quota{10, time.Hour}, Account: Quota{100, time.Hour}, Key: key}))
		}
		passed := 0
		for i := range 300 {
			if try(replicas[i%3], at(1), Failed, time.Now(), fmt.Sprint(i)) == None {
				passed++
			}
			synctest.Wait()
		}
		if passed < 30 || passed > 30+2 {
			t.Errorf("%d passed from one address", passed)
		}
		passed = 0
		for i := range 600 {
			if try(replicas[i%3], at(i+10), Failed, time.Now(), "ann") == None {
				passed++
			}
			synctest.Wait()
		}
		if passed < 100 || passed > 100+2 {
			t.Errorf("%d passed for one account", passed)
		}
	})
}

func BenchmarkAttempt(b *testing.B) {
	g := guard(NewState(nil))
	accounts := []string{"ann@mail.example"}
	b.ReportAllocs()
	for b.Loop() {
		a, _, _ := g.Begin(at(1), accounts, now)
		a.Ended(Neither, now)
	}
}
