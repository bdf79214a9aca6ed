package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/certs"
	"github.com/wafer-waf/wafer/test/redis"
)

// told is what a store has told.
type told struct {
	mu      sync.Mutex
	changes []Fault // None: up
	why     []error
	faults  map[Fault]int
}

func (t *told) did(_ string, why Fault, _ time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults[why]++
}

func (t *told) changed(_ bool, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes, t.why = append(t.changes, FaultOf(why)), append(t.why, why)
}

func (t *told) heard(f Fault) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.changes {
		if c == f {
			return true
		}
	}
	return false
}

// options are those of a test, which has no time to lose and is on a busy machine.
func options(address string) Options {
	return Options{
		Mode: One, Addresses: []string{address}, Prefix: "test:", Timeout: 2 * time.Second, ConnectTimeout: 5 * time.Second, Connections: 4,
	}
}

// open runs a store until the test ends.
func open(t *testing.T, o Options) (*Store, *told) {
	t.Helper()
	heard := &told{faults: map[Fault]int{}}
	o.Did, o.Changed = heard.did, heard.changed
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	_ = s.Connect(t.Context()) // which is told
	go s.Run(t.Context())
	return s, heard
}

func id(text string) (k [16]byte) {
	sum := sha256.Sum256([]byte(text))
	copy(k[:], sum[:])
	return k
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within a minute: " + what)
		}
	}
}

// hourly lets three through at once, and one more every hour.
func hourly(key string) Bucket { return Bucket{Key: id(key), Cost: time.Hour, Most: 3 * time.Hour} }

// take takes from one bucket.
func take(t *testing.T, s *Store, b Bucket) (Owed, error) {
	var owed [1]Owed
	err := s.Take(t.Context(), []Bucket{b}, owed[:])
	return owed[0], err
}

// about reports whether a time is as long as it should be, less what has passed meanwhile.
func about(got, want time.Duration) bool { return got <= want && got > want-time.Minute }

func TestTake(t *testing.T) {
	s, _ := open(t, options(redis.Start(t, redis.Options{}).Addr))
	for i := range 3 {
		got, err := take(t, s, hourly("a"))
		if err != nil || !got.Allowed || !about(got.Owes, time.Duration(i+1)*time.Hour) {
			t.Fatalf("request %d: %+v %v", i, got, err)
		}
	}
	if got, err := take(t, s, hourly("a")); err != nil || got.Allowed || !about(got.Owes, 3*time.Hour) {
		t.Fatalf("%+v %v", got, err)
	}
	if got, err := take(t, s, hourly("b")); err != nil || !got.Allowed {
		t.Fatalf("another key: %+v %v", got, err)
	}
}

func TestTakeAllOrNothing(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	for _, mode := range []string{One, Cluster} { // in which a bucket is asked by itself, and given back
		server.Do("FLUSHALL")
		s, _ := open(t, options(server.Addr))
		s.options.Mode = mode
		narrow, wide, alone := hourly("narrow"), hourly("wide"), hourly("alone")
		narrow.Most, wide.Most, alone.Most, alone.Alone = time.Hour, 10*time.Hour, 2*time.Hour, true
		all := []Bucket{narrow, wide, alone}
		var owed [3]Owed
		if err := s.Take(t.Context(), all, owed[:]); err != nil || !owed[0].Allowed || !owed[1].Allowed || !owed[2].Allowed {
			t.Fatalf("%s: %+v %v", mode, owed, err)
		}
		if err := s.Take(t.Context(), all, owed[:]); err != nil || owed[0].Allowed || !owed[1].Allowed || !owed[2].Allowed {
			t.Fatalf("%s: %+v %v", mode, owed, err)
		}
		look := wide
		look.Cost = 0
		eventually(t, mode+": nothing but the first is charged", func() bool {
			got, err := take(t, s, look)
			return err == nil && about(got.Owes, time.Hour)
		})
		for range 3 { // the second time there is room for the one that is alone, which stops nobody
			if err := s.Take(t.Context(), []Bucket{wide, alone}, owed[:2]); err != nil || !owed[0].Allowed {
				t.Fatalf("%s: %+v %v", mode, owed, err)
			}
		}
		if owed[1].Allowed || !about(owed[1].Owes, 2*time.Hour) || !about(owed[0].Owes, 4*time.Hour) {
			t.Errorf("%s: %+v", mode, owed)
		}
	}
}

