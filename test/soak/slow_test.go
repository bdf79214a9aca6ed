package soak

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// slowClients is how many connections are slow at a time.
const slowClients = 2000

// cleanClients are the clients that must not notice; each asks 25 times a second.
const cleanClients = 8

// slowly keeps one slow connection open, and opens the next one when the tier has had
// enough of it.
type slowly struct {
	addr string
	open atomic.Int64
	cut  [3]atomic.Int64 // connections that the tier ended, by kind
}

// The kinds of slow clients.
const (
	slowHead = iota
	slowBody
	slowReader
)

// hold is one slow client. It sends or takes a few bytes a second until end is closed. Some
// send nothing at all.
func (s *slowly) hold(number int, end <-chan struct{}) error {
	kind, silent := number%3, number%2 == 0
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	byteOf := []byte{'x'}
	taken := make([]byte, 64)
	for {
		c, err := s.begin(kind)
		if err != nil {
			return err
		}
		s.open.Add(1)
		for alive := true; alive; {
			if !pause(end, tick.C) {
				s.open.Add(-1)
				c.vanish()
				return nil
			}
			switch {
			case kind == slowReader:
				err = c.SetReadDeadline(time.Now().Add(patience))
				if err == nil && c.br.Buffered() < len(taken) && !silent {
					_, err = c.Read(taken)
				} else if err == nil {
					err = probe(c.Conn)
				}
			case silent:
				err = probe(c.Conn)
			default:
				if _, err = c.Write(byteOf); err == nil {
					err = probe(c.Conn)
				}
			}
			alive = err == nil
		}
		s.open.Add(-1)
		s.cut[kind].Add(1)
		_ = c.Close()
	}
}

// probe fails if the other side has closed, or has answered what was not asked to the end.
func probe(c net.Conn) error {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	var peeked error
	err = raw.Control(func(fd uintptr) {
		value, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		if err == nil && value != 0 {
			err = syscall.Errno(value)
		}
		state, infoErr := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO) // the first byte is the state
		const established = 1
		if err == nil && (infoErr != nil || state&0xff != established) {
			err = net.ErrClosed
		}
		peeked = err
	})
	if err != nil {
		return err
	}
	return peeked
}

// begin opens a connection and sends what makes it the client of its kind.
func (s *slowly) begin(kind int) (*conn, error) {
	c, err := dial(s.addr)
	if err != nil {
		return nil, err
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	raw := "GET / HTTP/1.1\r\nHost: a.test\r\nX-Slow: "
	switch kind {
	case slowBody:
		raw = request("POST", "a.test", "/", "slow", "", form, "Content-Length: 100000") + "text="
	case slowReader:
		if err := c.Conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			return nil, err
		}
		raw = request("GET", "unread.test", "/large?size=30000000", "slow", "")
	}
	return c, c.send(raw)
}

