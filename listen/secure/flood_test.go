package secure

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/test/certs"
)

func client(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32)
}

// waitFor waits for something that is sure to happen.
func waitFor(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !happened(); <-time.After(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (g *Gate) queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting
}

// TestGateTakesTurns: who waits with many is served in turn with who waits with one.
func TestGateTakesTurns(t *testing.T) {
	g := NewGate(1)
	if !g.enter(client(0), time.Minute) {
		t.Fatal("no place")
	}
	var mu sync.Mutex
	var order []int
	var all sync.WaitGroup
	wait := func(who int) {
		n := g.queued()
		all.Go(func() {
			if g.enter(client(who), time.Minute) {
				mu.Lock()
				order = append(order, who)
				mu.Unlock()
				g.leave()
			}
		})
		waitFor(t, "it waits", func() bool { return g.queued() == n+1 })
	}
	for range 10 {
		wait(1)
	}
	wait(2)
	wait(3)
	g.leave()
	all.Wait()
	if at := slices.Index(order, 2); len(order) != 12 || at > 1 {
		t.Errorf("order %v", order)
	}
	if at := slices.Index(order, 3); at > 2 {
		t.Errorf("order %v", order)
	}
	if g.free != 1 || g.waiting != 0 || len(g.clients) != 0 {
		t.Errorf("left: %d free, %d waiting, %d clients", g.free, g.waiting, len(g.clients))
	}
}

// TestGateIsBounded: more than a client may have, or all together, are told at once.
func TestGateIsBounded(t *testing.T) {
	g := NewGate(0)
	for range mostPerClient {
		if g.queue(client(1)) == nil {
			t.Fatal("too few may wait")
		}
	}
	if g.enter(client(1), time.Hour) {
		t.Error("a client has more than it may")
	}
	for i := 2; g.waiting < mostWaiting; i++ {
		if g.queue(client(i)) == nil {
			t.Fatal("too few may wait")
		}
	}
	if g.enter(client(65535), time.Hour) {
		t.Error("there are more than may be")
	}
}

// Who gives up waiting takes no place.
func TestGateForgets(t *testing.T) {
	g := NewGate(1)
	g.enter(client(0), time.Minute)
	if g.enter(client(1), time.Millisecond) {
		t.Fatal("a place that somebody has")
	}
	g.leave()
	if g.free != 1 || g.waiting != 0 {
		t.Errorf("%d free, %d waiting", g.free, g.waiting)
	}
	if !g.enter(client(2), time.Minute) {
		t.Error("no place")
	}
}

// TestFlood has many clients begin handshakes and stop, send garbage, or send too much, beside some that are clean:
// all of these are served, and of the others nothing is left.
func TestFlood(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	crowd := socket.NewCrowd()
	s := serve(t, Options{
		Certificates: []Pair{pairOf(t, dir, "server", ca.Issue(t, certs.Of{DNS: []string{"a.test"}}))}, Gate: NewGate(1),
	}, socket.Options{Crowd: crowd})
	const each = 64
	var flood []net.Conn
	for i := range 4 * each {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		flood = append(flood, c)
		switch i % 4 {
		case 0: // nothing
		case 1: // half a hello
			_, _ = c.Write([]byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3})
		case 2: // no TLS
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		case 3: // a hello without an end: each record promises more
			record := append([]byte{22, 3, 1, 64, 0}, make([]byte, 16384)...)
			record[5], record[6] = 1, 0xff // a message of nearly 64 KiB and more
			_, _ = c.Write(record)
			_, _ = c.Write(record)
		}
	}
	for i := range 20 {
		if got, _, err := s.ask(&tls.Config{ServerName: "a.test", RootCAs: ca.Pool()}); err != nil || got != "a.test TLS 1.3  nobody" {
			t.Errorf("clean client %d: %q, %v", i, got, err)
		}
	}
	for _, c := range flood {
		_ = c.Close()
	}
	waitFor(t, "all connections are gone", func() bool { return crowd.Open() == 0 })
	count := map[string]int{}
	for _, r := range s.results(20 + 3*each) {
		count[r]++
	}
	large := count[ResultTooLarge] + count[ResultMalformed]
	if count[ResultOK] != 20 || count[ResultClosed] != each || count[ResultNotTLS] != each || large != each {
		t.Errorf("results %v", count)
	}
	if g := s.l.o.Gate; g.free != 1 || g.waiting != 0 {
		t.Errorf("the gate: %d free, %d wait", g.free, g.waiting)
	}
}

// Nobody is waited for longer than the reader has said.
func TestSlowHandshake(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	s := serve(t, Options{
		Certificates: []Pair{pairOf(t, dir, "server", ca.Issue(t, certs.Of{DNS: []string{"a.test"}}))}, Timeout: 50 * time.Millisecond,
	}, socket.Options{})
	for _, sent := range []string{"", "\x16\x03\x01"} {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 100)); err != io.EOF {
			t.Errorf("%q: %d, %v", sent, n, err)
		}
	}
	if got := s.results(2); fmt.Sprint(got) != "[timeout timeout]" {
		t.Errorf("results %v", got)
	}
}

// With the PROXY protocol in front, the client is who that says, and its limit counts from there.
func TestProxyProtocol(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	s := serve(t, Options{Certificates: []Pair{pairOf(t, dir, "server", ca.Issue(t, certs.Of{DNS: []string{"a.test"}}))}}, socket.Options{
		ProxyProtocol: true, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, ConnectionsPerClient: 1,
		TooMany: "\x15\x03\x03\x00\x02\x02\x50",
	})
	dial := func(from string) (*tls.Conn, error) {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := fmt.Fprintf(c, "PROXY TCP4 %s 10.0.0.9 1000 443\r\n", from); err != nil {
			t.Fatal(err)
		}
		conn := tls.Client(c, &tls.Config{ServerName: "a.test", RootCAs: ca.Pool()})
		return conn, conn.Handshake()
	}
	if _, err := dial("192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := dial("192.0.2.2"); err != nil {
		t.Errorf("another client: %v", err)
	}
	if _, err := dial("192.0.2.1"); err == nil || err.Error() != "remote error: tls: internal error" {
		t.Errorf("a second connection of a client: %v", err)
	}
}

// A connection that is to be reset does not end in order: no close_notify says that all was sent.
func TestCloseNotify(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	l := New(Options{
		Certificates: []Pair{pairOf(t, dir, "server", ca.Issue(t, certs.Of{DNS: []string{"a.test"}}))}, Gate: NewGate(1), Timeout: time.Minute, Read: os.ReadFile,
	})
	l.Refresh(func(at string, err error) { t.Errorf("%s: %v", at, err) })
	for _, inOrder := range []bool{true, false} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener := socket.Listen(ln, socket.Options{})
		go func() {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			sock := c.Socket()
			sock.ReadBy(sock.Now(), socket.Never)
			conn, _, err := l.Handshake(t.Context(), sock)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "part")
			if !inOrder {
				sock.Abandon()
			}
			_ = conn.Close()
		}()
		conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{ServerName: "a.test", RootCAs: ca.Pool()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(conn)
		if (err == nil) != inOrder {
			t.Errorf("in order %v: the client reads to the end: %v", inOrder, err)
		}
		_ = conn.Close()
		_ = ln.Close()
	}
}
