package admin

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/identity"
)

// Files are those by which the listener is secure: its certificate, and who may vouch for whom. They are read again
// when they change; what cannot be read changes nothing.
type Files struct {
	Cert, Key           string
	ClientCA, ClientCRL []string // none: nobody is asked for a certificate
	PeerCA              []string // who vouches for other processes of the tier; none: ClientCA, or the system

	Broken func(error) // is told once why files cannot be read any more; nil: nobody asks

	mu     sync.Mutex
	looked time.Time
	sums   map[string][]byte // what they held
	why    string
	now    secured
}

// secured is what files hold.
type secured struct {
	certificate *tls.Certificate
	clients     *identity.Authorities // nil: nobody is asked
	peers       *x509.CertPool        // nil: the system's
}

// maxTLSFile is more than any certificate, list of authorities or list of what they revoked has.
const maxTLSFile = 16 << 20

// Open reads all files.
func (f *Files) Open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked = time.Now()
	texts, err := f.read()
	if err != nil {
		return err
	}
	f.sums = texts
	f.now, err = f.parse(texts)
	return err
}

// current is what the files hold, read again if they may have changed.
func (f *Files) current() secured {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Sub(f.looked) < tokenLook {
		return f.now
	}
	f.looked = now
	texts, err := f.read()
	if err == nil && sameTexts(texts, f.sums) {
		return f.now
	}
	var fresh secured
	if err == nil {
		fresh, err = f.parse(texts)
	}
	switch {
	case err == nil:
		f.now, f.sums, f.why = fresh, texts, ""
	case err.Error() != f.why:
		if f.why = err.Error(); f.Broken != nil {
			f.Broken(err)
		}
	}
	return f.now
}

func sameTexts(a, b map[string][]byte) bool {
	for name, text := range a {
		if !bytes.Equal(text, b[name]) {
			return false
		}
	}
	return len(a) == len(b)
}

func (f *Files) read() (map[string][]byte, error) {
	texts := map[string][]byte{}
	for _, list := range [][]string{{f.Cert, f.Key}, f.ClientCA, f.ClientCRL, f.PeerCA} {
		for _, name := range list {
			text, err := readFile(name, maxTLSFile)
			if err != nil {
				return nil, err
			}
			texts[name] = text
		}
	}
	return texts, nil
}

// readFile reads a file of a size that it may have.
func readFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s: more than %d bytes", name, most)
	}
	return text, err
}

func (f *Files) parse(texts map[string][]byte) (s secured, err error) {
	pair, err := tls.X509KeyPair(texts[f.Cert], texts[f.Key])
	if err != nil {
		return s, fmt.Errorf("%s, %s: %w", f.Cert, f.Key, err)
	}
	s.certificate = &pair
	textsOf := func(names []string) (all []identity.Text) {
		for _, name := range names {
			all = append(all, identity.Text{Key: name, Data: texts[name]})
		}
		return all
	}
	var problems []error
	report := func(name string, err error) { problems = append(problems, fmt.Errorf("%s: %w", name, err)) }
	if len(f.ClientCA) > 0 {
		s.clients = identity.ParseAuthorities(textsOf(f.ClientCA), textsOf(f.ClientCRL), report)
		if s.clients != nil {
			s.peers = s.clients.Pool()
		}
	}
	if len(f.PeerCA) > 0 {
		if peers := identity.ParseAuthorities(textsOf(f.PeerCA), nil, report); peers != nil {
			s.peers = peers.Pool()
		}
	}
	return s, errors.Join(problems...)
}

// Server is how the listener speaks TLS. A session is not gone on with, so that who is asked for a certificate has to show
// it each time.
func (f *Files) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			now := f.current()
			c := &tls.Config{
				MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true,
				Certificates: []tls.Certificate{*now.certificate},
			}
			if now.clients != nil {
				c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, now.clients.Pool()
			}
			return c, nil
		},
	}
}

// Client is how another process of the tier is asked, by a name that its certificate has. The own certificate is shown.
func (f *Files) Client(name string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: name,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if own := f.current().certificate; forClients(own.Leaf) {
				return own, nil
			}
			return &tls.Certificate{}, nil // a certificate for servers alone would end the handshake
		},
		InsecureSkipVerify: true, //nolint:gosec // it is verified below, by authorities that may have changed
		VerifyConnection: func(cs tls.ConnectionState) error {
			o := x509.VerifyOptions{DNSName: name, Roots: f.current().peers, Intermediates: x509.NewCertPool()}
			for _, c := range cs.PeerCertificates[1:] {
				o.Intermediates.AddCert(c)
			}
			_, err := cs.PeerCertificates[0].Verify(o)
			return err
		},
	}
}

// forClients reports whether a certificate may show who a client is.
func forClients(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage) == 0 || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// NotAfter is when the listener's certificate ends.
func (f *Files) NotAfter() time.Time { return f.current().certificate.Leaf.NotAfter }

// Certificates are those of clients, and what they let do.
type Certificates struct {
	Files         *Files
	Read, Operate *identity.Allow // nil: nobody
}

// find says who has shown a certificate on a connection. It is verified for each request: authorities take
// certificates back while connections live.
func (c *Certificates) find(state *tls.ConnectionState, now time.Time) (who someone) {
	clients := c.Files.current().clients
	if clients == nil || len(state.PeerCertificates) == 0 {
		return someone{}
	}
	shown, err := (&identity.Terms{By: clients}).Verify(state.PeerCertificates, nil, now)
	if err != nil {
		return someone{}
	}
	who.name = shown.Subject
	if len(shown.URIs) > 0 {
		who.name = shown.URIs[0]
	}
	switch {
	case c.Operate != nil && c.Operate.Admits(shown):
		who.role = Operate
	case c.Read != nil && c.Read.Admits(shown):
		who.role = Read
	}
	return who
}
