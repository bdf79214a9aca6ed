package identity_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/test/certs"
)

func parse(t *testing.T, ca, crl []byte) *identity.Authorities {
	t.Helper()
	var crls []identity.Text
	if crl != nil {
		crls = []identity.Text{{Key: "crl[0]", Data: crl}}
	}
	by := identity.ParseAuthorities([]identity.Text{{Key: "ca[0]", Data: ca}}, crls, func(key string, err error) { t.Errorf("%s: %v", key, err) })
	if by == nil {
		t.FailNow()
	}
	return by
}

func chain(i *certs.Issued) []*x509.Certificate {
	all := []*x509.Certificate{i.Leaf}
	if i.By != nil && i.By.By != nil {
		all = append(all, i.By.Leaf)
	}
	return all
}

func TestVerify(t *testing.T) {
	ca, other := certs.Authority(t, "ca"), certs.Authority(t, "other")
	between := ca.Issue(t, certs.Of{CN: "between", Authority: true})
	good, gone := ca.Issue(t, certs.Of{CN: "good"}), ca.Issue(t, certs.Of{CN: "gone"})
	now := time.Now()
	for name, tt := range map[string]struct {
		who     *certs.Issued
		revoked []*certs.Issued
		only    *identity.Allow
		want    error
	}{
		"good":                     {who: good},
		"nothing of it is revoked": {who: good, revoked: []*certs.Issued{gone}},
		"by way of another":        {who: between.Issue(t, certs.Of{CN: "deep"})},
		"of a stranger":            {who: other.Issue(t, certs.Of{CN: "good"}), want: identity.ErrUntrusted},
		"by itself":                {who: certs.Authority(t, "ca"), want: identity.ErrUntrusted},
		"of a server":              {who: ca.Issue(t, certs.Of{CN: "server", Server: true}), want: identity.ErrUntrusted},
		"expired":                  {who: ca.Issue(t, certs.Of{From: now.Add(-2 * time.Hour), To: now.Add(-time.Hour)}), want: identity.ErrExpired},
		"of tomorrow":              {who: ca.Issue(t, certs.Of{From: now.Add(time.Hour), To: now.Add(2 * time.Hour)}), want: identity.ErrExpired},
		"revoked":                  {who: gone, revoked: []*certs.Issued{gone}, want: identity.ErrRevoked},
		"by way of one revoked":    {who: between.Issue(t, certs.Of{CN: "deep"}), revoked: []*certs.Issued{between}, want: identity.ErrRevoked},
		"let in":                   {who: good, only: &identity.Allow{CN: []string{"x", "good"}}},
		"not let in":               {who: good, only: &identity.Allow{CN: []string{"x"}}, want: identity.ErrNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			terms := &identity.Terms{Mode: identity.Require, By: parse(t, ca.Cert(), ca.Revoke(tt.revoked...)), Only: tt.only}
			who, err := terms.Verify(chain(tt.who), nil, now)
			if !errors.Is(err, tt.want) || (err == nil) != (who != nil) {
				t.Errorf("%v, %v; want %v", who, err, tt.want)
			}
		})
	}
}

// A list counts if an authority that is trusted has signed it.
func TestListsOfStrangers(t *testing.T) {
	ca, other := certs.Authority(t, "ca"), certs.Authority(t, "ca")
	der, _ := pem.Decode(ca.Revoke())
	parse(t, ca.Cert(), der.Bytes)
	for name, tt := range map[string]struct{ ca, crl, want string }{
		"a stranger's list":  {string(ca.Cert()), string(other.Revoke()), `crl: the list of "CN=ca" was signed by none of the authorities in ca`},
		"no list":            {string(ca.Cert()), string(ca.Cert()), "crl: no list of revoked certificates (X509 CRL) in it"},
		"no certificate":     {"x", string(ca.Revoke()), "ca: no certificate in it: PEM begins with -----BEGIN CERTIFICATE-----"},
		"not an authority's": {string(ca.Issue(t, certs.Of{CN: "leaf"}).Cert()), string(ca.Revoke()), `ca: "CN=leaf" is not an authority's certificate`},
		"not even a list":    {string(ca.Cert()), "x", "crl: not a list of revoked certificates: x509: malformed crl"},
	} {
		var got []string
		by := identity.ParseAuthorities([]identity.Text{{Key: "ca", Data: []byte(tt.ca)}}, []identity.Text{{Key: "crl", Data: []byte(tt.crl)}},
			func(key string, err error) { got = append(got, fmt.Sprintf("%s: %v", key, err)) })
		if by != nil || len(got) == 0 || got[0] != tt.want {
			t.Errorf("%s: %v, %q, want %q", name, by, got, tt.want)
		}
	}
}

