package upstream

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// startTLS is a backend that speaks TLS as c says, and whose handshakes a test may let fail.
func startTLS(t *testing.T, c *tls.Config, f func(s *session)) (b *backend, url string) {
	if overTLS {
		t.Skip("it speaks TLS by itself")
	}
	b = startBackend(t, func(s *session) {
		s.Conn = tls.Server(s.raw, c)
		s.br = bufio.NewReader(s.Conn)
		f(s)
		_ = s.Conn.Close()
	})
	return b, "https://" + b.addr()
}

// TestCertificates has endpoints show certificates that must not be believed, and some that must.
func TestCertificates(t *testing.T) {
	stranger := newAuthority("stranger")
	ours, ourKey := testCA().sign(nil)
	theirs, theirKey := stranger.sign(nil)
	demands := func(c *tls.Config) {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		c.ClientCAs.AddCert(testCA().cert)
	}
	for name, tt := range map[string]struct {
		server func(*tls.Config)
		client func(*TLS)
		want   Failure
		says   string
	}{
		"good":           {},
		"another name":   {client: func(c *TLS) { c.ServerName = "shop.test" }, want: WrongName, says: "shop.test"},
		"its own name":   {client: func(c *TLS) { c.ServerName = "localhost" }},
		"one of names":   {client: func(c *TLS) { c.ServerName, c.Names = "shop.test", []string{"a.test", "spiffe://test/endpoint"} }},
		"none of names":  {client: func(c *TLS) { c.Names = []string{"a.test", "spiffe://test/other"} }, want: WrongName, says: "spiffe://test/other"},
		"names, unknown": {client: func(c *TLS) { c.CA, c.Names = stranger.pem(), []string{"localhost"} }, want: UnknownCA, says: "unknown authority"},
		"unknown":        {client: func(c *TLS) { c.CA = stranger.pem() }, want: UnknownCA, says: "unknown authority"},
		"system":         {client: func(c *TLS) { c.CA = nil }, want: UnknownCA, says: "unknown authority"},
		"unverified":     {client: func(c *TLS) { c.CA, c.Unverified, c.ServerName = nil, true, "shop.test" }},
		"elsewhere":      {client: func(c *TLS) { *c = TLS{CA: c.CA, Elsewhere: true} }, want: UnknownCA, says: "unknown authority"},
		"expired":        {server: certificate(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), want: Expired, says: "expired"},
		"too early":      {server: certificate(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), want: Expired, says: "not yet valid"},
		"for clients": {server: certificate(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }),
			want: BadCert, says: "key usage"},
		"old version":     {server: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11; c.MinVersion = tls.VersionTLS10 }, want: NoHandshake, says: "version"},
		"below 1.3":       {server: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, client: func(c *TLS) { c.MinVersion = tls.VersionTLS13 }, want: NoHandshake, says: "version"},
		"1.2":             {server: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }},
		"other protocols": {server: func(c *tls.Config) { c.NextProtos = []string{"imap"} }, want: NoProtocol, says: "protocol"},
		"h1":              {server: func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }},
		"client's":        {server: demands, client: func(c *TLS) { c.Certificate, c.Key = ours, ourKey }},
		"client's bundle": {server: demands, client: func(c *TLS) { c.Certificate = append(append([]byte{}, ourKey...), ours...) }},
		"no client's":     {server: demands, want: Unwelcome, says: "certificate required"},
		"strange client's": {server: demands, client: func(c *TLS) { c.Certificate, c.Key = theirs, theirKey },
			want: Unwelcome, says: "certificate authority"},
		"strange client's, 1.2": {server: func(c *tls.Config) { demands(c); c.MaxVersion = tls.VersionTLS12 },
			client: func(c *TLS) { c.Certificate, c.Key = theirs, theirKey }, want: Unwelcome, says: "certificate authority"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serverTLS().Clone()
			if tt.server != nil {
				tt.server(s)
			}
			_, url := startTLS(t, s, echoSession)
			var told atomic.Pointer[error]
			p := newPool(t, func(c *Config) {
				c.Changed = func(_ string, err error) { told.Store(&err) }
				if tt.client != nil {
					tt.client(&c.TLS)
				}
			}, url)
			status, body, err := do(p, get(), newExchange())
			if tt.want == (Failure{}) {
				if err != nil || status != 200 || body != "session 1" {
					t.Fatal(status, body, err)
				}
				want(t, p, "session 1")
				return
			}
			if FailureOf(err) != tt.want || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("%v: %v, want %v and %q", FailureOf(err), err, tt.want, tt.says)
			}
			if e := told.Load(); e == nil || FailureOf(*e) != tt.want {
				t.Errorf("told %v", e)
			}
		})
	}
}

func certificate(edit func(*x509.Certificate)) func(*tls.Config) {
	return func(c *tls.Config) { c.Certificates = []tls.Certificate{testCA().pair(edit)} }
}