func TestSpend(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	s, _ := open(t, options(server.Addr))
	five, one := hourly("a"), hourly("b")
	five.Cost = 5 * time.Hour
	for range 2 { // the second time without the script
		server.Do("SCRIPT", "FLUSH")
		server.Do("FLUSHALL")
		var got [2]Owed
		if err := s.Spend(t.Context(), []Bucket{five, one}, got[:]); err != nil || got[0].Allowed || !about(got[0].Owes, 5*time.Hour) || !got[1].Allowed || !about(got[1].Owes, time.Hour) {
			t.Fatalf("%+v %v", got, err)
		}
	}
	if got, err := take(t, s, hourly("a")); err != nil || got.Allowed {
		t.Fatalf("what was charged is not there: %+v %v", got, err)
	}
	five.Cost = -10 * time.Hour // more than there is to give back
	var got [1]Owed
	if err := s.Spend(t.Context(), []Bucket{five}, got[:]); err != nil || got[0].Owes != 0 {
		t.Fatalf("%+v %v", got, err)
	}
	if got, err := take(t, s, hourly("a")); err != nil || !got.Allowed || !about(got.Owes, time.Hour) {
		t.Fatalf("what was given back is not there: %+v %v", got, err)
	}
}

func TestPoisonedBucket(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	s, _ := open(t, options(server.Addr))
	b := Bucket{Key: id("a"), Cost: time.Second, Most: time.Second}
	for _, poison := range []string{"9e99", "nan", "-inf", "inf", "x", ""} {
		server.Do("SET", s.key("rate", b.Key), poison)
		if got, err := take(t, s, b); err != nil || got.Owes > time.Second {
			t.Errorf("%q: %+v %v", poison, got, err)
		}
	}
}

func TestPresent(t *testing.T) {
	s, _ := open(t, options(redis.Start(t, redis.Options{}).Addr))
	for i, name := range []string{"a", "b", "a", "c"} {
		n, err := s.Present(t.Context(), name, time.Minute)
		if want := []int{1, 2, 2, 3}[i]; err != nil || n != want {
			t.Errorf("%d are present, not %d: %v", n, want, err)
		}
	}
	eventually(t, "who says nothing any more is gone", func() bool {
		n, err := s.Present(t.Context(), "a", time.Millisecond)
		return err == nil && n == 1
	})
}

func TestCollection(t *testing.T) {
	s, _ := open(t, options(redis.Start(t, redis.Options{}).Addr))
	key := id("ip 192.0.2.7")
	all, err := s.ChangeCollection(t.Context(), key, time.Hour, []Change{
		{Do: Add, Name: "counter", Value: "3"}, {Do: Add, Name: "counter", Value: "4"}, {Do: Set, Name: "flag", Value: "a b\r\nc"},
		{Do: Expire, Name: "flag", Left: time.Hour}, {Do: Expire, Name: "none", Left: time.Hour}, {Do: Init, Name: "flag", Value: "no"},
		{Do: Set, Name: "gone", Value: "1"}, {Do: Remove, Name: "gone"}, {Do: Set, Name: "soon", Value: "1", Left: time.Millisecond},
	})
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v %v", all, err)
	}
	eventually(t, "the variable expires", func() bool {
		all, err = s.Collection(t.Context(), key)
		return err == nil && len(all) == 2
	})
	got := map[string]Variable{}
	for _, v := range all {
		got[v.Name] = v
	}
	if c, f := got["counter"], got["flag"]; c.Value != "7" || c.Left != 0 || f.Value != "a b\r\nc" || f.Left <= 59*time.Minute {
		t.Errorf("%+v", got)
	}
}

