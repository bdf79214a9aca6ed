package config

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/suggest"
)

// Listener is one address at which clients are served.
type Listener struct {
	Name    string `mapstructure:"name"`    // in logs and metrics; default: the address
	Address string `mapstructure:"address"` // host:port
	TLS     *TLS   `mapstructure:"tls"`     // nil: clear text
}

// TLS says how clients of a listener are served securely. The files are read anew when they change.
type TLS struct {
	Certificates      []Certificate     `mapstructure:"certificates"` // the first is for all names that no other has
	SNIStrict         bool              `mapstructure:"sni_strict"`   // names without a certificate are refused
	MinVersion        TLSVersion        `mapstructure:"min_version"`
	Ciphers           []string          `mapstructure:"ciphers"` // of TLS 1.2
	Curves            []string          `mapstructure:"curves" enum:"x25519 p256 p384 p521 x25519mlkem768 p256mlkem768 p384mlkem1024"`
	SessionTickets    Switch            `mapstructure:"session_tickets"`
	SessionTicketKeys string            `mapstructure:"session_ticket_keys"` // file
	ClientCertificate ClientCertificate `mapstructure:"client_certificate"`  // of hosts whose routes say nothing
}

// Certificate names the files of a certificate and its key.
type Certificate struct {
	Cert   string `mapstructure:"cert"`                  // PEM, the certificate first, then those between it and its authority
	Key    string `mapstructure:"key"`                   // PEM, without a passphrase
	Bundle string `mapstructure:"bundle" short:"string"` // both in one
}

// ClientCertificate says what clients have to prove.
type ClientCertificate struct {
	Mode  ClientMode `mapstructure:"mode" short:"string"`
	CA    []string   `mapstructure:"ca"`    // files
	CRL   []string   `mapstructure:"crl"`   // files
	Allow Identities `mapstructure:"allow"` // none: all that are verified

	// CATexts and CRLTexts are what the files of a route hold, and Trust is equal where the files are the same.
	CATexts, CRLTexts []identity.Text
	Trust             string
}

// Identities are those of clients; one of them is enough.
type Identities struct {
	DNS  []string `mapstructure:"dns"`  // exact or *.example.com
	URI  []string `mapstructure:"uri"`  // exact, or a beginning with * behind it
	CN   []string `mapstructure:"cn"`   // common names
	SPKI []string `mapstructure:"spki"` // SHA-256 of public keys
}

func (i *Identities) none() bool { return len(i.DNS)+len(i.URI)+len(i.CN)+len(i.SPKI) == 0 }

// Served are the listeners, of which the setting listen is the short form of one.
func (b *Boot) Served() []Listener {
	if len(b.Listeners) > 0 {
		return b.Listeners
	}
	return []Listener{{Name: b.Listen, Address: b.Listen}}
}

// At is the place of a key path such as "listeners[0].tls", or of the nearest key above it that is set, as a
// problem that does not say yet what is wrong.
func (b *Boot) At(path string) Problem {
	for at := path; at != ""; at = parentPath(at) {
		if p, ok := b.places[at]; ok {
			p.Path = path
			return p
		}
	}
	return Problem{Path: path}
}

// cipherIDs are the cipher suites of TLS 1.2 that may be named, by name. Those of TLS 1.3 are not chosen.
func cipherIDs() map[string]uint16 {
	all := map[string]uint16{}
	for _, c := range tls.CipherSuites() {
		if slices.Contains(c.SupportedVersions, tls.VersionTLS12) {
			all[c.Name] = c.ID
		}
	}
	return all
}

// CipherIDs are the cipher suites that a listener names; nil: those of package tls.
func (t *TLS) CipherIDs() (ids []uint16) {
	known := cipherIDs()
	for _, name := range t.Ciphers {
		ids = append(ids, known[name])
	}
	return ids
}

var curveIDs = map[string]tls.CurveID{
	"x25519": tls.X25519, "p256": tls.CurveP256, "p384": tls.CurveP384, "p521": tls.CurveP521,
	"x25519mlkem768": tls.X25519MLKEM768, "p256mlkem768": tls.SecP256r1MLKEM768, "p384mlkem1024": tls.SecP384r1MLKEM1024,
}

// CurveIDs are the curves that a listener names; nil: those of package tls.
func (t *TLS) CurveIDs() (ids []tls.CurveID) {
	for _, name := range t.Curves {
		ids = append(ids, curveIDs[name])
	}
	return ids
}

// faults collects what is wrong at key paths.
type faults interface {
	add(path, format string, args ...any)
}

