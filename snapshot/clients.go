package snapshot

import (
	"fmt"
	"slices"
	"time"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/routing"
)

// Modes are the words for what clients are asked for.
var modes = map[config.ClientMode]identity.Mode{
	config.ClientOff: identity.Off, config.ClientRequest: identity.Request, config.ClientOptional: identity.Optional,
	config.ClientRequire: identity.Require,
}

// Mode is what a word says that clients are asked for.
func Mode(word config.ClientMode) identity.Mode { return modes[word] }

// Allow is who is let in, of those whose certificates are verified.
func Allow(i *config.Identities) *identity.Allow {
	a := &identity.Allow{DNS: i.DNS, URI: i.URI, CN: i.CN}
	for _, key := range i.SPKI {
		if sum, err := identity.ReadSPKI(key); err == nil { // or the configuration was refused
			a.SPKI = append(a.SPKI, sum)
		}
	}
	return a
}

// bindClients says what the hosts of a configuration ask of clients. One handshake comes before all requests to a
// host, so that its routes have to agree on what is asked in it.
func bindClients[R any](s *Snapshot[R], by map[string]*identity.Authorities, report func(path string, err error)) {
	if !slices.ContainsFunc(s.Config.Routes, func(r config.Route) bool { return r.ClientCertificate != nil }) {
		return // each host asks what its listener asks
	}
	s.nextUpdate = map[string]time.Time{}
	for _, r := range s.Config.Routes {
		if cc := r.ClientCertificate; cc != nil {
			if a := by[cc.Trust]; a != nil && !a.Until().IsZero() {
				s.nextUpdate[r.ID] = a.Until()
			}
		}
	}
	disagreed := map[[2]int]bool{} // told once, not for each of their hosts
	s.Hosts = routing.NewHosts(s.Table.ByHost(), func(e *routing.HostEntries) *identity.Terms {
		first := slices.IndexFunc(e.Entries, func(i int) bool { return s.Config.Routes[i].ClientCertificate != nil })
		if first < 0 {
			return nil
		}
		first = e.Entries[first]
		required := true
		for _, i := range e.Entries {
			r := &s.Config.Routes[i]
			required = required && r.ClientCertificate != nil && r.ClientCertificate.Mode == config.ClientRequire
			if err := agree(&s.Config.Routes[first], r, e.Host); err != nil && !disagreed[[2]int{first, i}] {
				disagreed[[2]int{first, i}] = true
				report(fmt.Sprintf("routes[%d].client_certificate", i), err)
			}
		}
		cc := s.Config.Routes[first].ClientCertificate
		return terms(cc, by[cc.Trust], required)
	})
}

// authoritiesOf reads those of all routes, each once, by what they are read from. Files that could not be read are
// another problem, and nothing is said of those beside them.
func authoritiesOf(routes []config.Route, report func(path string, err error)) map[string]*identity.Authorities {
	by := map[string]*identity.Authorities{}
	for i, r := range routes {
		cc := r.ClientCertificate
		if cc == nil || len(cc.CATexts) < len(cc.CA) || len(cc.CRLTexts) < len(cc.CRL) {
			continue
		}
		if _, done := by[cc.Trust]; !done {
			by[cc.Trust] = authorities(cc, fmt.Sprintf("routes[%d].client_certificate.", i), report)
		}
	}
	return by
}

// terms are those of a host whose routes agree with one of them; required: all of them require a certificate.
func terms(cc *config.ClientCertificate, by *identity.Authorities, required bool) *identity.Terms {
	t := &identity.Terms{Mode: Mode(cc.Mode), By: by}
	switch {
	case t.Mode == identity.Off:
		return identity.None
	case required:
		t.Mode = identity.Require
	case t.Mode == identity.Require: // the routes that do refuse who has shown none
		t.Mode = identity.Optional
	}
	t.ID = fmt.Sprintf("%d %s", t.Mode, cc.Trust)
	return t
}

// authorities reads those of a route; nil: there are none, or report was told.
func authorities(cc *config.ClientCertificate, at string, report func(path string, err error)) *identity.Authorities {
	if len(cc.CA) == 0 {
		return nil
	}
	return identity.ParseAuthorities(cc.CATexts, cc.CRLTexts, func(key string, err error) { report(at+key, err) })
}

// agree reports why one handshake cannot be right for two routes of a host.
func agree(a, b *config.Route, host string) error {
	x, y := a.ClientCertificate, b.ClientCertificate
	const both = "one handshake comes before the requests to both"
	switch {
	case y == nil:
		return fmt.Errorf("says nothing, while route %q says %s for %s, and %s: say what this route asks", a.ID, x.Mode, host, both)
	case handshakeOf(x.Mode) != handshakeOf(y.Mode):
		return fmt.Errorf("%s here and %s of route %q exclude each other for %s: %s. optional and require agree: "+
			"the routes that require a certificate refuse who has shown none", y.Mode, x.Mode, a.ID, host, both)
	case x.Trust != y.Trust:
		return fmt.Errorf("ca and crl are not those of route %q for %s, and %s: give both the same", a.ID, host, both)
	}
	return nil
}

// handshakeOf is how a mode has clients asked in the handshake.
func handshakeOf(m config.ClientMode) config.ClientMode {
	if m == config.ClientRequire {
		return config.ClientOptional
	}
	return m
}
