package admin

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/access/file"
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

// Fault is what is wrong with a file, and by which setting of admin_tls it is named: "cert", "client_ca[0]".
type Fault struct {
	Setting string
	Err     error // names the file
}

func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap returns what is wrong.
func (f *Fault) Unwrap() error { return f.Err }

// Open reads all files. An error joins a *Fault for each that is of no use.
func (f *Files) Open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked = time.Now()
	held := f.read()
	f.now = f.parse(held)
	f.sums = held.texts
	return errors.Join(held.faults...)
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
	held := f.read()
	if len(held.faults) == 0 && sameTexts(held.texts, f.sums) {
		return f.now
	}
	fresh := f.parse(held)
	switch err := errors.Join(held.faults...); {
	case err == nil:
		f.now, f.sums, f.why = fresh, held.texts, ""
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

// held is what files hold that are read, and what is wrong with them.
type held struct {
	texts  map[string][]byte // by the file's name
	faults []error
}

func (h *held) fault(setting string, err error) { h.faults = append(h.faults, &Fault{setting, err}) }

// settings calls do with each file and the setting that names it.
func (f *Files) settings(do func(setting, name string)) {
	do("cert", f.Cert)
	do("key", f.Key)
	for _, list := range []struct {
		setting string
		names   []string
	}{{"client_ca", f.ClientCA}, {"client_crl", f.ClientCRL}, {"peer_ca", f.PeerCA}} {
		for i, name := range list.names {
			do(fmt.Sprintf("%s[%d]", list.setting, i), name)
		}
	}
}

func (f *Files) read() *held {
	h := &held{texts: map[string][]byte{}}
	f.settings(func(setting, name string) {
		if name == "" { // which is a mistake of the settings, and told as such
			return
		}
		text, err := file.Whole(name, maxTLSFile)
		if err != nil {
			h.fault(setting, err)
			return
		}
		h.texts[name] = text
	})
	return h
}

// parse makes of what files hold what they are for. What rests on a file that could not be read is left out: it is no fault of
// its own.
func (f *Files) parse(h *held) (s secured) {
	if cert, key := h.texts[f.Cert], h.texts[f.Key]; cert != nil && key != nil {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			h.fault("cert", fmt.Errorf("%s, %s: %w", f.Cert, f.Key, err))
		}
		s.certificate = &pair
	}
	if clients := h.authorities("client_ca", f.ClientCA, f.ClientCRL); clients != nil {
		s.clients, s.peers = clients, clients.Pool()
	}
	if peers := h.authorities("peer_ca", f.PeerCA, nil); peers != nil {
		s.peers = peers.Pool()
	}
	return s
}

// authorities are those of files that setting names, with what they have revoked; nil: there are none, or one is of no use.
func (h *held) authorities(setting string, cas, crls []string) *identity.Authorities {
	names := map[string]string{} // by setting
	texts := func(setting string, files []string) (all []identity.Text) {
		for i, name := range files {
			if text := h.texts[name]; text != nil {
				at := fmt.Sprintf("%s[%d]", setting, i)
				names[at] = name
				all = append(all, identity.Text{Key: at, Data: text})
			}
		}
		return all
	}
	by := texts(setting, cas)
	if len(by) == 0 {
		return nil
	}
	var revoked []identity.Text
	if len(by) == len(cas) {
		revoked = texts("client_crl", crls)
	}
	return identity.ParseAuthorities(by, revoked, func(at string, err error) { h.fault(at, fmt.Errorf("%s: %w", names[at], err)) })
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
