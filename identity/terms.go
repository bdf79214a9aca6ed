package identity

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// Mode says whether clients are asked for a certificate.
type Mode uint8

// The modes.
const (
	Off      Mode = iota // nobody is asked
	Request              // who shows none, or one that cannot be verified, has no identity
	Optional             // who shows none has no identity; one that cannot be verified ends the handshake
	Require              // who shows none is not served
)

// Terms are under what a certificate is asked for and verified.
type Terms struct {
	ID   string // equal for terms that ask for the same; what their files hold may change
	Mode Mode
	By   *Authorities // nil: nobody has to vouch for keys that are allowed one by one
	Only *Allow       // nil: all that are verified
}

// None are the terms of those who ask for nothing.
var None = &Terms{ID: "off"}

// Why a certificate proves nothing.
var (
	ErrUntrusted  = errors.New("the client's certificate is not of a trusted authority")
	ErrExpired    = errors.New("the client's certificate is not valid at this time")
	ErrRevoked    = errors.New("the client's certificate is revoked")
	ErrNotAllowed = errors.New("the client's certificate is none of those that are let in")
)

// Verify says who has shown a chain of certificates, its own first. ways are those that are known to lead from it
// to the authorities; nil: they are looked for.
func (t *Terms) Verify(chain []*x509.Certificate, ways [][]*x509.Certificate, now time.Time) (*message.ClientCertificate, error) {
	leaf := chain[0]
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return nil, ErrExpired
	}
	if t.By != nil {
		if err := t.By.vouch(chain, ways, now); err != nil {
			return nil, err
		}
	}
	c := Of(chain)
	if !t.Only.Admits(c) {
		return nil, ErrNotAllowed
	}
	return c, nil
}

// vouch reports nil if a chain leads to one of the authorities, with nothing revoked on the way.
func (a *Authorities) vouch(chain []*x509.Certificate, ways [][]*x509.Certificate, now time.Time) error {
	if ways == nil {
		o := x509.VerifyOptions{
			Roots: a.pool, Intermediates: x509.NewCertPool(), CurrentTime: now,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		for _, c := range chain[1:] {
			o.Intermediates.AddCert(c)
		}
		var err error
		if ways, err = chain[0].Verify(o); err != nil {
			return Distrust(err)
		}
	}
	for _, way := range ways {
		if !a.anyRevoked(way) {
			return nil
		}
	}
	return ErrRevoked
}

// Distrust is why verifying a certificate has failed.
func Distrust(err error) error {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return ErrExpired
	}
	return ErrUntrusted
}

func (a *Authorities) anyRevoked(chain []*x509.Certificate) bool {
	for _, c := range chain {
		if _, is := a.revoked[revocation{string(c.RawIssuer), string(c.SerialNumber.Bytes())}]; is {
			return true
		}
	}
	return false
}

// Of is who a chain of certificates is about, of which nothing was checked.
func Of(chain []*x509.Certificate) *message.ClientCertificate {
	leaf := chain[0]
	whole, key := sha256.Sum256(leaf.Raw), sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	c := &message.ClientCertificate{
		Subject: leaf.Subject.String(), CN: leaf.Subject.CommonName, DNS: leaf.DNSNames, Emails: leaf.EmailAddresses,
		SHA256: hex.EncodeToString(whole[:]), SPKI: hex.EncodeToString(key[:]), Serial: leaf.SerialNumber.Text(16),
		NotAfter: leaf.NotAfter, Chain: chain,
	}
	for _, u := range leaf.URIs {
		c.URIs = append(c.URIs, u.String())
	}
	for _, ip := range leaf.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			c.IPs = append(c.IPs, a.Unmap())
		}
	}
	return c
}

// Asked is what a connection was asked for, and what came of it.
type Asked struct {
	Terms   *Terms
	Default func() *Terms // of the listener, now: those of hosts of which nothing else is said

	chain []*x509.Certificate // that was shown; the client has its key
	last  atomic.Pointer[verified]
}

// verified is what came of verifying a chain.
type verified struct {
	terms *Terms
	who   *message.ClientCertificate
	err   error
}

// NewAsked returns what a connection was asked for, and has it verified. The chain was shown in its handshake, and
// ways are as those of [Terms.Verify]; an empty chain is none.
func NewAsked(under *Terms, byDefault func() *Terms, chain []*x509.Certificate, ways [][]*x509.Certificate, now time.Time) *Asked {
	a := &Asked{Terms: under, Default: byDefault, chain: chain}
	if len(chain) > 0 {
		a.verify(under, ways, now)
	}
	return a
}

func (a *Asked) verify(under *Terms, ways [][]*x509.Certificate, now time.Time) *verified {
	v := &verified{terms: under}
	v.who, v.err = under.Verify(a.chain, ways, now)
	a.last.Store(v)
	return v
}

// Who says who the client is under terms that are in force now. nil without an error is nobody: it has shown
// nothing, or nothing that it had to have verified.
func (a *Asked) Who(under *Terms, now time.Time) (*message.ClientCertificate, error) {
	if len(a.chain) == 0 || under.Mode == Off {
		return nil, nil
	}
	v := a.last.Load()
	if v == nil || v.terms != under {
		v = a.verify(under, nil, now)
	}
	switch {
	case under.Mode == Request && v.err != nil:
		return nil, nil
	case v.err == nil && now.After(v.who.NotAfter):
		return nil, ErrExpired
	}
	return v.who, v.err
}

// Pool are the authorities, for the handshake.
func (a *Authorities) Pool() *x509.CertPool { return a.pool }