// TestHandshakeFails has endpoints that do not get as far as a certificate.
func TestHandshakeFails(t *testing.T) {
	for name, tt := range map[string]struct {
		serve func(s *session)
		want  Failure
	}{
		"silence": {func(s *session) { _, _ = io.Copy(io.Discard, s.raw) }, SlowHandshake},
		"cleartext": {func(s *session) {
			_, _ = io.WriteString(s.raw, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_, _ = io.Copy(io.Discard, s.raw)
		}, NoHandshake},
		"an end": {func(*session) {}, NoHandshake},
	} {
		t.Run(name, func(t *testing.T) {
			if overTLS {
				t.Skip("it speaks TLS by itself")
			}
			b := startBackend(t, tt.serve)
			p := newPool(t, func(c *Config) {
				if tt.want == SlowHandshake {
					c.Handshake = 200 * time.Millisecond
				}
			}, "https://"+b.addr())
			err := p.Do(get(), newExchange())
			var connect *ConnectError
			if FailureOf(err) != tt.want || !errors.As(err, &connect) {
				t.Errorf("%v: %v, want %v", FailureOf(err), err, tt.want)
			}
		})
	}
}

// TestTLSConfig has what cannot be used refused where it is read.
func TestTLSConfig(t *testing.T) {
	cert, key := testCA().sign(nil)
	_, other := testCA().sign(nil)
	old, oldKey := testCA().sign(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	early, earlyKey := testCA().sign(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
	for name, tt := range map[string]struct {
		TLS
		want string
	}{
		"good":        {TLS{CA: testCA().pem(), Certificate: cert, Key: key}, ""},
		"empty CA":    {TLS{CA: []byte{}}, "tls: ca: no certificate in it"},
		"key for CA":  {TLS{CA: key}, "tls: ca: no certificate in it"},
		"broken CA":   {TLS{CA: []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}, "tls: ca: x509: malformed"},
		"another key": {TLS{CA: testCA().pem(), Certificate: cert, Key: other}, "tls: certificate: the key is not the certificate's"},
		"no key":      {TLS{CA: testCA().pem(), Certificate: cert}, "tls: certificate: "},
		"expired":     {TLS{CA: testCA().pem(), Certificate: old, Key: oldKey}, "tls: certificate: it has expired"},
		"too early":   {TLS{CA: testCA().pem(), Certificate: early, Key: earlyKey}, "tls: certificate: it is not valid before"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := New(Config{ID: "a", Endpoints: []string{"https://a:1"}, Connections: 1, Connect: 1, Response: 1, Idle: 1, TLS: tt.TLS})
			if err == nil {
				p.Close()
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestCutBody has somebody on the way end a response whose end only the end of its connection tells.
func TestCutBody(t *testing.T) {
	for name, tt := range map[string]struct {
		leave func(s *session)
		want  error
	}{
		"said": {func(s *session) { _ = s.Conn.(*tls.Conn).CloseWrite() }, nil},
		"cut":  {func(s *session) { _ = s.raw.CloseWrite() }, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			_, url := startTLS(t, serverTLS(), func(s *session) {
				s.head()
				s.send("HTTP/1.1 200 OK\r\n\r\nall that there is")
				tt.leave(s)
			})
			status, body, err := do(newPool(t, nil, url), get(), newExchange())
			if status != 200 || body != "all that there is" || !errors.Is(err, tt.want) {
				t.Error(status, body, err)
			}
		})
	}
}

// TestPartOfRecord leaves a part of a record on an idle connection: nobody knows what it will be.
func TestPartOfRecord(t *testing.T) {
	for _, part := range []string{"\x17", "\x17\x03\x03\x00\x20", "\x17\x03\x03\x00\x20abc"} {
		_, url := startTLS(t, serverTLS(), func(s *session) {
			s.head()
			s.answer("session 1")
			if s.n == 1 {
				_, _ = io.WriteString(s.raw, part)
			}
			_, _ = io.Copy(io.Discard, s.raw)
		})
		p := newPool(t, nil, url)
		c := warm(t, p)
		eventually(t, "part arrives", func() bool { return !c.silent() })
		want(t, p, "session 1") // the backend answers once on each connection
	}
}

// TestOpenSSL speaks to another implementation of TLS, which renews its keys on an idle connection: with TLS, that something
// waits says nothing.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	cert, key := testCA().sign(nil)
	bundle := filepath.Join(dir, "bundle.pem")
	if err := os.WriteFile(bundle, append(cert, key...), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		command string
		kept    bool
	}{"keys": {"k\n", true}, "keys both ways": {"K\n", true}, "data": {"HTTP/1.1 200 OK\r\n\r\n", false}, "an end": {"q\n", false}} {
		t.Run(name, func(t *testing.T) {
			addr := freeAddr(t)
			s := exec.CommandContext(t.Context(), openssl, "s_server", "-accept", addr, "-cert", bundle, "-num_tickets", "5")
			in, err := s.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := s.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Process.Kill(); _ = s.Wait() })
			lines := bufio.NewScanner(out)
			await(t, lines, "ACCEPT")
			say := func(what string) { _, _ = io.WriteString(in, what) }
			p := newPool(t, nil, "https://"+addr)
			ask := func() *conn {
				var c *conn
				done := make(chan struct{})
				go func() {
					defer close(done)
					c = warm(t, p)
				}()
				await(t, lines, "Host: test.example")
				say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
				<-done
				return c
			}
			c := ask()
			say(tt.command)
			eventually(t, "something arrives", func() bool { return !c.Quiet() })
			if kept := c.silent(); kept != tt.kept {
				t.Fatalf("silent: %v", kept)
			}
			if tt.kept && ask() != c {
				t.Error("another connection")
			}
		})
	}
}

func await(t *testing.T, lines *bufio.Scanner, what string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), what) {
			return
		}
	}
	t.Fatalf("openssl has ended before it said %q: %v", what, lines.Err())
}

func freeAddr(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
