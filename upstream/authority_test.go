package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// testCA is the authority that pools of tests believe.
var testCA = sync.OnceValue(func() *authority { return newAuthority("test authority") })

// Tests with a clock of their own begin in 2000.
var (
	past   = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	future = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
)

func newAuthority(name string) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: past,
		NotAfter: future, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		panic(err)
	}
	if t, err = x509.ParseCertificate(der); err != nil {
		panic(err)
	}
	return &authority{t, key}
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// sign returns a certificate for localhost and 127.0.0.1 and its key, both PEM; edit changes what it says.
func (a *authority) sign(edit func(*x509.Certificate)) (cert, key []byte) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "endpoint"}, NotBefore: past,
		NotAfter: future, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		URIs:        []*url.URL{{Scheme: "spiffe", Host: "test", Path: "/endpoint"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(t)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, k.Public(), a.key)
	if err != nil {
		panic(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// pair is a signed certificate for who serves.
func (a *authority) pair(edit func(*x509.Certificate)) tls.Certificate {
	pair, err := tls.X509KeyPair(a.sign(edit))
	if err != nil {
		panic(err)
	}
	return pair
}

// serverTLS is how backends of tests speak TLS.
var serverTLS = sync.OnceValue(func() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{testCA().pair(nil)}} })

// TestOverTLS runs the tests about what may reach which request once more, with backends that speak TLS.
func TestOverTLS(t *testing.T) {
	if overTLS {
		t.Skip("it runs them")
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.short", "-test.count=1")
	c.Env = append(os.Environ(), overTLSVariable+"=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
