package challenge

import (
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// kind is what a slip is for. It is signed, so that none is taken for another.
type kind byte

const (
	puzzle kind = 1 + iota // to be answered
	worked                 // a token for an answer
	waited                 // a token for patience
)

// slip is what a client keeps for the tier. Times are in seconds since 1970.
type slip struct {
	kind   kind
	key    [4]byte // by its id
	nonce  [8]byte
	issued uint32 // when the puzzle was made: that of a token, too
	within uint16 // seconds, in which the puzzle has to be answered
	bits   byte   // how much work was asked for
	wait   uint16 // seconds, how much patience; 0: none helps
	mac    [macSize]byte
}

// As bytes and as text. Hexadecimal digits are what no rule of an inspection takes for anything else, which cannot be
// said of Base64.
const (
	version   = 1
	bodySize  = 1 + 1 + 4 + 8 + 4 + 2 + 1 + 2
	slipSize  = bodySize + macSize
	textSize  = 2 * slipSize
	macDigits = 2 * macSize // the last ones of the text
)

func (s *slip) body() (b [bodySize]byte) {
	b[0], b[1] = version, byte(s.kind)
	copy(b[2:], s.key[:])
	copy(b[6:], s.nonce[:])
	binary.BigEndian.PutUint32(b[14:], s.issued)
	binary.BigEndian.PutUint16(b[18:], s.within)
	b[20] = s.bits
	binary.BigEndian.PutUint16(b[21:], s.wait)
	return b
}

// String is the slip as a client keeps it.
func (s *slip) String() string {
	body := s.body()
	text := hex.AppendEncode(make([]byte, 0, textSize), body[:])
	return string(hex.AppendEncode(text, s.mac[:]))
}

// parse reads a slip. There is one way to write each, so that a token has no second name.
func parse(text string) (s slip, ok bool) {
	var b [slipSize]byte
	if len(text) != textSize {
		return s, false
	}
	for i := range b {
		high, low := digit(text[2*i]), digit(text[2*i+1])
		if high > 15 || low > 15 {
			return s, false
		}
		b[i] = high<<4 | low
	}
	if b[0] != version {
		return s, false
	}
	s.kind = kind(b[1])
	copy(s.key[:], b[2:])
	copy(s.nonce[:], b[6:])
	s.issued = binary.BigEndian.Uint32(b[14:])
	s.within = binary.BigEndian.Uint16(b[18:])
	s.bits = b[20]
	s.wait = binary.BigEndian.Uint16(b[21:])
	copy(s.mac[:], b[bodySize:])
	return s, true
}

func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

// sign makes the slip one of that key's.
func (s *slip) sign(k *key, c *Client, back string) {
	s.key = k.id
	body := s.body()
	s.mac = k.sign(body[:], c, back)
}

// maker returns the key that has signed the slip for that client; nil: none has. known says whether its key is one of
// these at all.
func (ks *Keys) maker(s *slip, c *Client, back string) (maker *key, known bool) {
	body := s.body()
	for _, k := range ks.all {
		if k.id != s.key {
			continue
		}
		known = true
		if mac := k.sign(body[:], c, back); hmac.Equal(mac[:], s.mac[:]) {
			return k, true
		}
	}
	return nil, known
}

// age is how long ago the slip was made; below 0 if the clock of who made it is ahead.
func (s *slip) age(now time.Time) time.Duration {
	return now.Sub(time.Unix(int64(s.issued), 0))
}
