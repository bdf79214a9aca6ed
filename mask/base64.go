package mask

import (
	"encoding/base64"
	"strings"
)

// leastBase64 is how many bytes of text Base64 has to hide before they are looked at: a secret with its name is hardly shorter.
const leastBase64 = 12

// halfSecret is how many bytes of Base64 may hide a part of what is recognized by its form as a whole alone, as the number of a card is.
const halfSecret = 64

// sextets are the values of what Base64 is written with (RFC 4648, either alphabet), plus one. In paths a slash is none.
var sextets, sextetsInPath = func() (any, path [256]byte) {
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		any[c] = byte(i + 1)
	}
	any['-'], any['_'] = any['+'], any['/']
	path = any
	path['/'] = 0
	return any, path
}()

// unwrap masks Base64 that hides text in which something is secret, also if that is Base64 once more. A byte is decoded
// four times at most, for there are four places at which Base64 may have begun. If s is ragged, so that Base64 at its end may hide
// half a secret, the end of that goes.
func (p *Policy) unwrap(s string, ragged bool, kind textKind) string {
	if kind == inBase64Twice {
		return s
	}
	table := &sextets
	if kind == inPath {
		table = &sextetsInPath
	}
	const least = (leastBase64*4 + 2) / 3
	var out []byte
	last := 0
	for i := 0; i+least <= len(s); {
		back := i + least - 1 // most text is passed over by looking where the last byte would be
		for back >= i && table[s[back]] != 0 {
			back--
		}
		if back >= i {
			i = back + 1
			continue
		}
		to := runEnd(s, i+least, table)
		if from, told := p.conceals(s, i, to, kind); from >= 0 {
			padding := 0
			for to < len(s) && s[to] == '=' && padding < 2 {
				padding++
				to++
			}
			if told == "" {
				told = p.hide(secretValue, s[from:to], kind)
			} else if padding > 0 {
				told += strings.Repeat("=", (4-len(told)%4)%4)
			}
			out = append(append(out, s[last:from]...), told...)
			last = to
		} else if ragged && to == len(s) {
			s = s[:max(i, to-halfSecret)]
		}
		i = to
	}
	if out == nil {
		return s
	}
	return string(append(out, s[last:]...))
}

// leastLine of MIME (RFC 2045) goes on in the next line.
const leastLine = 40

// runEnd is where the run of Base64 ends that i is in.
func runEnd(s string, i int, table *[256]byte) int {
	for start := i; ; start = i {
		for i < len(s) && table[s[i]] != 0 {
			i++
		}
		next := i
		if next < len(s) && s[next] == '\r' {
			next++
		}
		if next+1 >= len(s) || s[next] != '\n' || table[s[next+1]] == 0 || i-start < leastLine {
			return i
		}
		i = next + 1
	}
}

// conceals returns from where on the run from..to hides something secret, or -1. Base64 may begin with the run and behind whatever
// of its alphabet separates words, too. JSON stays what it was, and is returned without secrets.
func (p *Policy) conceals(s string, from, to int, kind textKind) (int, string) {
	if from > 0 && s[from-1] == '\\' {
		from++ // \n in JSON
	}
	var until [4]int // to where there was text, if it began at such a place
	for i := from; to-i >= leastBase64*4/3; i++ {
		if i > from && strings.IndexByte("/-_+", s[i-1]) < 0 || i < until[i%4] {
			continue
		}
		var buf [48]byte
		text, end := textIn(s[i:to], buf[:0])
		until[i%4] = i + end
		if len(text) < leastBase64 {
			continue
		}
		plain := string(text)
		switch told := p.hidden(plain, kind); {
		case told == plain:
		case i+end < to, !document(plain):
			return i, ""
		case strings.ContainsAny(s[i:to], "-_"):
			return i, base64.RawURLEncoding.EncodeToString([]byte(told))
		default:
			return i, base64.RawStdEncoding.EncodeToString([]byte(told))
		}
	}
	return -1, ""
}

// document reports whether text begins as JSON does.
func document(text string) bool {
	first := firstByte(text)
	return first == '{' || first == '['
}

// hidden masks text that Base64 has hidden.
func (p *Policy) hidden(text string, kind textKind) string {
	if kind == inBase64 {
		kind = inBase64Twice
	} else {
		kind = inBase64
	}
	if document(text) {
		return p.json(text, false, kind)
	}
	return p.whole(text, false, kind)
}

// textIn decodes s as far as text comes of it, and returns how much of s that was.
func textIn(s string, text []byte) (_ []byte, end int) {
	var bits uint32
	n, open := 0, 0 // of sextets; of bytes that the rune has still to come
	for ; end < len(s); end++ {
		one := sextets[s[end]]
		if one == 0 {
			continue // the end of a line
		}
		bits = bits<<6 | uint32(one-1)
		if n++; n%4 == 1 {
			continue
		}
		c := byte(bits >> (2 * (3 - (n-1)%4)))
		switch {
		case open > 0 && c&0xc0 == 0x80:
			open--
		case open > 0 || c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f || 0x80 <= c && c < 0xc2 || c > 0xf4:
			return text, end
		case c >= 0xf0:
			open = 3
		case c >= 0xe0:
			open = 2
		case c >= 0xc2:
			open = 1
		}
		text = append(text, c)
	}
	return text, end
}
