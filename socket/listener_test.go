package socket

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestHousehold(t *testing.T) {
	f := func(a, want string) {
		t.Helper()
		if got := Household(netip.MustParseAddr(a)); got.String() != want {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
	f("192.0.2.1", "192.0.2.1/32")
	f("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")
	f("2001:db8:1:2:ffff::", "2001:db8:1:2::/64")
	f("2001:db8:1:3::", "2001:db8:1:3::/64")
	f("fe80::1%eth0", "fe80::/64")
}

// stuck is a socket whose client sends nothing and closes nothing.
type stuck struct {
	net.Conn
	halfClosed chan struct{}
	end        chan struct{} // of the client's patience
}

func (s *stuck) CloseWrite() error           { close(s.halfClosed); return nil }
func (s *stuck) SetDeadline(time.Time) error { return nil }
func (s *stuck) Close() error                { return nil }
func (s *stuck) Read([]byte) (int, error) {
	<-s.end
	return 0, io.EOF
}

// Beyond the bound, connections are closed at once.
func TestLingeringIsBounded(t *testing.T) {
	l := Listen(nil, Options{})
	end, done := make(chan struct{}), make(chan int, lingerMost+1)
	for i := range lingerMost + 1 {
		sock := &stuck{halfClosed: make(chan struct{}), end: end}
		l.linger(sock, func() { done <- i })
		if i < lingerMost {
			<-sock.halfClosed
		}
	}
	if i := <-done; i != lingerMost {
		t.Errorf("connection %d was closed first", i)
	}
	close(end)
	for range lingerMost {
		<-done
	}
}

// The count of a client's connections is forgotten with the last of them.
func TestClientsAreForgotten(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(inner, Options{ConnectionsPerClient: 1})
	defer l.Close()
	client, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil || l.Open() != 1 || len(l.perClient) != 1 {
		t.Fatalf("%d open, clients %v, %v", l.Open(), l.perClient, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) || l.Open() != 0 || len(l.perClient) != 0 {
		t.Errorf("%d open, clients %v, %v", l.Open(), l.perClient, err)
	}
}
