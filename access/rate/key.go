package rate

import (
	"crypto/sha256"
	"encoding/binary"
)

// PartKind is what of a request is a part of a key.
type PartKind uint8

// What can be.
const (
	PartClient   PartKind = iota // the address; of IPv6 the network by which addresses are handed out
	PartRoute                    // id of the route
	PartPath                     // what of the route's paths has matched
	PartTemplate                 // the first of the templates that the path has the form of
	PartMethod
	PartHost
	PartHeader // named
	PartCookie // named
	PartIdentity
	PartCountry
	PartASN
	PartClaim  // named
	PartAPIKey // who the API key belongs to
)

// Part is a part of a key.
type Part struct {
	Kind      PartKind
	Name      string
	Templates []Template
}

// Source is a request, as keys are made of it.
type Source interface {
	// AppendPart appends what the request has of a part, and reports whether it has it.
	AppendPart(dst []byte, p *Part) ([]byte, bool)
}

// key is the key of a request, for which some bytes of scratch are needed. It reports whether the request has all parts.
func (l *Limit) key(scratch []byte, of Source) (key Key, used []byte, whole bool) {
	b := appendText(scratch[:0], l.ID)
	whole = true
	for i := range l.Key {
		p := &l.Key[i]
		b = append(b, byte(p.Kind))
		at := len(b)
		b = append(b, 0, 0, 0, 0)
		var has bool
		if b, has = of.AppendPart(b, p); has {
			binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
			continue
		}
		whole = false
		b = append(b[:at], 255, 255, 255, 255) // no text is so long
	}
	digest := sha256.Sum256(b)
	return Key(digest[:len(key)]), b, whole
}

// Whole reports whether a request has all parts of the limit's key.
func (l *Limit) Whole(of Source) bool {
	_, _, whole := l.key(nil, of)
	return whole
}

func appendText(dst []byte, text string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(text)))
	return append(dst, text...)
}
