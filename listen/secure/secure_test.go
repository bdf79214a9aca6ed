package secure

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/test/certs"
)

// served is a listener that answers each line with what it knows of the client.
type served struct {
	t    *testing.T
	l    *Listener
	addr string

	mu         sync.Mutex
	handshakes []Handshake
}

// serve serves until the end of the test. What o does not say is usual.
func serve(t *testing.T, o Options, so socket.Options) *served {
	t.Helper()
	s := &served{t: t}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Gate == nil {
		o.Gate = NewGate(4)
	}
	if o.Read == nil {
		o.Read = os.ReadFile
	}
	o.Handshaken = func(h Handshake) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.handshakes = append(s.handshakes, h)
	}
	s.l = New(o)
	if r := s.l.Refresh(func(at string, err error) { t.Errorf("%s: %v", at, err) }); !r.Usable {
		t.Fatal("it cannot be used")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	listener := socket.Listen(ln, so)
	t.Cleanup(func() { _ = listener.Close(); listener.Cut() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go s.answer(c.Socket())
		}
	}()
	return s
}

func (s *served) answer(sock *socket.Conn) {
	defer sock.Close()
	sock.ReadBy(sock.Now(), sock.Now().After(s.l.o.Timeout))
	conn, security, err := s.l.Handshake(context.Background(), sock)
	if err != nil {
		return
	}
	lines := bufio.NewReader(conn)
	for {
		if _, err := lines.ReadString('\n'); err != nil {
			_ = conn.Close()
			return
		}
		_, _ = fmt.Fprintf(conn, "%s\n", told(security))
	}
}

func told(s *message.Security) string {
	who := "nobody"
	if s.Client != nil {
		who = s.Client.CN
	}
	return s.ServerName + " " + s.Version + " " + s.ALPN + " " + who
}

// ask asks once and returns the answer, and the connection's state.
func (s *served) ask(c *tls.Config) (string, tls.ConnectionState, error) {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.addr, c)
	if err != nil {
		return "", tls.ConnectionState{}, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, "?\n"); err != nil {
		return "", conn.ConnectionState(), err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line), conn.ConnectionState(), err
}

// results are those of all handshakes so far, when there are so many.
func (s *served) results(n int) (list []string) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		s.mu.Lock()
		if len(s.handshakes) >= n || time.Now().After(end) {
			for _, h := range s.handshakes {
				list = append(list, h.Result)
			}
			s.mu.Unlock()
			return list
		}
		s.mu.Unlock()
		<-time.After(time.Millisecond)
	}
}

func write(t *testing.T, dir, name string, data ...[]byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, slices.Concat(data...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pairOf writes a certificate and its key into one file.
func pairOf(t *testing.T, dir, name string, i *certs.Issued) Pair {
	path := write(t, dir, name, i.Cert(), i.PrivateKey())
	return Pair{Cert: path, Key: path, CertAt: name, KeyAt: name}
}

// TestNames: exact names come before those with a wildcard, and these before the first of the list, unless it is
// strict.
func TestNames(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	var pairs []Pair
	for _, of := range []certs.Of{
		{CN: "default", DNS: []string{"default.test"}}, {CN: "wild", DNS: []string{"*.shop.test", "shop.test"}}, {CN: "exact", DNS: []string{"WWW.shop.test"}},
		{CN: "rsa", DNS: []string{"both.test"}, RSA: true}, {CN: "ecdsa", DNS: []string{"both.test"}},
	} {
		pairs = append(pairs, pairOf(t, dir, of.CN, ca.Issue(t, of)))
	}
	for _, strict := range []bool{false, true} {
		s := serve(t, Options{Certificates: pairs, Strict: strict}, socket.Options{})
		for name, want := range map[string]string{
			"default.test": "default", "www.shop.test": "exact", "WWW.Shop.Test": "exact", "a.shop.test": "wild", "shop.test": "wild",
			"a.b.shop.test": "-default", "other.test": "-default", "": "-default", "both.test": "rsa",
		} {
			cn, ours := strings.CutPrefix(want, "-")
			_, state, err := s.ask(&tls.Config{ServerName: name, InsecureSkipVerify: true})
			if strict && ours {
				var op *net.OpError
				if !errors.As(err, &op) || op.Err.Error() != "tls: unrecognized name" {
					t.Errorf("strict, %q: %v", name, err)
				}
				continue
			}
			if err != nil || state.PeerCertificates[0].Subject.CommonName != cn {
				t.Errorf("strict %v, %q: %v, %v, want %s", strict, name, err, state.PeerCertificates, cn)
			}
		}
		_, state, err := s.ask(&tls.Config{ServerName: "both.test", InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		if err != nil || state.PeerCertificates[0].Subject.CommonName != "ecdsa" {
			t.Errorf("who cannot have RSA gets %v, %v", state.PeerCertificates, err)
		}
	}
}

// TestDowngrade: old versions and weak suites do not work, whoever asks for them.
func TestDowngrade(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	pairs := []Pair{pairOf(t, dir, "rsa", ca.Issue(t, certs.Of{DNS: []string{"a.test"}, RSA: true}))}
	for name, tt := range map[string]struct {
		o      Options
		client *tls.Config
		want   string
	}{
		"the best":             {Options{}, &tls.Config{}, "TLS 1.3"},
		"TLS 1.2":              {Options{}, &tls.Config{MaxVersion: tls.VersionTLS12}, "TLS 1.2"},
		"TLS 1.1":              {Options{}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ResultVersion},
		"TLS 1.0":              {Options{}, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, ResultVersion},
		"TLS 1.2 to 1.3":       {Options{MinVersion: tls.VersionTLS13}, &tls.Config{MaxVersion: tls.VersionTLS12}, ResultVersion},
		"RSA key exchange":     {Options{}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, ResultCipher},
		"3DES":                 {Options{}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}}, ResultCipher},
		"RC4":                  {Options{}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA}}, ResultCipher},
		"a suite left out":     {Options{Ciphers: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, ResultCipher},
		"the suite that is in": {Options{Ciphers: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}}, &tls.Config{MaxVersion: tls.VersionTLS12}, "TLS 1.2"},
		"another protocol":     {Options{ALPN: []string{"http/1.1"}}, &tls.Config{NextProtos: []string{"smtp"}}, ResultProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.Certificates = pairs
			s := serve(t, tt.o, socket.Options{})
			tt.client.InsecureSkipVerify = true
			answer, _, err := s.ask(tt.client)
			if got := s.results(1)[0]; strings.HasPrefix(tt.want, "TLS") != (err == nil) || err != nil && got != tt.want || err == nil && !strings.Contains(answer, tt.want) {
				t.Errorf("got %q, %v and %s, want %s", answer, err, got, tt.want)
			}
		})
	}
}

// By default both sides share a key that no quantum computer finds out.
func TestCurves(t *testing.T) {
	ca, dir := certs.Authority(t, "ca"), t.TempDir()
	pairs := []Pair{pairOf(t, dir, "a", ca.Issue(t, certs.Of{DNS: []string{"a.test"}}))}
	for _, tt := range []struct{ curves, want []tls.CurveID }{{nil, []tls.CurveID{tls.X25519MLKEM768}}, {[]tls.CurveID{tls.CurveP384}, []tls.CurveID{tls.CurveP384}}} {
		s := serve(t, Options{Certificates: pairs, Curves: tt.curves}, socket.Options{})
		if _, state, err := s.ask(&tls.Config{InsecureSkipVerify: true}); err != nil || state.CurveID != tt.want[0] {
			t.Errorf("%v: %v, %v", tt.curves, state.CurveID, err)
		}
	}
}
