package soak

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
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

// clean sends requests from each of some clients, each so many times and at most 25 times a second, and
// returns how long each took. All have to be answered.
func clean(t *testing.T, addr string, clients, times int) []time.Duration {
	t.Helper()
	const every = 40 * time.Millisecond
	took := make([][]time.Duration, clients)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			one := func() error {
				c, err := dial(addr)
				if err != nil {
					return err
				}
				defer c.Close()
				tick := time.NewTicker(every)
				defer tick.Stop()
				for range times {
					<-tick.C
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
					took[i] = append(took[i], time.Since(began))
				}
				return nil
			}
			errs[i] = one()
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(took...)
}

// slowTier is a tier with time-outs for clients that are slow, and room for as many as they are.
func slowTier(t *testing.T, timeout string) *tier.Tier {
	t.Helper()
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
	return tier.Plain(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: a, hosts: [a.test], upstreams: [{ id: a }] }
  - { id: unread, hosts: [unread.test], policy: unread, upstreams: [{ id: a }], timeouts: { request: 30m } }
upstreams: [{ id: a, endpoints: ["%s"], connections: 5000 }]
policies: [{ id: unread, mode: off }]
`, back.url())), "--reload-interval", "0", "--log-access", "off", "--trusted-proxies", "127.0.0.1/32",
		"--timeout-head", timeout, "--timeout-body", timeout, "--timeout-write", timeout)
}

// crowd lets so many slow clients hang on the tier, one third of each kind. They come one after the
// other: how many may come at once is another question. leave sends them away.
func (s *slowly) crowd(clients int) (leave func() error) {
	end := make(chan struct{})
	errs := make(chan error, clients)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := range clients {
		if i%4 == 0 {
			<-tick.C
		}
		go func() { errs <- s.hold(i, end) }()
	}
	return func() error {
		close(end)
		var all []error
		for range clients {
			all = append(all, <-errs)
		}
		return errors.Join(all...)
	}
}

// TestSlowClients lets thousands of slow connections hang on the tier. All clean requests are
// served, and the slow ones hold a few kilobytes each and no place of an inspection.
func TestSlowClients(t *testing.T) {
	const most = 128 << 10 // bytes of the heap for each of them
	w := slowTier(t, "30m")
	clean(t, w.Addr, cleanClients, 25)
	before := measure(t, w)
	s := &slowly{addr: w.Addr}
	leave := s.crowd(slowClients)
	// Heads that are not whole, and the first bytes of a body, are connections only.
	readers := 0.0
	for i := range slowClients {
		if i%3 == slowReader {
			readers++
		}
	}
	tier.Eventually(t, "the slow clients hang", func() bool {
		return s.open.Load() == slowClients && w.Metric("wafer_connections") == slowClients && w.Metric("wafer_requests_in_flight") == readers
	})
	clean(t, w.Addr, cleanClients, 50)
	if n := w.Metric("wafer_inspection_queue"); n != 0 {
		t.Errorf("%v inspections wait", n)
	}
	each := (measure(t, w).heap - before.heap) / slowClients
	t.Logf("%d bytes of the heap for each of %d slow clients", each, slowClients)
	if each > most {
		t.Errorf("%d bytes of the heap for each of %d slow clients, want at most %d", each, slowClients, most)
	}
	if n := s.cut[slowHead].Load() + s.cut[slowBody].Load() + s.cut[slowReader].Load(); n != 0 || s.open.Load() != slowClients {
		t.Errorf("%d were cut, %d are open", n, s.open.Load())
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
	tier.Eventually(t, "the slow connections are gone", func() bool {
		return w.Metric("wafer_connections") == 0 && w.Metric("wafer_requests_in_flight") == 0
	})
	if n := w.Metric("wafer_panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
}

// TestSlowClientsAreCut has clients that are slower than the tier allows. They are cut, each with its
// reason, while clean requests are served.
func TestSlowClientsAreCut(t *testing.T) {
	w := slowTier(t, "3s")
	s := &slowly{addr: w.Addr}
	leave := s.crowd(120)
	reasons := []string{"head_timeout", "body_timeout", "body_rate"}
	refused := func(reason string) float64 { return w.Metric(`wafer_refused_total{reason="` + reason + `"}`) }
	// Slow readers are not refused: they got their answer, or would have.
	tier.Eventually(t, "clients of each kind are cut", func() bool {
		enough := min(s.cut[slowHead].Load(), s.cut[slowBody].Load(), s.cut[slowReader].Load()) >= 10
		for _, reason := range reasons {
			enough = enough && refused(reason) > 0
		}
		return enough
	})
	clean(t, w.Addr, cleanClients, 10)
	if err := leave(); err != nil {
		t.Error(err)
	}
	t.Logf("cut: heads %d, bodies %d, readers %d", s.cut[slowHead].Load(), s.cut[slowBody].Load(), s.cut[slowReader].Load())
	tier.Eventually(t, "the slow connections are gone", func() bool {
		return w.Metric("wafer_connections") == 0 && w.Metric("wafer_requests_in_flight") == 0
	})
	if n := w.Metric("wafer_panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
}

// TestSlowClientsCostNoTime compares the latencies of clean requests beside slow clients and
// without them. It wants a quiet machine, so it belongs to make soak.
func TestSlowClientsCostNoTime(t *testing.T) {
	if !soaking() {
		t.Skip("measures time: make soak")
	}
	w := slowTier(t, "30m")
	clean(t, w.Addr, cleanClients, 25) // warm-up

	// Rounds of both kinds take turns, so that what else the machine does hits both.
	const rounds = 5
	var quiet, slow []time.Duration
	s := &slowly{addr: w.Addr}
	for range rounds {
		quiet = append(quiet, percentile(clean(t, w.Addr, cleanClients, 50), 0.99))
		leave := s.crowd(slowClients)
		tier.Eventually(t, "the slow clients hang", func() bool { return w.Metric("wafer_connections") == slowClients })
		slow = append(slow, percentile(clean(t, w.Addr, cleanClients, 50), 0.99))
		if err := leave(); err != nil {
			t.Error(err)
		}
		tier.Eventually(t, "the slow connections are gone", func() bool { return w.Metric("wafer_connections") == 0 })
		w.Forget()
	}
	// Below the floor, differences are the scheduler's.
	const floor = 5 * time.Millisecond
	q, l := percentile(quiet, 0.5), percentile(slow, 0.5)
	t.Logf("p99 of clean requests: quiet %v, with %d slow clients %v; medians %v and %v", quiet, slowClients, slow, q, l)
	if l > max(2*q, q+floor) {
		t.Errorf("slow clients cost the others: p99 %v, quiet %v", l, q)
	}
}
