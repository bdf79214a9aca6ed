package admin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

func TestLimiter(t *testing.T) {
	l := newLimiter[netip.Addr](2, 5)
	now := time.Now()
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	count := func(client netip.Addr, at time.Time) (n int) {
		for n < 100 && l.allow(network(client), at) {
			n++
		}
		return n
	}
	if n := count(a, now); n != 5 {
		t.Errorf("%d at once, want 5", n)
	}
	if n := count(b, now); n != 5 {
		t.Errorf("another client: %d, want 5", n)
	}
	if n := count(a, now.Add(time.Second)); n != 2 {
		t.Errorf("a second later %d, want 2", n)
	}
	if n := count(a, now.Add(time.Hour)); n != 5 {
		t.Errorf("an hour later %d, want 5", n)
	}
	if n := count(netip.MustParseAddr("2001:db8::1"), now); n != 5 {
		t.Errorf("%d", n)
	}
	if l.allow(network(netip.MustParseAddr("2001:db8::2")), now) {
		t.Error("two addresses of a /64 are one client")
	}
}

// TestLimiterIsBounded has more clients ask than are told apart.
func TestLimiterIsBounded(t *testing.T) {
	l := newLimiter[netip.Addr](1, 2)
	now := time.Now()
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for i := range maxClients + 1000 {
		l.allow(address(i), now)
	}
	if len(l.clients) > maxClients+1 {
		t.Errorf("%d clients are told apart", len(l.clients))
	}
	if l.allow(address(maxClients+2000), now) {
		t.Error("who is not told apart does not share what is left")
	}
	if !l.allow(address(maxClients+2000), now.Add(time.Minute)) {
		t.Error("those who have not asked for long are not forgotten")
	}
	if len(l.clients) > 10 {
		t.Errorf("%d are remembered", len(l.clients))
	}
}

// TestTooManyRequests asks more often than anybody may: those who ask for health never notice. Time stands still meanwhile,
// since what may be asked comes back as it passes.
func TestTooManyRequests(t *testing.T) { synctest.Test(t, tooManyRequests) }

