// Package certs makes certificates for tests: authorities, what they issue, and lists of what they have revoked.
package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Issued is a certificate with its key.
type Issued struct {
	Leaf *x509.Certificate
	Key  crypto.Signer
	By   *Issued // nil: itself
	t    testing.TB
}

// Of says what a certificate is about.
type Of struct {
	CN        string
	DNS       []string
	URIs      []string
	IPs       []net.IP
	From, To  time.Time // by default an hour ago, and in an hour
	RSA       bool
	Authority bool
	Server    bool // it is not for clients
}

// Authority returns one that has signed itself.
func Authority(t testing.TB, name string) *Issued {
	return issue(t, nil, Of{CN: name, Authority: true})
}

// Issue returns a certificate of an authority.
func (i *Issued) Issue(t testing.TB, of Of) *Issued { return issue(t, i, of) }

func issue(t testing.TB, by *Issued, of Of) *Issued {
	t.Helper()
	var key crypto.Signer
	var err error
	if of.RSA {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	if of.From.IsZero() {
		of.From = time.Now().Add(-time.Hour)
	}
	if of.To.IsZero() {
		of.To = time.Now().Add(time.Hour)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: of.CN}, NotBefore: of.From, NotAfter: of.To,
		DNSNames: of.DNS, IPAddresses: of.IPs, BasicConstraintsValid: true, IsCA: of.Authority,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if !of.Server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	if of.Authority {
		template.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	for _, text := range of.URIs {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = append(template.URIs, u)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Leaf, by.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Issued{Leaf: leaf, Key: key, By: by, t: t}
}

// Cert is the certificate in PEM, with those between it and its authority.
func (i *Issued) Cert() []byte {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Leaf.Raw})
	if i.By != nil && i.By.By != nil {
		text = append(text, i.By.Cert()...)
	}
	return text
}

// PrivateKey is its key in PEM.
func (i *Issued) PrivateKey() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(i.Key)
	if err != nil {
		i.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Pair is both, for package tls.
func (i *Issued) Pair() tls.Certificate {
	pair, err := tls.X509KeyPair(i.Cert(), i.PrivateKey())
	if err != nil {
		i.t.Fatal(err)
	}
	return pair
}

// Pool trusts the certificate.
func (i *Issued) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.Leaf)
	return pool
}

// Revoke is an authority's list of what it has revoked, in PEM.
func (i *Issued) Revoke(list ...*Issued) []byte {
	template := &x509.RevocationList{Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
	for _, one := range list {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: one.Leaf.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, i.Leaf, i.Key)
	if err != nil {
		i.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// Write puts files into a folder, as a mounted Secret has them: all change at once, when a link does.
func Write(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	version, err := os.MkdirTemp(dir, "..v") //nolint:usetesting // beside the links that lead to it
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(version, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	next := filepath.Join(dir, "..next")
	if err := os.Symlink(filepath.Base(version), next); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	for name := range files {
		link := filepath.Join(dir, name)
		if _, err := os.Lstat(link); err == nil {
			continue
		}
		if err := os.Symlink(filepath.Join("..data", name), link); err != nil {
			t.Fatal(err)
		}
	}
}
