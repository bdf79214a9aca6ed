package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Authorities are who may vouch for clients, and what they have revoked.
type Authorities struct {
	pool    *x509.CertPool
	revoked map[revocation]struct{}
	until   time.Time // the first of the lists is to be replaced by then; zero: there is none
}

// revocation names a certificate as lists do.
type revocation struct{ issuer, serial string }

// Text is a file's content, with the key that names the file for whoever reads a problem.
type Text struct {
	Key  string
	Data []byte
}

// ParseAuthorities reads the certificates of authorities and their lists of revoked certificates, both in PEM;
// lists may be in DER, as authorities publish them. It returns nil after a problem, of which report hears.
func ParseAuthorities(cas, crls []Text, report func(key string, err error)) *Authorities {
	a := &Authorities{pool: x509.NewCertPool(), revoked: map[revocation]struct{}{}}
	ok := true
	failed := func(key string, err error) {
		ok = false
		report(key, err)
	}
	var all []*x509.Certificate
	for _, t := range cas {
		certs, err := Certificates(t.Data)
		if err != nil {
			failed(t.Key, err)
		}
		for _, c := range certs {
			if !c.IsCA {
				failed(t.Key, fmt.Errorf("%q is not an authority's certificate", c.Subject))
				continue
			}
			a.pool.AddCert(c)
			all = append(all, c)
		}
	}
	for _, t := range crls {
		if err := a.revoke(t.Data, all); err != nil {
			failed(t.Key, err)
		}
	}
	if !ok {
		return nil
	}
	return a
}

// Until is when the first list of revoked certificates is to be replaced; zero: there is none.
func (a *Authorities) Until() time.Time { return a.until }

// revoke reads lists, each of which one of the authorities has to have signed.
func (a *Authorities) revoke(data []byte, authorities []*x509.Certificate) error {
	lists := [][]byte{data}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		lists = blocks(data, "X509 CRL")
	}
	if len(lists) == 0 {
		return errors.New("no list of revoked certificates (X509 CRL) in it")
	}
	for _, der := range lists {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return fmt.Errorf("not a list of revoked certificates: %w", err)
		}
		if !signed(list, authorities) {
			return fmt.Errorf("the list of %q was signed by none of the authorities in ca", list.Issuer)
		}
		for i := range list.RevokedCertificateEntries {
			a.revoked[revocation{string(list.RawIssuer), string(list.RevokedCertificateEntries[i].SerialNumber.Bytes())}] = struct{}{}
		}
		if next := list.NextUpdate; !next.IsZero() && (a.until.IsZero() || next.Before(a.until)) {
			a.until = next
		}
	}
	return nil
}

func signed(list *x509.RevocationList, authorities []*x509.Certificate) bool {
	for _, ca := range authorities {
		if bytes.Equal(ca.RawSubject, list.RawIssuer) && list.CheckSignatureFrom(ca) == nil {
			return true
		}
	}
	return false
}

// Certificates reads all certificates of a text in PEM, of which there is at least one.
func Certificates(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, der := range blocks(text, "CERTIFICATE") {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(all)+1, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("no certificate in it: PEM begins with -----BEGIN CERTIFICATE-----")
	}
	return all, nil
}

// blocks are the contents of all blocks of that type.
func blocks(text []byte, kind string) (all [][]byte) {
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return all
		}
		if b.Type == kind {
			all = append(all, b.Bytes)
		}
	}
}