func TestAllow(t *testing.T) {
	c := &message.ClientCertificate{
		CN: "web", DNS: []string{"Web.shop.example"}, URIs: []string{"spiffe://cluster.local/ns/shop/sa/web"},
		SPKI: strings.Repeat("ab", 32),
	}
	for name, tt := range map[string]struct {
		allow *identity.Allow
		want  bool
	}{
		"nobody says anything": {nil, true},
		"nothing is said":      {&identity.Allow{}, true},
		"dns":                  {&identity.Allow{DNS: []string{"web.SHOP.example"}}, true},
		"dns of the domain":    {&identity.Allow{DNS: []string{"*.shop.example"}}, true},
		"dns deeper":           {&identity.Allow{DNS: []string{"*.example"}}, false},
		"another dns":          {&identity.Allow{DNS: []string{"shop.example"}}, false},
		"uri":                  {&identity.Allow{URI: []string{"spiffe://cluster.local/ns/shop/sa/web"}}, true},
		"uri below":            {&identity.Allow{URI: []string{"spiffe://cluster.local/ns/shop/*"}}, true},
		"another uri":          {&identity.Allow{URI: []string{"spiffe://cluster.local/ns/shop/sa/we"}}, false},
		"uri of another place": {&identity.Allow{URI: []string{"spiffe://cluster.local/ns/shop2/*"}}, false},
		"cn":                   {&identity.Allow{CN: []string{"web"}}, true},
		"cn in another case":   {&identity.Allow{CN: []string{"Web"}}, false},
		"key":                  {&identity.Allow{SPKI: []string{strings.Repeat("ab", 32)}}, true},
		"another key":          {&identity.Allow{SPKI: []string{strings.Repeat("cd", 32)}}, false},
		"one of several":       {&identity.Allow{CN: []string{"x"}, URI: []string{"spiffe://x/*", "spiffe://cluster.local/*"}}, true},
	} {
		if got := tt.allow.Admits(c); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestReadSPKI(t *testing.T) {
	sum := strings.Repeat("0a", 31) + "ff"
	raw, _ := hex.DecodeString(sum)
	for _, text := range []string{sum, strings.ToUpper(sum), "sha256/" + base64.StdEncoding.EncodeToString(raw), strings.TrimSuffix(strings.Repeat("0A:", 31)+"FF", ":")} {
		if got, err := identity.ReadSPKI(text); got != sum || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "sha256/", sum[2:], "sha256/x", sum + "00"} {
		if got, err := identity.ReadSPKI(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}

// While a connection lives, authorities take certificates back, and certificates end.
func TestWhoIsAskedAgain(t *testing.T) {
	ca := certs.Authority(t, "ca")
	client := ca.Issue(t, certs.Of{CN: "web"})
	now := time.Now()
	terms := func(mode identity.Mode, crl []byte) *identity.Terms {
		return &identity.Terms{Mode: mode, By: parse(t, ca.Cert(), crl)}
	}
	first := terms(identity.Optional, nil)
	a := identity.NewAsked(first, nil, chain(client), nil, now)
	if who, err := a.Who(first, now); err != nil || who.CN != "web" {
		t.Fatalf("%v, %v", who, err)
	}
	if who, err := a.Who(first, client.Leaf.NotAfter.Add(time.Second)); !errors.Is(err, identity.ErrExpired) {
		t.Errorf("expired meanwhile: %v, %v", who, err)
	}
	if who, err := a.Who(terms(identity.Optional, ca.Revoke(client)), now); !errors.Is(err, identity.ErrRevoked) {
		t.Errorf("revoked meanwhile: %v, %v", who, err)
	}
	if who, err := a.Who(terms(identity.Request, ca.Revoke(client)), now); who != nil || err != nil {
		t.Errorf("who is only asked is nobody then: %v, %v", who, err)
	}
	if who, err := a.Who(identity.None, now); who != nil || err != nil {
		t.Errorf("nobody is asked: %v, %v", who, err)
	}
	nobody := identity.NewAsked(first, nil, nil, nil, now)
	if who, err := nobody.Who(first, now); who != nil || err != nil {
		t.Errorf("nothing was shown: %v, %v", who, err)
	}
}