// checkListeners checks all but the contents of files.
func (l *bootLoader) checkListeners() {
	b := &l.boot
	if _, given := l.origin["listen"]; given && len(b.Listeners) > 0 {
		l.add("listeners", "%s and listeners exclude each other: keep one", l.name("listen"))
	}
	names, addresses := map[string]int{}, map[string]int{}
	for i := range b.Listeners {
		at, o := indexPath("listeners", i), &b.Listeners[i]
		if o.Address == "" {
			l.add(at+".address", "required: host:port, such as :8443")
			continue
		}
		if o.Name == "" {
			o.Name = o.Address
		}
		l.addErr(at+".address", checkListen(o.Address))
		if first, is := addresses[o.Address]; is && !strings.HasSuffix(o.Address, ":0") {
			l.add(at+".address", "%s is the address of listeners[%d] too: give each its own", o.Address, first)
		}
		if first, is := names[o.Name]; is {
			l.add(at+".name", "%q is the name of listeners[%d] too: give each its own", o.Name, first)
		}
		names[o.Name], addresses[o.Address] = i, i
		if b.Admin == o.Address && b.Admin != "" && !strings.HasSuffix(b.Admin, ":0") {
			l.add(at+".address", "%s is the admin listener's address too: give each its own", o.Address)
		}
		if o.TLS != nil {
			l.checkTLS(at+".tls", o.TLS)
		}
	}
}

func (l *bootLoader) checkTLS(at string, t *TLS) {
	if t.MinVersion == "" {
		t.MinVersion = TLS12
	}
	if t.SessionTickets == "" {
		t.SessionTickets = On
	}
	word(l, at+".min_version", t.MinVersion)
	word(l, at+".session_tickets", t.SessionTickets)
	if len(t.Certificates) == 0 {
		l.add(at+".certificates", "at least one certificate is required")
	}
	for i, c := range t.Certificates {
		switch at := indexPath(at+".certificates", i); {
		case c.Bundle != "" && (c.Cert != "" || c.Key != ""):
			l.add(at, "bundle holds certificate and key: remove cert and key, or bundle")
		case c.Bundle == "" && (c.Cert == "" || c.Key == ""):
			l.add(at, "needs cert and key, or bundle")
		}
	}
	ciphers := cipherIDs()
	for i, name := range t.Ciphers {
		switch _, ok := ciphers[name]; {
		case ok:
		case slices.ContainsFunc(tls.CipherSuites(), func(c *tls.CipherSuite) bool { return c.Name == name }):
			l.add(indexPath(at+".ciphers", i), "%q is of TLS 1.3, whose cipher suites are all good and not chosen: remove it", name)
		default:
			l.add(indexPath(at+".ciphers", i), "%q is no cipher suite of TLS 1.2 that can be used%s", name, suggest.DidYouMean(name, slices.Sorted(maps.Keys(ciphers))))
		}
	}
	if len(t.Ciphers) > 0 && t.MinVersion == TLS13 {
		l.add(at+".ciphers", "has no effect beside min_version: tls1.3, whose cipher suites are not chosen: remove it")
	}
	for i, name := range t.Curves {
		oneOf(l, indexPath(at+".curves", i), name, allowed[TLS]("curves"))
	}
	if t.SessionTicketKeys != "" && t.SessionTickets == Off {
		l.add(at+".session_ticket_keys", "has no effect beside session_tickets: off: remove it")
	}
	if t.ClientCertificate.Mode == "" {
		t.ClientCertificate.Mode = ClientOff
	}
	checkClientCertificate(l, at+".client_certificate", &t.ClientCertificate)
}

// checkClientCertificate checks all but the contents of files.
func checkClientCertificate(c faults, at string, cc *ClientCertificate) {
	word(c, at+".mode", cc.Mode)
	pinned := len(cc.Allow.SPKI) > 0 && len(cc.Allow.DNS)+len(cc.Allow.URI)+len(cc.Allow.CN) == 0
	switch {
	case cc.Mode == ClientOff && (len(cc.CA) > 0 || len(cc.CRL) > 0 || !cc.Allow.none()):
		c.add(at+".mode", "off beside ca, crl or allow: nobody is asked for a certificate that they could be about")
	case cc.Mode != ClientOff && len(cc.CA) == 0 && !pinned:
		c.add(at+".ca", "required: files with the authorities of clients, or keys alone in allow.spki")
	case len(cc.CRL) > 0 && len(cc.CA) == 0:
		c.add(at+".crl", "needs ca: a list of revoked certificates counts if its authority signed it")
	}
	checkIdentities(c, at+".allow", &cc.Allow)
}

func checkIdentities(c faults, at string, of *Identities) {
	for i, name := range of.DNS {
		if name == "*" {
			c.add(indexPath(at+".dns", i), "%q lets all in: remove it", name)
		} else if err := checkHost(name); err != nil {
			c.add(indexPath(at+".dns", i), "%s", err)
		}
	}
	for i, uri := range of.URI {
		begin, _ := strings.CutSuffix(uri, "*")
		scheme, rest, found := strings.Cut(begin, ":")
		if !found || scheme == "" || rest == "" || strings.Contains(begin, "*") {
			c.add(indexPath(at+".uri", i), "%q is no URI: write it like spiffe://cluster.local/ns/shop/sa/web, or with * at its end", uri)
		} else if begin != uri && !strings.HasSuffix(begin, "/") {
			c.add(indexPath(at+".uri", i), "%q would let %sx in too: put / before *", uri, begin)
		}
	}
	for i, cn := range of.CN {
		if cn == "" {
			c.add(indexPath(at+".cn", i), "empty")
		}
	}
	for i, key := range of.SPKI {
		if _, err := identity.ReadSPKI(key); err != nil {
			c.add(indexPath(at+".spki", i), "%s", err)
		}
	}
}
