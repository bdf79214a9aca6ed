package access

import (
	"encoding/binary"
	"strings"

	"github.com/wafer-waf/wafer/access/rate"
)

// keyed is a request as keys of limits are made of it.
type keyed Request

// AppendPart implements [rate.Source].
func (r *keyed) AppendPart(dst []byte, p *rate.Part) ([]byte, bool) {
	switch p.Kind {
	case rate.PartClient:
		network := r.Household.Addr().As16()
		return append(dst, network[:]...), true
	case rate.PartRoute:
		return append(dst, r.Route...), true
	case rate.PartPath:
		return append(dst, r.Matched...), true
	case rate.PartTemplate:
		return r.appendTemplate(dst, p)
	case rate.PartMethod:
		return append(dst, r.Method...), true
	case rate.PartHost:
		return appendHost(dst, r.Host), true
	case rate.PartHeader:
		return r.appendHeader(dst, p.Name)
	case rate.PartCookie:
		return r.appendCookie(dst, p.Name)
	case rate.PartIdentity:
		return r.appendIdentity(dst)
	case rate.PartClaim:
		return appendTexts(dst, (*Request)(r).Claim(p.Name))
	case rate.PartAPIKey:
		client := (*Request)(r).APIKey()
		return append(dst, client...), client != ""
	case rate.PartCountry:
		country := (*Request)(r).Country()
		return append(dst, country...), country != ""
	case rate.PartASN:
		asn := (*Request)(r).ASN()
		return binary.BigEndian.AppendUint32(dst, asn), asn != 0
	}
	return dst, false
}

// several stands for a field, or a cookie, that a request has with more than one value. Which of them an application takes, nobody
// knows here, so that all such requests are one: else each could bring a value of its own beside the one that counts.
const several = "\x00several"

func (r *keyed) appendHeader(dst []byte, name string) ([]byte, bool) {
	at, end := len(dst), -1
	for i := range r.Fields {
		f := &r.Fields[i]
		if !f.Is(name) {
			continue
		}
		if dst, end = oneOnly(appendField(dst, name, f.Value), at, end); end < 0 {
			return append(dst[:at], several...), true
		}
	}
	return dst, end >= 0
}

func (r *keyed) appendCookie(dst []byte, name string) ([]byte, bool) {
	at, end := len(dst), -1
	for i := range r.Fields {
		if !r.Fields[i].Is("Cookie") {
			continue
		}
		for pair := range strings.SplitSeq(r.Fields[i].Value, ";") {
			key, value, ok := strings.Cut(pair, "=")
			if !ok || !named(key, name) {
				continue
			}
			if dst, end = oneOnly(appendCookieValue(dst, value), at, end); end < 0 {
				return append(dst[:at], several...), true
			}
		}
	}
	return dst, end >= 0
}

// oneOnly drops from dst what stands behind end if it is what stands from at to end, too; an end below 0 says that there
// was nothing before. It returns the end of the one value, which is below 0 if there are two.
func oneOnly(dst []byte, at, end int) ([]byte, int) {
	switch {
	case end < 0:
		return dst, len(dst)
	case string(dst[at:end]) != string(dst[end:]):
		return dst, -1
	}
	return dst[:end], end
}

// appendTemplate appends the first of the forms that the path has, in any way in which a server may read it.
func (r *keyed) appendTemplate(dst []byte, p *rate.Part) ([]byte, bool) {
	for i := range p.Templates {
		t := &p.Templates[i]
		if (*Request)(r).someReading(t.Matches) {
			return append(dst, t.Text...), true
		}
	}
	return dst, false
}

// appendIdentity appends who the client has proved to be, as events tell it.
func (r *keyed) appendIdentity(dst []byte) ([]byte, bool) {
	switch who := r.Certificate; {
	case who == nil:
		return dst, false
	case len(who.URIs) > 0:
		return append(dst, who.URIs[0]...), true
	default:
		return append(dst, who.Subject...), true
	}
}

// appendHost appends a host without its port, in lower case and without a dot at its end.
func appendHost(dst []byte, host string) []byte {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	host = strings.TrimSuffix(host, ".")
	for i := range len(host) {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendTexts appends texts so that no two lists of them become one.
func appendTexts(dst []byte, all []string) ([]byte, bool) {
	for _, text := range all {
		dst = append(binary.AppendUvarint(dst, uint64(len(text))), text...)
	}
	return dst, len(all) > 0
}
