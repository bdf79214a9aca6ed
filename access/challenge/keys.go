package challenge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"net/netip"
	"strings"
	"sync"
)

// macSize is what is sent of a signature: 128 bits, of which nobody guesses one.
const macSize = 16

// Keys are what slips are signed with: the first signs, all are believed. Replicas that have the same keys believe
// each other, and while keys change, those that have two of them believe both sides.
type Keys struct{ all []*key }

// key signs with HMAC-SHA256. Its states are used again, since they cost more than a signature.
type key struct {
	own    [sha256.Size]byte // made of the secret
	id     [4]byte
	states sync.Pool // *state
}

// state is what one signature is made with.
type state struct {
	mac  hash.Hash
	text []byte
	sum  [sha256.Size]byte
}

// NewKeys returns the keys of these secrets. That they are long enough is for whoever configures them to see to.
func NewKeys(secrets ...string) (*Keys, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no key")
	}
	ks := &Keys{}
	for i, secret := range secrets {
		if secret == "" {
			return nil, fmt.Errorf("key %d is empty", i+1)
		}
		// A key for this purpose alone: the same secret elsewhere tells nothing of it.
		own := sha256.Sum256([]byte("wafer challenge\x00" + secret))
		k := &key{own: own, states: sync.Pool{New: func() any { return &state{mac: hmac.New(sha256.New, own[:])} }}}
		s := k.states.New().(*state)
		s.mac.Write([]byte("id"))
		copy(k.id[:], s.mac.Sum(nil))
		ks.all = append(ks.all, k)
	}
	return ks, nil
}

// Client is whom a slip is bound to.
type Client struct {
	Host    string // with or without a port, in any case
	Address netip.Addr
	Agent   string // its User-Agent field
}

// A slip is bound to a network instead of an address. Phones behind the address translation of their carrier come from
// neighbors of the address they had, and clients of IPv6 have 2^64 of them.
const (
	network4 = 24
	network6 = 64
)

// longestAgent is what is signed of a user agent, beside its length: longer ones would cost more than they tell.
const longestAgent = 512

// sign returns the signature of a slip's bytes for a client and, of a puzzle, for where it comes back to.
func (k *key) sign(slip []byte, c *Client, back string) (mac [macSize]byte) {
	s := k.states.Get().(*state)
	t := s.text[:0]
	t = append(t, slip...)
	host := withoutPort(c.Host)
	t = appendText(t, host, len(host))
	lower(t[len(t)-len(host):])
	t = appendNetwork(t, c.Address)
	t = appendText(t, c.Agent, min(len(c.Agent), longestAgent))
	t = appendText(t, back, len(back))
	s.text = t
	s.mac.Reset()
	s.mac.Write(t)
	copy(mac[:], s.mac.Sum(s.sum[:0]))
	k.states.Put(s)
	return mac
}

// appendText appends the first n bytes of a text with its length in front, so that no two lists of texts are the same.
func appendText(to []byte, text string, n int) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(text)))
	return append(to, text[:n]...)
}

// withoutPort leaves the port out, as cookies do.
func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}

func lower(text []byte) {
	for i, b := range text {
		if 'A' <= b && b <= 'Z' {
			text[i] = b + 'a' - 'A'
		}
	}
}

func appendNetwork(to []byte, a netip.Addr) []byte {
	a = a.Unmap().WithZone("")
	bits := network4
	if a.Is6() {
		bits = network6
	}
	p, err := a.Prefix(bits)
	if err != nil { // nobody knows the address
		return append(to, 0)
	}
	network := p.Addr().As16()
	return append(append(to, byte(bits)), network[:]...)
}
