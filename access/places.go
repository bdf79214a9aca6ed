package access

import (
	"net/netip"
	"slices"
	"strconv"
)

// Places say where addresses are. An empty country and the network 0 are not known.
type Places interface {
	Country(netip.Addr) string
	ASN(netip.Addr) uint32
}

// located is what is known of where a client is. It is looked up once.
type located struct {
	places       Places
	country      string
	asn          uint32
	saysCountry  bool
	saysNetworks bool
}

// Country is the code of the country that the client is in; empty: it is not known.
func (r *Request) Country() string {
	if l := &r.located; l.places != nil && !l.saysCountry {
		l.country, l.saysCountry = l.places.Country(r.Client), true
	}
	return r.located.country
}

// ASN is the number of the network that the client is in; 0: it is not known.
func (r *Request) ASN() uint32 {
	if l := &r.located; l.places != nil && !l.saysNetworks {
		l.asn, l.saysNetworks = l.places.ASN(r.Client), true
	}
	return r.located.asn
}

// placeTests are conditions on where the client is.
func placeTests(w *When) (all tests) {
	if len(w.Countries) > 0 {
		all = append(all, test{
			name:  "countries",
			holds: func(r *Request) bool { return slices.Contains(w.Countries, r.Country()) },
			why:   func(r *Request) string { return "is in " + countryWord(r.Country()) },
		})
	}
	if len(w.ASNs) > 0 {
		all = append(all, test{
			name:  "asns",
			holds: func(r *Request) bool { return slices.Contains(w.ASNs, r.ASN()) },
			why:   func(r *Request) string { return "is in " + networkWord(r.ASN()) },
		})
	}
	return all
}

func countryWord(code string) string {
	if code == "" {
		return "no known country"
	}
	return code
}

func networkWord(asn uint32) string {
	if asn == 0 {
		return "no known network"
	}
	return "AS" + strconv.FormatUint(uint64(asn), 10)
}
