package config

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
)

// UpstreamTLS says how the endpoints of an upstream are recognized, and as whom the tier speaks to them.
// The files are read with the route file, and when they change, that is a change of the configuration.
type UpstreamTLS struct {
	CA          []string       `mapstructure:"ca"`          // files; none: the authorities of the system
	ServerName  string         `mapstructure:"server_name"` // SNI, and the name in the certificate; empty: the endpoint's host
	Names       []string       `mapstructure:"names"`       // the certificate has to have one of them, instead of ServerName
	Verify      Switch         `mapstructure:"verify"`
	MinVersion  string         `mapstructure:"min_version" enum:"tls1.2 tls1.3"`
	Certificate OwnCertificate `mapstructure:"certificate"` // the tier's own

	CAText, CertText, KeyText []byte // what the files hold; nil: there is none
	Elsewhere                 bool   // the files are where the tier runs, not here
	Unread                    bool   // one of them could not be read, which is a problem
}

// OwnCertificate names the files of the certificate that the tier shows.
type OwnCertificate struct {
	Cert   string `mapstructure:"cert"`                  // PEM, the certificate first, then those between it and its authority
	Key    string `mapstructure:"key"`                   // PEM, without a passphrase
	Bundle string `mapstructure:"bundle" short:"string"` // both in one
}

// Protocol says which versions of HTTP an upstream is asked by.
type Protocol string

// Which they can be.
const (
	ProtocolH1   Protocol = "h1"
	ProtocolH2   Protocol = "h2"   // with TLS
	ProtocolH2C  Protocol = "h2c"  // without
	ProtocolAuto Protocol = "auto" // with TLS, what the endpoint prefers; without, h1
)

func (c *checker) checkUpstream(path string, u *Upstream) {
	c.checkDiscovery(path, u)
	c.checkBalance(path, u)
	c.atLeast(path+".connections", u.Connections, 1)
	c.notNegative(path+".timeouts.connect", u.Timeouts.Connect)
	c.notNegative(path+".timeouts.response", u.Timeouts.Response)
	c.notNegative(path+".timeouts.idle", u.Timeouts.Idle)
	c.checkUse(path, u)
	word(c, path+".protocol", u.Protocol)
	encrypted, https := 0, "https endpoints"
	for _, e := range u.Endpoints {
		if strings.HasPrefix(e.Address, "https://") {
			encrypted++
		}
	}
	if u.Service != "" {
		https = "tls: {}"
		if u.TLS != nil {
			encrypted = 1
		}
	}
	switch {
	case u.Service == "" && encrypted > 0 && encrypted < len(u.Endpoints):
		c.add(path+".endpoints", "http and https exclude each other: make two upstreams")
	case encrypted > 0 && u.Protocol == ProtocolH2C:
		c.add(path+".protocol", "h2c is spoken without TLS: write h2, or http endpoints")
	case encrypted == 0 && u.Protocol == ProtocolH2:
		c.add(path+".protocol", "h2 is spoken with TLS: write h2c, or %s", https)
	case encrypted == 0 && u.TLS != nil:
		c.add(path+".tls", "has no effect with http endpoints: write https, or remove it")
	}
	if u.Health != nil {
		c.checkHealth(path+".health", u)
	}
	c.checkEjection(path+".ejection", &u.Ejection)
	if u.TLS != nil {
		c.checkUpstreamTLS(path+".tls", u.TLS)
	}
}

func (c *checker) checkUpstreamTLS(path string, t *UpstreamTLS) {
	word(c, path+".verify", t.Verify)
	oneOf(c, path+".min_version", t.MinVersion, allowed[UpstreamTLS]("min_version"))
	if t.ServerName != "" {
		c.addErr(path+".server_name", checkHost(t.ServerName))
	}
	for i, name := range t.Names {
		at := indexPath(path+".names", i)
		if u, err := url.Parse(name); err == nil && u.Scheme != "" && u.Host != "" {
			continue
		}
		if _, err := netip.ParseAddr(name); err != nil {
			c.addErr(at, checkHost(name))
		}
	}
	if t.Verify == Off {
		if len(t.CA) > 0 || len(t.Names) > 0 {
			c.add(path+".verify", "off beside ca or names: no certificate is verified that they could be about")
		}
	}
	switch own := t.Certificate; {
	case own.Bundle != "" && (own.Cert != "" || own.Key != ""):
		c.add(path+".certificate", "bundle holds certificate and key: remove cert and key, or bundle")
	case own.Bundle == "" && (own.Cert == "") != (own.Key == ""):
		c.add(path+".certificate", "needs cert and key, or bundle")
	}
}

// readUpstreamFiles reads the files of certificates that upstreams name.
func (l *loader) readUpstreamFiles() {
	for i := range l.routes.Upstreams {
		t := l.routes.Upstreams[i].TLS
		if t == nil {
			continue
		}
		at := indexPath("upstreams", i) + ".tls."
		for j, name := range t.CA {
			t.CAText = append(t.CAText, l.certificateFile(indexPath(at+"ca", j), name, t)...)
			t.CAText = append(t.CAText, '\n')
		}
		own := t.Certificate
		if own.Bundle != "" {
			t.CertText = l.certificateFile(at+"certificate.bundle", own.Bundle, t)
		}
		if own.Cert != "" && own.Key != "" {
			t.CertText, t.KeyText = l.certificateFile(at+"certificate.cert", own.Cert, t), l.certificateFile(at+"certificate.key", own.Key, t)
		}
	}
}

// certificateFile reads a file that stands relative to the route file or, as mounted Secrets do, anywhere.
// No bundle keeps it.
func (l *loader) certificateFile(at, name string, t *UpstreamTLS) []byte {
	doc, _ := l.doc.find(at)
	dir, rel := filepath.Dir(doc.file), name
	if filepath.IsAbs(name) {
		dir, rel = string(filepath.Separator), name[1:]
		if _, checking := l.from.(memory); checking {
			data, err := disk{}.read(name)
			t.Elsewhere = t.Elsewhere || err != nil
			return data
		}
	}
	text, err := l.secret(dir, rel)
	if err != nil {
		l.add(at, "%s", err)
		t.Unread = true
	}
	return []byte(text)
}
