package wire

import (
	"cmp"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// script is a socket on which the client's bytes arrive in the given pieces.
type script struct {
	pieces [][]byte
	reads  int
	end    error // behind them, if not io.EOF
}

func (s *script) Read(p []byte) (int, error) {
	for len(s.pieces) > 0 && len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	if len(s.pieces) == 0 {
		return 0, cmp.Or(s.end, io.EOF)
	}
	s.reads++
	n := copy(p, s.pieces[0])
	s.pieces[0] = s.pieces[0][n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) Close() error                     { return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1234} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// given is a listener that accepts these sockets.
type given struct {
	net.Listener
	socks []net.Conn
}

func (g *given) Accept() (net.Conn, error) {
	sock := g.socks[0]
	g.socks = g.socks[1:]
	return sock, nil
}

// accepted returns the connection of a client on that socket.
func accepted(o Options, sock net.Conn) *Conn {
	return take(Listen(&given{socks: []net.Conn{sock}}, o))
}

func take(l *Listener) *Conn {
	c, err := l.Accept()
	if err != nil {
		panic(err)
	}
	return c.(*Conn)
}

// cut cuts input into pieces of the given sizes, the last of them repeated.
func cut(input []byte, sizes ...int) [][]byte {
	var pieces [][]byte
	for i := 0; len(input) > 0; i++ {
		n := min(max(1, sizes[min(i, len(sizes)-1)]), len(input))
		pieces = append(pieces, append([]byte(nil), input[:n]...))
		input = input[n:]
	}
	return pieces
}

// A reset is the client's end: silent between requests, a violation within one.
func TestReset(t *testing.T) {
	for sent, want := range map[string]string{
		"": "", plain: "", "\r\n": "", "GET": "truncated", plain + "GET": "truncated",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel":            "truncated",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n": "truncated",
	} {
		reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
		c := accepted(Options{}, &script{pieces: cut([]byte(sent), 100), end: reset})
		p, got := make([]byte, 4096), ""
		for {
			_, err := c.Read(p)
			if v := c.Violation(); v != nil {
				got = v.Reason
			} else if err != nil && err != io.EOF {
				t.Errorf("%q: %v", sent, err)
			}
			if err != nil {
				break
			}
		}
		if got != want {
			t.Errorf("%q and a reset: %q, want %q", sent, got, want)
		}
		if c.unclean {
			t.Errorf("%q: there is nobody to linger for", sent)
		}
	}
}

// outcome is what a server reads of a connection.
type outcome struct {
	delivered string
	messages  []string // the whole requests among it
	partial   string   // what was delivered of the last one
	violation *Violation
}

// serve reads everything from a connection, with a server's buffer of that size.
func serve(t testing.TB, o Options, pieces [][]byte, buffer int) outcome {
	t.Helper()
	c := accepted(o, &script{pieces: pieces})
	p := make([]byte, buffer)
	var out outcome
	var delivered, message []byte
	for {
		n, err := c.Read(p)
		if n > len(p) || n == 0 && err == nil {
			t.Fatalf("Read = %d, %v", n, err)
		}
		delivered = append(delivered, p[:n]...)
		if c.violation == nil || c.msg.part != inHead || c.held.deliverable() {
			message = append(message, p[:n]...)
		}
		if c.msg.part == inHead && !c.held.deliverable() && len(message) > 0 {
			out.messages = append(out.messages, string(message))
			message = nil
		}
		if err == nil {
			continue
		}
		out.partial = string(message)
		out.delivered = string(delivered)
		out.violation = c.Violation()
		switch {
		case errors.As(err, &out.violation):
			if c.Violation() != out.violation {
				t.Fatalf("Violation() = %v, Read said %v", c.Violation(), err)
			}
			if again, sticky := c.Read(p); again != 0 || sticky != err { //nolint:errorlint // the very same
				t.Fatalf("after %v, Read = %d, %v", err, again, sticky)
			}
		case err != io.EOF:
			t.Fatal(err)
		}
		return out
	}
}
