package secure

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/test/certs"
)

// FuzzHandshake lets a client begin with anything. Without the rest of a handshake none succeeds, each is counted under a
// word that is known, and its place is given back.
func FuzzHandshake(f *testing.F) {
	dir := f.TempDir()
	ca := certs.Authority(f, "ca")
	issued := ca.Issue(f, certs.Of{CN: "a.test", DNS: []string{"a.test"}})
	path := dir + "/pair.pem"
	if err := os.WriteFile(path, slices.Concat(issued.Cert(), issued.PrivateKey()), 0o600); err != nil {
		f.Fatal(err)
	}
	gate, results := NewGate(1), make(chan string, 1)
	l := New(Options{
		Certificates: []Pair{{Cert: path, Key: path}}, Timeout: time.Minute, Gate: gate, Read: os.ReadFile, ALPN: []string{"h2", "http/1.1"},
		Handshaken: func(h Handshake) { results <- h.Result },
		Terms: func(name string) *identity.Terms { // so that both ways are gone
			if name == "a.test" {
				return &identity.Terms{ID: "a", Mode: identity.Require}
			}
			return nil
		},
	})
	if r := l.Refresh(func(at string, err error) { f.Error(at, err) }); !r.Usable {
		f.Fatal("it cannot be used")
	}
	for _, c := range []*tls.Config{
		{ServerName: "a.test"}, {ServerName: "b.test", NextProtos: []string{"h2"}}, {ServerName: "c.test", MaxVersion: tls.VersionTLS12},
		{ServerName: "a.test", CurvePreferences: []tls.CurveID{tls.X25519}}, {ServerName: "a.test", NextProtos: []string{"x"}},
	} {
		f.Add(hello(f, c))
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte{0x16, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff})
	f.Add([]byte{0x15, 3, 3, 0, 2, 2, 48})
	f.Fuzz(func(t *testing.T, sent []byte) {
		near, far := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		go func() {
			_, _ = far.Write(sent)
			_ = far.Close()
		}()
		c, err := socket.Listen(&oneConn{conn: near}, socket.Options{}).Accept()
		if err != nil {
			t.Fatal(err)
		}
		sock := c.Socket()
		sock.ReadBy(sock.Now(), sock.Now().After(time.Minute))
		if _, _, err := l.Handshake(t.Context(), sock); err == nil {
			t.Error("a handshake without an end")
		}
		_ = sock.Close()
		_ = far.Close()
		select {
		case r := <-results:
			if !slices.Contains(Results(), r) || r == ResultOK || r == ResultResumed || r == ResultBusy {
				t.Errorf("counted as %q", r)
			}
		default: // it never began
		}
		if gate.mu.Lock(); gate.free != 1 || gate.waiting != 0 {
			t.Errorf("%d places are free, %d wait", gate.free, gate.waiting)
		}
		gate.mu.Unlock()
	})
}

// oneConn is a listener that accepts one connection.
type oneConn struct {
	net.Listener
	conn net.Conn
}

func (o *oneConn) Accept() (net.Conn, error) { return o.conn, nil }

// hello is what a client says first.
func hello(f *testing.F, c *tls.Config) []byte {
	f.Helper()
	near, far := net.Pipe()
	go func() {
		c.InsecureSkipVerify = true
		_ = tls.Client(near, c).Handshake()
	}()
	b := make([]byte, 16<<10)
	n, err := far.Read(b)
	if err != nil {
		f.Fatal(err)
	}
	_ = far.Close()
	return bytes.Clone(b[:n])
}
