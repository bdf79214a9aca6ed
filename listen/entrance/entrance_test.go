package entrance

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
)

// arrival is what has become of a connection.
type arrival struct {
	handedOver bool
	early      string // what HTTP/2 gets as read already
	read       string // what HTTP/1 reads in all
}

// arrive sends pieces, each in a write of its own that was read before the next one, and then the end.
func arrive(t *testing.T, o Options, pieces ...string) arrival {
	t.Helper()
	near, far := net.Pipe()
	sock := &counted{Conn: near}
	var got arrival
	if o.HTTP2 == nil {
		o.HTTP2 = func(g Guest) { got.handedOver, got.early = true, string(g.Early) }
	}
	c, err := Listen(&one{conn: sock}, o).Accept()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, piece := range pieces {
			_, _ = io.WriteString(far, piece)
		}
		_ = far.Close()
	}()
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	got.read = string(all)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if (sock.closed == 0) != got.handedOver {
		t.Errorf("handed over %v, closed %d times", got.handedOver, sock.closed)
	}
	return got
}

// counted is a connection that counts how often it is closed.
type counted struct {
	net.Conn
	closed int
}

func (c *counted) Close() error { c.closed++; return c.Conn.Close() }

// one is a listener that accepts one connection.
type one struct {
	net.Listener
	conn net.Conn
}

func (o *one) Accept() (net.Conn, error) { return o.conn, nil }

// In clear text the first bytes decide.
func TestClearText(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, tt := range map[string]struct {
		pieces []string
		want   arrival
	}{
		"HTTP/1":              {[]string{get}, arrival{read: get}},
		"nothing":             {nil, arrival{}},
		"HTTP/2":              {[]string{preface}, arrival{handedOver: true, early: preface}},
		"with frames":         {[]string{preface + "\x00\x00"}, arrival{handedOver: true, early: preface + "\x00\x00"}},
		"in pieces":           {[]string{"P", "RI * HTTP/2.0\r\n\r", "\nSM\r\n\r\n"}, arrival{handedOver: true, early: preface}},
		"another method":      {[]string{"P", "ROPFIND / HTTP/1.1\r\n"}, arrival{read: "PROPFIND / HTTP/1.1\r\n"}},
		"a preface that ends": {[]string{"PRI * HTTP/2.0\r\n\r\n"}, arrival{read: "PRI * HTTP/2.0\r\n\r\n"}},
		"another preface":     {[]string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"}, arrival{read: "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX"}},
		"a later preface":     {[]string{get, preface}, arrival{read: get + preface}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := arrive(t, Options{}, tt.pieces...); got != tt.want {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// Over TLS the handshake decides, and what it says of the client is known then.
func TestSecure(t *testing.T) {
	for alpn, want := range map[string]arrival{
		"":         {read: preface}, // whoever does not say so does not speak it
		"http/1.1": {read: preface},
		"h2":       {handedOver: true},
	} {
		secure := func(_ context.Context, sock *socket.Conn) (net.Conn, *message.Security, error) {
			return sock, &message.Security{ALPN: alpn}, nil
		}
		if got := arrive(t, Options{Secure: secure}, preface); got != want {
			t.Errorf("%q: got %+v, want %+v", alpn, got, want)
		}
	}
}

// A handshake that fails is the error of the first Read, and of no other.
func TestSecureFails(t *testing.T) {
	broken := errors.New("no certificate")
	near, far := net.Pipe()
	_ = far.Close()
	c, err := Listen(&one{conn: near}, Options{
		Secure: func(context.Context, *socket.Conn) (net.Conn, *message.Security, error) { return nil, nil, broken },
	}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 64)
	if _, err := c.Read(p); !errors.Is(err, broken) {
		t.Errorf("first read: %v", err)
	}
	if n, err := c.Read(p); n != 0 || err == nil {
		t.Errorf("second read: %d %v", n, err)
	}
}