// clean sends requests at a fixed rate from each of some clients for a while and returns how long each took.
func clean(t *testing.T, addr string, clients int, length time.Duration) []time.Duration {
	t.Helper()
	const every = 40 * time.Millisecond
	var mu sync.Mutex
	var took []time.Duration
	var errs []error
	var wg sync.WaitGroup
	end := make(chan struct{})
	stop := time.AfterFunc(length, func() { close(end) })
	defer stop.Stop()
	for range clients {
		wg.Go(func() {
			one := func() error {
				c, err := dial(addr)
				if err != nil {
					return err
				}
				defer c.Close()
				tick := time.NewTicker(every)
				defer tick.Stop()
				for pause(end, tick.C) {
					n := fmt.Sprintf("clean-%d", rand.Int64())
					began := time.Now()
					if err := c.send(request("GET", "a.test", "/?item="+n, n, "")); err != nil {
						return err
					}
					a, err := c.answer("GET")
					if err != nil {
						return err
					}
					if err := a.own(200, n, echoed(n, "GET", 0, 0)); err != nil {
						return err
					}
					mu.Lock()
					took = append(took, time.Since(began))
					mu.Unlock()
				}
				return nil
			}
			if err := one(); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		t.Error(err)
	}
	if len(took) == 0 {
		t.Fatal("no clean request was answered")
	}
	return took
}

// TestSlowClients lets thousands of slow connections hang on the tier. Clean traffic does
// not notice, and the slow ones are cut, each with its reason.
func TestSlowClients(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max < 3*slowClients {
		t.Skipf("%d open files are too few", limit.Max)
	}
	back := newBackend(t)
	w := tier.Plain(t, routeFile(t, fmt.Sprintf(`
routes:
  - { id: a, hosts: [a.test], upstreams: [{ id: a }] }
  - { id: unread, hosts: [unread.test], policy: unread, upstreams: [{ id: a }] }
upstreams: [{ id: a, endpoints: ["%s"], connections: 5000 }]
policies: [{ id: unread, mode: off }]
`, back.url())), "--reload-interval", "0", "--log-access", "off", "--trusted-proxies", "127.0.0.1/32",
		"--timeout-head", "8s", "--timeout-body", "8s", "--timeout-write", "8s")
	clean(t, w.Addr, cleanClients, time.Second) // warm-up

	// Rounds of both kinds take turns, so that what else the machine does hits both.
	const rounds = 5
	var quiet, slow, all []time.Duration
	s := &slowly{addr: w.Addr}
	for round := range rounds {
		quiet = append(quiet, percentile(clean(t, w.Addr, cleanClients, 2*time.Second), 0.99))

		end := make(chan struct{})
		errs := make(chan error, slowClients)
		// They come one after the other: how many may come at once is another question.
		tick := time.NewTicker(5 * time.Millisecond)
		for i := range slowClients {
			if i%4 == 0 {
				<-tick.C
			}
			go func() { errs <- s.hold(i, end) }()
		}
		tick.Stop()
		// Heads that are not whole, and the first bytes of a body, are connections only.
		eventually(t, "the slow clients hang", func() bool {
			return w.Metric("wafer_connections") >= slowClients*9/10 && w.Metric("wafer_requests_in_flight") >= slowClients/3*9/10
		})
		took := clean(t, w.Addr, cleanClients, 2*time.Second)
		if n := s.open.Load(); n < slowClients*9/10 {
			t.Errorf("only %d slow clients at the end of a round", n)
		}
		slow = append(slow, percentile(took, 0.99))
		all = append(all, took...)
		if round == rounds-1 {
			eventually(t, "the slow clients are cut", func() bool {
				return min(s.cut[slowHead].Load(), s.cut[slowBody].Load(), s.cut[slowReader].Load()) >= slowClients/4
			})
		}
		close(end)
		for range slowClients {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		eventually(t, "the slow connections are gone", func() bool { return w.Metric("wafer_connections") == 0 })
		w.Forget()
	}
	t.Logf("p99 of clean requests: quiet %v, with %d slow clients %v; all of these: p50 %v, p99 %v", quiet, slowClients, slow, percentile(all, 0.5), percentile(all, 0.99))
	// Below the floor, differences are the scheduler's.
	const floor = 5 * time.Millisecond
	q, l := percentile(quiet, 0.5), percentile(slow, 0.5)
	t.Logf("medians of p99: quiet %v, slow %v", q, l)
	if l > max(2*q, q+floor) {
		t.Errorf("slow clients cost the others: p99 %v, quiet %v", l, q)
	}

	// The tier says why it cut whom. Slow readers are not refused: they got their answer, or
	// would have.
	var said []string
	for _, reason := range []string{"head_timeout", "body_timeout", "body_rate"} {
		n := w.Metric(`wafer_refused_total{reason="` + reason + `"}`)
		said = append(said, fmt.Sprintf("%s %v", reason, n))
		if n == 0 {
			t.Errorf("nobody was refused for %s", reason)
		}
	}
	t.Logf("cut: heads %d, bodies %d, readers %d; refused: %s", s.cut[slowHead].Load(), s.cut[slowBody].Load(), s.cut[slowReader].Load(), strings.Join(said, ", "))
	for kind := range s.cut {
		if s.cut[kind].Load() == 0 {
			t.Errorf("no client of kind %d was cut", kind)
		}
	}
	if n := w.Metric("wafer_requests_in_flight"); n != 0 {
		t.Errorf("%v requests in flight at the end", n)
	}
	if n := w.Metric("wafer_panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
}