func TestCollectionIsBounded(t *testing.T) {
	s, _ := open(t, options(redis.Start(t, redis.Options{}).Addr))
	for i := range 3 {
		var changes []Change
		for j := range MostChanges {
			changes = append(changes, Change{Do: Set, Name: "v" + string(rune('a'+i)) + string(rune('0'+j)), Value: "1"})
		}
		all, err := s.ChangeCollection(t.Context(), id("a"), time.Hour, changes)
		if err != nil || len(all) != MostVariables {
			t.Fatalf("%d variables, %v", len(all), err)
		}
	}
}

// faults break a server and mend it.
func TestFaults(t *testing.T) {
	t.Parallel()
	password := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		if err := os.WriteFile(password, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		set     redis.Options
		want    []Fault // one of them
		breakIt func(*redis.Server)
		mendIt  func(*redis.Server)
	}{
		{"killed", redis.Options{}, []Fault{Refused, Broken}, (*redis.Server).Kill, (*redis.Server).Run},
		{"frozen", redis.Options{}, []Fault{Timeout}, (*redis.Server).Freeze, (*redis.Server).Thaw},
		{"full", redis.Options{}, []Fault{Full}, (*redis.Server).Fill, (*redis.Server).Empty},
		{"replica", redis.Options{}, []Fault{ReadOnly}, func(s *redis.Server) { s.Do("REPLICAOF", "127.0.0.1", "1") }, (*redis.Server).Promote},
		{"password", redis.Options{Password: "first"}, []Fault{Denied},
			func(s *redis.Server) {
				s.Do("CONFIG", "SET", "requirepass", "second")
				s.Password("second")
				s.Do("CLIENT", "KILL", "TYPE", "normal")
			},
			func(*redis.Server) { write("second\nrest") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := redis.Start(t, c.set)
			o := options(server.Addr)
			o.Timeout = 300 * time.Millisecond
			if c.set.Password != "" {
				write(c.set.Password)
				o.PasswordFile = password
			}
			s, heard := open(t, o)
			eventually(t, "the store is up", s.Up)
			c.breakIt(server)
			eventually(t, "the store is down", func() bool {
				_, _ = take(t, s, hourly("a")) // fails
				return !s.Up()
			})
			if _, err := take(t, s, hourly("a")); !errors.Is(err, ErrDown) {
				t.Errorf("an operation is tried: %v", err)
			}
			found := false
			for _, f := range c.want {
				found = found || heard.heard(f)
			}
			if !found {
				t.Errorf("told %v, want one of %v", heard.changes, c.want)
			}
			c.mendIt(server)
			eventually(t, "the store is up again", s.Up)
			eventually(t, "operations succeed", func() bool {
				_, err := take(t, s, hourly("b"))
				return err == nil
			})
		})
	}
}

func TestStartsWithoutStore(t *testing.T) {
	t.Parallel()
	server := redis.Start(t, redis.Options{})
	server.Kill()
	s, heard := open(t, options(server.Addr))
	if s.Up() || !heard.heard(Refused) {
		t.Fatalf("told %v", heard.changes)
	}
	server.Run()
	eventually(t, "the store is up", s.Up)
}

func TestConnectionsCutInTheMiddle(t *testing.T) {
	t.Parallel()
	server := redis.Start(t, redis.Options{})
	way := redis.WayTo(t, server.Addr)
	s, _ := open(t, options(way.Addr))
	way.Slow(20 * time.Millisecond)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				_, _ = take(t, s, hourly("a")) // some fail
			}
		})
	}
	for range 3 {
		way.Cut()
	}
	all.Wait()
	way.Slow(0)
	eventually(t, "operations succeed", func() bool {
		_, err := take(t, s, hourly("b"))
		return err == nil
	})
}

