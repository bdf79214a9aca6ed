package proxy

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/routing"
)

// mostRead is how many bytes the readings of one path may have together.
const mostRead = 128 << 10

// readings are the ways in which servers may read a path beside the canonical one; none: there is no other. They are
// those of every kind of path: a route may let kinds through that are refused elsewhere. It reports whether there are
// more than it went through.
func readings(path string) (others [][]byte, more bool) {
	found, _ := oddities(path, 0)
	if found == 0 {
		return nil, false
	}
	texts := []string{path}
	if found&kindControl != 0 {
		texts = append(texts, ended(path))
	}
	if found&kindInvalidEscape != 0 {
		for _, text := range texts {
			texts = append(texts, repaired(text))
		}
	}
	read := 0
	for _, text := range texts {
		vary := allWays(text)
		read += len(text) << bits.OnesCount8(uint8(vary))
		if bits.OnesCount8(uint8(vary)) > most || read > mostRead {
			return nil, true
		}
		others = appendReadings(others, text, vary)
	}
	return others, false
}

// allWays are the ways in which the readings of a path differ, whatever a route lets through.
func allWays(path string) routing.Reading {
	found := kindsIn(path)
	vary := ways(path, found)
	if found&kindDoubleEncoding != 0 {
		twice := routing.DecodeOnce(path)
		vary |= routing.DecodeTwice | ways(twice, kindsIn(twice))
	}
	return vary
}

// kindsIn are the kinds that a path has. "..;" is a dot segment, and has a parameter as well.
func kindsIn(path string) pathKinds {
	found, _ := oddities(path, 0)
	if strings.Contains(path, ";") {
		found |= kindParameter
	}
	return found
}

// appendReadings appends what a path is if it is read in each of the ways, and with dots that nobody resolves.
func appendReadings(to [][]byte, path string, vary routing.Reading) [][]byte {
	for some := routing.Reading(0); ; {
		how := canonical&^vary | some
		read, dots := routing.AppendReading(nil, path, how)
		if to = append(to, read); dots {
			kept, _ := routing.AppendReading(nil, path, how|routing.KeepDots)
			to = append(to, kept)
		}
		if some = (some - vary) & vary; some == 0 {
			return to
		}
	}
}

// ended is the path for whoever ends texts at the first control byte.
func ended(path string) string {
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c < 0x20 || c == 0x7f || c == '%' && escapeKind(path[i:]) == kindControl {
			return path[:i]
		}
	}
	return path
}

// repaired is the path for whoever knows %u0061, and passes over a "%" that begins no escape.
func repaired(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] != '%' || escapeKind(path[i:]) != kindInvalidEscape:
			b.WriteByte(path[i])
		default:
			if r, ok := unicodeEscape(path[i:]); ok {
				b.Write(utf8.AppendRune(nil, r))
				i += len("%u0061") - 1
			}
		}
	}
	return b.String()
}

// unicodeEscape reads what begins with "%u" and four digits.
func unicodeEscape(s string) (r rune, ok bool) {
	if len(s) < 6 || s[1]|0x20 != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		d := hexDigit(s[i])
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}
