package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// TLS says how endpoints that are asked by https are recognized, and as whom the tier speaks to them. The
// zero value expects a certificate of the endpoint's own host, from an authority that the system knows.
type TLS struct {
	CA          []byte   // PEM of the authorities that are believed; nil: those of the system
	ServerName  string   // asked for, and expected in the certificate; empty: the endpoint's host
	Names       []string // the certificate must have one of them instead of ServerName: DNS names, addresses, URIs
	MinVersion  uint16   // as crypto/tls counts; 0: TLS 1.2
	Certificate []byte   // PEM of the tier's own certificate and chain; nil: it has none
	Key         []byte   // PEM of its key; nil: it stands in Certificate
	Unverified  bool     // anybody is believed
	Elsewhere   bool     // the files are where the tier will run: nothing is checked, no connection succeeds
}

// Protocols of ALPN.
const (
	alpnHTTP1 = "http/1.1"
	alpnHTTP2 = "h2"
)

// config is what connections of an upstream have in common; an endpoint adds the name and its sessions.
func (t *TLS) config(now time.Time, protocols ...string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, ServerName: t.ServerName}
	if t.MinVersion != 0 {
		c.MinVersion = t.MinVersion
	}
	if t.Elsewhere {
		c.RootCAs = x509.NewCertPool()
		return c, nil
	}
	err := t.trust(c)
	if t.Certificate == nil {
		return c, err
	}
	own, wrong := t.pair(now)
	if err = errors.Join(err, wrong); err != nil {
		return nil, err
	}
	// Given whatever the endpoint says that it would accept: it then says what it does not like.
	c.Certificates = []tls.Certificate{*own}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	return c, nil
}

// Check says what is wrong with the files: each error is a [SettingError].
func (t *TLS) Check() error {
	_, err := t.config(time.Now())
	return err
}

// trust says in c who is believed.
func (t *TLS) trust(c *tls.Config) (err error) {
	switch {
	case t.Unverified:
		c.InsecureSkipVerify = true
		return nil
	case t.CA != nil:
		c.RootCAs, err = authorities(t.CA)
	default:
		c.RootCAs, err = x509.SystemCertPool()
	}
	if err != nil {
		return &SettingError{Key: "ca", Err: err}
	}
	if len(t.Names) > 0 {
		roots := c.RootCAs
		c.InsecureSkipVerify = true // crypto/tls would ask for ServerName; the chain is verified here
		c.VerifyConnection = func(s tls.ConnectionState) error { return verify(s, roots, t.Names) }
	}
	return nil
}

// authorities reads certificates, all of which have to be some.
func authorities(text []byte) (*x509.CertPool, error) {
	pool, found := x509.NewCertPool(), false
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		pool.AddCert(cert)
		found = true
	}
	if !found {
		return nil, errors.New("no certificate in it: PEM begins with -----BEGIN CERTIFICATE-----")
	}
	return pool, nil
}

// pair reads the tier's own certificate. One that is not valid now would only be refused.
func (t *TLS) pair(now time.Time) (*tls.Certificate, error) {
	key := t.Key
	if key == nil {
		key = t.Certificate
	}
	pair, err := tls.X509KeyPair(t.Certificate, key)
	if err != nil {
		return nil, unusable(errors.New(plainly(err)))
	}
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return nil, unusable(fmt.Errorf("it has expired, %s", leaf.NotAfter.UTC().Format(time.RFC3339)))
	case now.Before(leaf.NotBefore):
		return nil, unusable(fmt.Errorf("it is not valid before %s", leaf.NotBefore.UTC().Format(time.RFC3339)))
	}
	return &pair, nil
}

// unusable is an error about the tier's own certificate.
func unusable(err error) error { return &SettingError{Key: "certificate", Err: err} }

// plainly says what is wrong with a certificate and its key in words that help who has to put it right.
func plainly(err error) string {
	switch text := strings.TrimPrefix(err.Error(), "tls: "); {
	case strings.Contains(text, "does not match"):
		return "the key is not the certificate's"
	case strings.Contains(text, "found a certificate rather than a key"):
		return "no key in it: PEM begins with -----BEGIN PRIVATE KEY-----"
	default:
		return text
	}
}

// verify verifies the chain of an endpoint, and that its certificate has one of the names.
func verify(s tls.ConnectionState, roots *x509.CertPool, names []string) error {
	leaf := s.PeerCertificates[0]
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := leaf.Verify(o); err != nil {
		return err
	}
	for _, name := range names {
		if hasName(leaf, name) {
			return nil
		}
	}
	return x509.HostnameError{Certificate: leaf, Host: strings.Join(names, " or ")}
}

// hasName reports whether a certificate is for that DNS name, address or URI.
func hasName(c *x509.Certificate, name string) bool {
	if !strings.Contains(name, "://") {
		return c.VerifyHostname(name) == nil
	}
	for _, u := range c.URIs {
		if u.String() == name {
			return true
		}
	}
	return false
}