func TestSlowStore(t *testing.T) {
	t.Parallel()
	way := redis.WayTo(t, redis.Start(t, redis.Options{}).Addr)
	o := options(way.Addr)
	o.Timeout = 100 * time.Millisecond
	s, heard := open(t, o)
	eventually(t, "the store is up", s.Up)
	way.Slow(time.Second)
	eventually(t, "the store is down", func() bool {
		_, _ = take(t, s, hourly("a")) // fails
		return !s.Up()
	})
	if !heard.heard(Timeout) {
		t.Errorf("told %v", heard.changes)
	}
	way.Slow(0)
	eventually(t, "the store is up again", s.Up)
}

func TestFailoverBehindOneAddress(t *testing.T) {
	t.Parallel()
	first := redis.Start(t, redis.Options{})
	second := redis.Start(t, redis.Options{ReplicaOf: first})
	second.Synced()
	way := redis.WayTo(t, first.Addr)
	s, _ := open(t, options(way.Addr))
	if _, _, err := s.Ban(t.Context(), BanOrder{Subject: "a", Note: "n", Hand: true, First: time.Hour}); err != nil {
		t.Fatal(err)
	}
	second.Until("1", "ZCARD", "test:{bans}:ends")
	second.Promote()
	first.Demote(second)
	way.Lead(second.Addr) // what is open still leads to the first, which says that it is a replica now
	eventually(t, "the second one is asked", func() bool {
		all, err := s.Bans(t.Context())
		_, err2 := take(t, s, hourly("a"))
		return err == nil && err2 == nil && len(all) == 1
	})
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	first := redis.Start(t, redis.Options{})
	second := redis.Start(t, redis.Options{ReplicaOf: first})
	second.Synced()
	watcher := redis.Watched(t, first)
	o := options(watcher.Addr)
	o.Mode, o.Master = Sentinel, "shared"
	s, heard := open(t, o)
	if _, err := take(t, s, hourly("a")); err != nil {
		t.Fatalf("%v, told %v", err, heard.why)
	}
	first.Kill()
	eventually(t, "the second one is asked", func() bool {
		_, err := take(t, s, hourly("a"))
		return err == nil
	})
}

func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := redis.Clustered(t)
	o := options(nodes[0].Addr)
	o.Mode = Cluster
	s, _ := open(t, o)
	var buckets []Bucket
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		buckets = append(buckets, hourly(key))
	}
	for i, charge := range []func(context.Context, []Bucket, []Owed) error{s.Spend, s.Take} {
		got := make([]Owed, len(buckets))
		if err := charge(t.Context(), buckets, got); err != nil {
			t.Fatal(err)
		}
		if want := time.Duration(i+1) * time.Hour; !about(got[0].Owes, want) || !about(got[5].Owes, want) {
			t.Errorf("%+v", got)
		}
	}
	if _, made, err := s.Ban(t.Context(), BanOrder{Subject: "a", First: time.Hour, Longest: time.Hour}); err != nil || !made {
		t.Error(made, err)
	}
	if all, err := s.Bans(t.Context()); err != nil || len(all) != 1 {
		t.Error(all, err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ca, stranger := certs.Authority(t, "store"), certs.Authority(t, "stranger")
	own := ca.Issue(t, certs.Of{CN: "wafer"})
	server := redis.Start(t, redis.Options{TLS: &redis.TLS{
		CA: ca, Server: ca.Issue(t, certs.Of{CN: "store", DNS: []string{"store.example"}, Server: true}), AskClient: true,
	}})
	dir := t.TempDir()
	certs.Write(t, dir, map[string][]byte{"ca.pem": ca.Cert(), "stranger.pem": stranger.Cert(), "own.pem": own.Cert(), "own.key": own.PrivateKey()})
	file := func(name string) string { return filepath.Join(dir, name) }
	good := TLS{On: true, CA: file("ca.pem"), Cert: file("own.pem"), Key: file("own.key"), ServerName: "store.example"}
	for _, c := range []struct {
		name   string
		change func(*TLS)
		want   []Fault
	}{
		{"all well", func(*TLS) {}, []Fault{None}},
		{"another authority", func(t *TLS) { t.CA = file("stranger.pem") }, []Fault{Secure}},
		{"another name", func(t *TLS) { t.ServerName = "" }, []Fault{Secure}},
		{"no certificate of one's own", func(t *TLS) { t.Cert, t.Key = "", "" }, []Fault{Secure, Broken}},
		{"no TLS", func(t *TLS) { t.On = false }, []Fault{Broken, Strange}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(server.Addr)
			o.TLS = good
			c.change(&o.TLS)
			s, heard := open(t, o)
			found := false
			for _, f := range c.want {
				found = found || heard.heard(f)
			}
			if !found {
				t.Errorf("told %v, up %v, want one of %v", heard.changes, s.Up(), c.want)
			}
		})
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	o := options("127.0.0.1:1")
	o.PasswordFile = "/nowhere/password"
	if _, err := New(o); FaultOf(err) != Denied {
		t.Error(err)
	}
	o = options("127.0.0.1:1")
	o.TLS = TLS{On: true, CA: "/nowhere/ca.pem"}
	if _, err := New(o); FaultOf(err) != Secure {
		t.Error(err)
	}
}

// hostile answers every connection with the same bytes.
func hostile(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				answer(conn)
			}()
		}
	}()
	return ln.Addr().String()
}

