package secure

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
)

// Pair names the files of a certificate and its key, with the keys that name them in a configuration. They may be
// one file.
type Pair struct {
	Cert, Key     string
	CertAt, KeyAt string
}

// File is a file and the key that names it.
type File struct{ Path, At string }

// Options are what a Listener is made of.
type Options struct {
	Certificates []Pair // the first one is for names that no other has
	Strict       bool   // who asks for such a name, or for none, is refused

	MinVersion uint16
	Ciphers    []uint16      // of TLS 1.2; nil: those of package tls
	Curves     []tls.CurveID // nil: those of package tls
	ALPN       []string

	NoTickets  bool
	TicketKeys File // empty: keys that this process makes and changes

	Client  identity.Mode
	ID      string // of the terms
	CA, CRL []File
	Only    *identity.Allow

	// Terms are those of the routes of a host, named as a client names it; nil: they say nothing, and those of the
	// listener hold.
	Terms func(name string) *identity.Terms

	Timeout time.Duration // for writing, and for waiting at the gate
	Gate    *Gate

	Read func(path string) ([]byte, error)
	Now  func() time.Time

	// Handshaken is called at the end of each handshake that was begun, with words of closed sets. It must not block.
	Handshaken func(Handshake)
}

// Handshake is what came of one.
type Handshake struct {
	Version string // "1.2", "1.3"; "none": it has not come so far
	Cipher  string // as the registry of IANA names it; "none"
	Result  string // of [Results]
	Took    time.Duration
}

// Listener makes connections secure.
type Listener struct {
	o     Options
	base  *tls.Config
	state atomic.Pointer[state]

	seen [32]byte // of what Refresh has read last; Refresh guards it
}

// state is what the files of a listener hold: of each, the last that was good.
type state struct {
	certificates []*certificate // by place in the options; nil: never one that was good
	names        *names
	by           *identity.Authorities
	terms        *identity.Terms
	keys         [][32]byte
}

// New returns a listener that has nothing yet: Refresh reads the files.
func New(o Options) *Listener {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Handshaken == nil {
		o.Handshaken = func(Handshake) {}
	}
	if o.Terms == nil {
		o.Terms = func(string) *identity.Terms { return nil }
	}
	l := &Listener{o: o}
	l.state.Store(&state{certificates: make([]*certificate, len(o.Certificates)), names: index(nil)})
	l.base = l.config(o.NoTickets)
	l.base.GetConfigForClient = l.configFor
	return l
}

// config is what handshakes go by, but for what clients are asked for. Keys of tickets are those of base, always.
func (l *Listener) config(noTickets bool) *tls.Config {
	return &tls.Config{
		GetCertificate: l.certificate, MinVersion: l.o.MinVersion, NextProtos: l.o.ALPN, SessionTicketsDisabled: noTickets,
		CipherSuites: l.o.Ciphers, CurvePreferences: l.o.Curves, Time: l.o.Now,
		DynamicRecordSizingDisabled: true, // a response of a few KB would be several records, each with a write of its own
	}
}

// Handshake makes the connection secure. Whoever calls it has said how long may be read. After an error the client
// has been told, and the socket is to be closed.
func (l *Listener) Handshake(_ context.Context, sock *socket.Conn) (net.Conn, *message.Security, error) {
	sock.Seal()
	sock.WriteBy(sock.Now().After(l.o.Timeout))
	began := time.Now()
	u := &under{Conn: sock, l: l, due: began.Add(l.o.Timeout), most: mostHello}
	conn := tls.Server(u, l.base)
	err := conn.Handshake()
	u.leave()
	if err != nil {
		u.failed(err, time.Since(began))
		return nil, nil, err
	}
	u.done = true
	sock.WriteBy(socket.Never)
	cs := conn.ConnectionState()
	if u.asked == nil {
		u.asked = identity.NewAsked(u.terms, l.Terms, nil, nil, l.o.Now())
	}
	s := &message.Security{
		ServerName: canonical(cs.ServerName), Version: tls.VersionName(cs.Version), Cipher: tls.CipherSuiteName(cs.CipherSuite),
		ALPN: cs.NegotiatedProtocol, Terms: u.asked,
	}
	s.Client, _ = u.asked.Who(u.terms, l.o.Now()) // an error has ended the handshake
	result := ResultOK
	if cs.DidResume {
		result = ResultResumed
	}
	l.o.Handshaken(Handshake{version(cs.Version), s.Cipher, result, time.Since(began)})
	return conn, s, nil
}

