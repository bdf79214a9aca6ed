package proxy

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/upstream"
)

// Certificate is one that the tier shows.
type Certificate struct {
	Listener, Upstream string // one of the two
	File               string
	NotAfter           time.Time
	Leaf               *x509.Certificate // nil: only its end is known
	RevokedUntil       time.Time         // when the lists of certificates that are revoked are to be replaced; zero: there are none
}

// Certificates are those that clients and endpoints are shown.
func (p *Proxy) Certificates() (all []Certificate) {
	places := []int{}
	for i := range p.doors.all {
		places = append(places, i)
	}
	slices.Sort(places)
	for _, i := range places {
		d := p.doors.all[i]
		for _, e := range d.tls.Expiries() {
			all = append(all, Certificate{Listener: d.name, File: e.File, NotAfter: e.NotAfter, Leaf: e.Leaf, RevokedUntil: d.tls.Until()})
		}
	}
	if p.Loaded() {
		p.snapshots.EachUpstream(func(u *upstream.Pool) {
			if at := u.CertificateEnds(); !at.IsZero() {
				all = append(all, Certificate{Upstream: u.ID(), NotAfter: at})
			}
		})
	}
	return all
}

// History returns the configurations that were in force, the newest first.
func (p *Proxy) History() []snapshot.Past { return p.snapshots.History() }

// Serving is how many requests are.
func (p *Proxy) Serving() int64 { return p.serving.Load() }

// DescribePolicies returns the policies in force with their effective values, and what has become of them.
func (p *Proxy) DescribePolicies() []snapshot.PolicyState { return p.snapshots.DescribePolicies() }