func TestHostileReplies(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{
		"$9223372036854775807\r\n", "*9223372036854775807\r\n", "$99999999999999999999999\r\n", "*2147483647\r\n", "$2147483647\r\n",
		"$-2\r\n", "$\r\n", "*-5\r\n", "%1\r\n", "~1\r\n", ">2\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x00\x00\x00",
	} {
		t.Run(reply, func(t *testing.T) {
			t.Parallel()
			address := hostile(t, func(conn net.Conn) {
				buffer := make([]byte, 4096)
				for {
					if _, err := conn.Read(buffer); err != nil {
						return
					}
					if _, err := conn.Write([]byte(reply)); err != nil {
						return
					}
				}
			})
			o := options(address)
			o.Timeout, o.ConnectTimeout = 100*time.Millisecond, 400*time.Millisecond
			s, _ := open(t, o)
			if s.Up() {
				t.Error("the store is up")
			}
		})
	}
}

func TestGuardBoundsWholeReplies(t *testing.T) {
	nested := []byte("*1000\r\n")
	for range 1000 {
		nested = append(nested, "*1000\r\n"...)
	}
	long := append([]byte{'+'}, make([]byte, 2*longestLine)...)
	var many []byte
	text := "$65536\r\n" + string(make([]byte, 65536)) + "\r\n"
	many = append(many, "*1000\r\n"...)
	for range 1000 {
		many = append(many, text...)
	}
	for i, reply := range [][]byte{nested, long, many} {
		if (&guard{}).sound(reply) {
			t.Errorf("reply %d is taken", i)
		}
	}
	g := &guard{}
	for range 1000 { // whatever many replies are together
		if !g.sound([]byte(text)) || !g.sound([]byte("*2\r\n:1\r\n$-1\r\n+OK\r\n-ERR no\r\n*-1\r\n*0\r\n$0\r\n\r\n")) {
			t.Fatal("a sound reply is refused")
		}
	}
}

func TestCallerWhoLeaves(t *testing.T) {
	server := redis.Start(t, redis.Options{})
	s, _ := open(t, options(server.Addr))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		if err := s.Take(ctx, []Bucket{hourly("a")}, make([]Owed, 1)); err == nil {
			t.Fatal("no error")
		}
	}
	if !s.Up() {
		t.Error("callers who leave have opened the breaker")
	}
}