// Terms are those of hosts of which nothing else is said.
func (l *Listener) Terms() *identity.Terms {
	if t := l.state.Load().terms; t != nil {
		return t
	}
	return identity.None
}

// configFor says what the client is asked for, by the name that it asks for.
func (l *Listener) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	u := hello.Conn.(*under)
	u.most = mostHandshake
	u.foresee(hello, &l.o)
	name := canonical(hello.ServerName)
	if name == "" {
		name = ownName(u.LocalAddr())
	}
	if u.terms = l.o.Terms(name); u.terms == nil {
		u.terms = l.Terms()
	}
	t := u.terms
	if t.Mode == identity.Off {
		return nil, nil
	}
	// A session that goes on shows no certificate anew: who is asked for one begins a session each time.
	c := l.config(true)
	c.ClientAuth = tls.RequestClientCert
	switch {
	case t.Mode == identity.Optional && t.By != nil:
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case t.Mode == identity.Require && t.By != nil:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case t.Mode == identity.Require:
		c.ClientAuth = tls.RequireAnyClientCert
	}
	if t.By != nil {
		c.ClientCAs = t.By.Pool()
	}
	c.VerifyConnection = u.verify
	return c, nil
}

// verify has who has shown a certificate verified.
func (u *under) verify(cs tls.ConnectionState) error {
	ways := cs.VerifiedChains
	if len(ways) == 0 {
		ways = nil
	}
	u.asked = identity.NewAsked(u.terms, u.l.Terms, cs.PeerCertificates, ways, u.l.o.Now())
	_, err := u.asked.Who(u.terms, u.l.o.Now())
	return err
}

// certificate is the one for the name that the client asks for. None makes the handshake fail as it has to for a
// name that is not known.
func (l *Listener) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	n := l.state.Load().names
	list := n.find(canonical(hello.ServerName))
	if list == nil && !l.o.Strict {
		list = n.byDefault
	}
	c := choose(list, hello)
	if c == nil {
		hello.Conn.(*under).refusal = ResultUnknownName
	}
	return c, nil
}

// canonical is a name as certificates are found by it.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// ownName is what who asks for no name has asked: an address has no name in a handshake.
func ownName(local net.Addr) string {
	tcp, ok := local.(*net.TCPAddr)
	if !ok {
		return ""
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("").String()
}

// Expiry is when a certificate of a listener ends.
type Expiry struct {
	File     string
	NotAfter time.Time
	Leaf     *x509.Certificate
}

// Expiries are those of the certificates in use.
func (l *Listener) Expiries() (all []Expiry) {
	for i, c := range l.state.Load().certificates {
		if c != nil {
			all = append(all, Expiry{l.o.Certificates[i].Cert, c.tls.Leaf.NotAfter, c.tls.Leaf})
		}
	}
	return all
}

// Until is when the first list of revoked certificates is to be replaced; zero: there is none.
func (l *Listener) Until() time.Time {
	if by := l.state.Load().by; by != nil {
		return by.Until()
	}
	return time.Time{}
}

// Leaf is the certificate at a place of the options; nil: there is none yet.
func (l *Listener) Leaf(i int) *x509.Certificate {
	if c := l.state.Load().certificates[i]; c != nil {
		return c.tls.Leaf
	}
	return nil
}