func tooManyRequests(t *testing.T) {
	var reasons []string
	file, tokens := keys(t)
	known, err := OpenTokens(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := New(Options{
		Tokens: known, Config: func() any { return "config" }, Metrics: func(http.ResponseWriter, *http.Request, func(error)) {},
		Refused: func(reason string) { reasons = append(reasons, reason) }, Log: zerolog.Nop(), Version: "test",
	})
	// Who shows nothing, from the same address, takes away nothing from who shows a token.
	for range 2 * requestBurst {
		ask(h, "GET", "/api/v1/config", elsewhere, "")
	}
	if got := ask(h, "GET", "/api/v1/config", elsewhere, "wafer_guess"); got.Code != http.StatusTooManyRequests {
		t.Errorf("a token that is not known: %d", got.Code)
	}
	reasons = nil
	for i := range requestBurst {
		if got := ask(h, "GET", "/api/v1/config", elsewhere, tokens["grafana"]); got.Code != http.StatusOK {
			t.Fatalf("request %d: %d", i, got.Code)
		}
	}
	limited := 0
	for range 100 {
		got := ask(h, "GET", "/api/v1/config", elsewhere, tokens["grafana"])
		if got.Code == http.StatusTooManyRequests && got.Header().Get("Retry-After") != "" {
			limited++
		}
	}
	if limited == 0 || len(reasons) == 0 || reasons[0] != refusedTooMany {
		t.Errorf("%d were too many, refused for %v", limited, reasons)
	}
	often := func(path, client, token string, n int) (refused int) {
		for range n {
			switch got := ask(h, "GET", path, client, token); got.Code {
			case http.StatusOK:
			case http.StatusTooManyRequests:
				refused++
			default:
				t.Errorf("%s: %d", path, got.Code)
			}
		}
		return refused
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if n := often(path, elsewhere, "", 3*requestBurst); n != 0 {
			t.Errorf("%s: %d were refused", path, n)
		}
	}
	if n := often("/metrics", elsewhere, "", scrapeBurst); n != 0 {
		t.Errorf("/metrics: %d were refused", n)
	}
	if n := often("/metrics", elsewhere, "", 10*scrapeBurst); n == 0 {
		t.Error("metrics may be asked for without end")
	}
	if n := often("/metrics", here, "", 10*scrapeBurst); n != 0 {
		t.Errorf("/metrics, from the same machine: %d were refused", n)
	}
	if n := often("/metrics", "10.9.9.8:1", "", 1) + often("/metrics", elsewhere, tokens["ci"], 1); n != 0 {
		t.Error("who asks too often makes others wait")
	}
	if got := ask(h, "GET", "/api/v1/config", "10.9.9.9:1", tokens["grafana"]); got.Code != http.StatusOK {
		t.Errorf("another client: %d", got.Code)
	}
}

// TestTokensAreNotGuessed tries tokens, while time stands still. The owner of a good one on the same address is served
// all the same.
func TestTokensAreNotGuessed(t *testing.T) { synctest.Test(t, tokensAreNotGuessed) }

func tokensAreNotGuessed(t *testing.T) {
	file, tokens := keys(t)
	known, err := OpenTokens(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := New(Options{Tokens: known, Config: func() any { return "config" }, Log: zerolog.Nop(), Version: "test"})
	count := map[int]int{}
	for i := range 50 {
		count[ask(h, "GET", "/api/v1/config", elsewhere, fmt.Sprint("wafer_guess", i)).Code]++
	}
	if count[http.StatusUnauthorized] != failureBurst || count[http.StatusTooManyRequests] != 50-failureBurst {
		t.Errorf("statuses %v", count)
	}
	if got := ask(h, "GET", "/api/v1/config", elsewhere, tokens["grafana"]); got.Code != http.StatusOK {
		t.Errorf("a good token: %d", got.Code)
	}
}

// TestOperatorsAreWrittenDown reads what the log says of what operators do.
func TestOperatorsAreWrittenDown(t *testing.T) {
	var log bytes.Buffer
	h := New(Options{Log: zerolog.New(&log), Version: "test", Profiles: false})
	ask(h, "GET", "/debug/pprof/cmdline?token=Zq7Planted9xW&x=1", here, "")
	got := log.String()
	for _, want := range []string{`"who":"local"`, `"status":200`, `"path":"/debug/pprof/cmdline"`, `"query":"token=[masked]&x=1"`, `"message":"admin request"`} {
		if !bytes.Contains(log.Bytes(), []byte(want)) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

// TestCrowd opens more connections than a client may have.
func TestCrowd(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := newCrowd(ln)
	defer c.Close()
	accepted := make(chan net.Conn, 2*maxConnections)
	go func() {
		for {
			conn, err := c.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	var first net.Conn
	for range maxConnections {
		dial()
		first = <-accepted
	}
	// One more is closed at once.
	if n, err := dial().Read(make([]byte, 1)); err == nil || n != 0 {
		t.Errorf("read %d, %v", n, err)
	} else if err != io.EOF {
		t.Logf("closed with %v", err)
	}
	_ = first.Close()
	_ = first.Close()
	dial()
	_ = (<-accepted).Close()
}

// TestSlowReaders have answers for them that they do not take, as one or in parts: they are cut off.
func TestSlowReaders(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := newCrowd(ln)
	c.within = 50 * time.Millisecond
	const large = 64 << 20 // more than what systems keep for connections
	ended := make(chan error, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		switch r.URL.Path {
		case "/one":
			_, err = w.Write(make([]byte, large))
		case "/parts":
			for n := 0; n < large && err == nil; n += 1000 {
				_, err = w.Write(make([]byte, 1000))
			}
		case "/longer": // what a handler allows is no more than everybody has
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour))
			_, err = w.Write(make([]byte, large))
		case "/small":
			_, err = w.Write(make([]byte, 1000))
		}
		ended <- err
	})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, c, h, zerolog.Nop(), time.Minute) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	for _, path := range []string{"/one", "/parts", "/longer"} {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v", path, err)
		}
		_ = conn.Close()
	}
	// A connection that was idle for longer than a piece may take is as good as new.
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for range 2 {
		if _, err := io.WriteString(conn, "GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, response.Body); n != 1000 || err != nil || <-ended != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		_ = response.Body.Close()
		time.Sleep(2 * c.within)
	}
}
