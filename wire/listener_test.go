package wire

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/socket"
)

// refusals are what Options.Refused was called with.
type refusals struct {
	mu  sync.Mutex
	all []string
}

func (r *refusals) add(reason string, client netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, reason+" "+client.String())
}

func (r *refusals) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

func expectRefusals(t *testing.T, r *refusals, want ...string) {
	t.Helper()
	got := r.take()
	if len(got) != len(want) {
		t.Fatalf("refused %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("refused %q, want %q", got, want)
		}
	}
}

func TestConnectionLimit(t *testing.T) {
	var r refusals
	o := timed()
	o.Connections, o.Refused = 2, r.add
	s := serveHTTP(t, o, echo)
	first, second := s.dial(), s.dial()
	eventually(t, "two connections", func() bool { return open(s.l) == 2 })
	if got := s.answers(s.dial()); got != "503:" {
		t.Errorf("got %s", got)
	}
	expectRefusals(t, &r, "connections 127.0.0.1")
	_ = first.Close()
	eventually(t, "one connection", func() bool { return open(s.l) == 1 })
	if got := s.talk(plain); got != "200:/ 0" {
		t.Errorf("got %s", got)
	}
	_ = second.Close()
	expectRefusals(t, &r)
}

func TestConnectionLimitPerClient(t *testing.T) {
	var r refusals
	o := timed()
	o.ConnectionsPerClient, o.Refused = 2, r.add
	s := serveHTTP(t, o, echo)
	first := s.dial()
	s.dial()
	eventually(t, "two connections", func() bool { return open(s.l) == 2 })
	if got := s.answers(s.dial()); got != "429:" {
		t.Errorf("got %s", got)
	}
	expectRefusals(t, &r, "connections_per_client 127.0.0.1")
	_ = first.Close()
	eventually(t, "one connection", func() bool { return open(s.l) == 1 })
	if got := s.talk(plain); got != "200:/ 0" {
		t.Errorf("got %s", got)
	}
}

// A connection that lingers gives its place back although its client never closes.
func TestLingeringEnds(t *testing.T) {
	o := timed()
	o.ConnectionsPerClient = 1
	s := serveHTTP(t, o, echo)
	c := s.dial()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\n\n")
	if got := s.answers(c); got != "400:refused" {
		t.Errorf("got %s", got)
	}
	// c stays open.
	eventually(t, "no connection", func() bool { return open(s.l) == 0 })
	if got := s.talk(plain); got != "200:/ 0" {
		t.Errorf("got %s", got)
	}
}

// failing is a listener that fails a few times.
type failing struct {
	net.Listener
	errs []error
}

func (f *failing) Accept() (net.Conn, error) {
	if len(f.errs) == 0 {
		return &script{}, nil
	}
	err := f.errs[0]
	f.errs = f.errs[1:]
	return nil, &net.OpError{Op: "accept", Err: err}
}

func TestAcceptSurvivesShortage(t *testing.T) {
	l := Listen(&failing{errs: []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED}}, Options{})
	if c, err := l.Accept(); err != nil || open(l) != 1 {
		t.Error(c, err)
	} else {
		_ = c.Close()
	}
	if open(l) != 0 {
		t.Errorf("%d open", open(l))
	}
	l = Listen(&failing{errs: []error{syscall.EINVAL}}, Options{})
	if _, err := l.Accept(); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
}

func TestListenerCloses(t *testing.T) {
	noLeaks(t)
	l := listening(t, timed())
	done := make(chan error)
	go func() {
		_, err := l.Accept()
		done <- err
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestViolation(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Reasons() {
		if seen[r] {
			t.Errorf("%s twice", r)
		}
		seen[r] = true
	}
	for _, v := range everyRequestFault {
		if v.Status < 400 || v.Status > 505 || v.Error() == "" || v.Temporary() {
			t.Errorf("%+v", v)
		}
	}
	if !errors.Is(truncated, io.ErrUnexpectedEOF) || errors.Is(bareLF, io.ErrUnexpectedEOF) {
		t.Error("only truncated is an unexpected EOF")
	}
}

func TestClean(t *testing.T) {
	b := make([]byte, 24)
	for at := range b {
		for c := range 256 {
			for _, filler := range []byte{'a', 0x20, 0x80, 0xff, '\t', 0x7e} {
				for i := range b {
					b[i] = filler
				}
				b[at] = byte(c)
				if got, want := clean(b), all(b, valueByte); got != want {
					t.Fatalf("% x: %v", b, got)
				}
			}
		}
	}
}

// open is how many connections of l are open.
func open(l *Listener) int { return l.Acceptor.(*socket.Listener).Open() }
