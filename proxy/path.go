package proxy

import (
	"math/bits"
	"strings"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/routing"
)

// pathKinds is a set of ways in which two parsers may read a path differently. docs/security.md explains them.
type pathKinds uint8

const (
	kindControl pathKinds = 1 << iota
	kindDotSegment
	kindDoubleEncoding
	kindEmptySegment
	kindEncodedSeparator
	kindInvalidEscape
	kindParameter

	kinds = iota
)

// kindWords are the words for the kinds, in the order of their bits, which is that of the alphabet.
var kindWords = config.AmbiguousPathKinds

// hostile are the kinds that no honest client needs. They are refused even if every reading of the path
// leads to one route: the application behind it may read its way out of what it is meant to serve.
const hostile = kindControl | kindDotSegment | kindInvalidEscape

// bit is the number of the first kind of a set.
func (k pathKinds) bit() int { return bits.TrailingZeros8(uint8(k)) }

// kindsOf is the set of kinds with these words.
func kindsOf(words []string) (k pathKinds) {
	for i, word := range kindWords {
		for _, w := range words {
			if w == word {
				k |= 1 << i
			}
		}
	}
	return k
}

// most is in how many ways at once the readings of a path may differ: 16 readings are compared.
const most = 4

// canonical is how routing.CanonicalPath reads.
const canonical = routing.SplitEscaped | routing.MergeSlashes

// ambiguity returns the kind for which the request's path is refused on its route; 0 if there is none:
// its path has one reading, or all its readings lead to this route.
func (x *exchange) ambiguity() pathKinds {
	r := x.route
	found, first := oddities(x.view.path, r.lenient)
	if found == 0 {
		return 0
	}
	if r.strictPaths {
		return first
	}
	if k := found & hostile; k != 0 {
		return k
	}
	vary := ways(x.view.path, found)
	if found&kindDoubleEncoding != 0 {
		twice := routing.DecodeOnce(x.view.path)
		again, _ := oddities(twice, r.lenient)
		if again&hostile != 0 {
			return kindDoubleEncoding
		}
		vary |= routing.DecodeTwice | ways(twice, again)
	}
	if bits.OnesCount8(uint8(vary)) > most {
		return first
	}
	return x.disagreement(vary)
}

// disagreement compares all readings that differ in the given ways. It returns the kind of the first
// that leads elsewhere, or upward; 0 if there is none.
func (x *exchange) disagreement(vary routing.Reading) pathKinds {
	r := x.route
	target := x.view.routed(nil)
	for some := routing.Reading(0); ; {
		how, dots := canonical&^vary|some, false
		x.scratch, dots = routing.AppendReading(x.scratch[:0], x.view.path, how)
		if dots && r.lenient&kindDotSegment == 0 {
			return blame(how)
		}
		target.Path = x.scratch
		match, ok := x.snapshot.Table.Match(target)
		if !ok || match.Value != r || r.Config.Rewrite != nil && match.Path != x.matched {
			return blame((how ^ canonical) & vary)
		}
		if some = (some - vary) & vary; some == 0 {
			return 0
		}
	}
}

// ways are the ways in which readings of a path with these kinds differ.
func ways(path string, found pathKinds) (vary routing.Reading) {
	if found&kindEncodedSeparator != 0 {
		if strings.Contains(path, "%2F") || strings.Contains(path, "%2f") {
			vary |= routing.SplitEscaped
		}
		if strings.Contains(path, `\`) || strings.Contains(path, "%5C") || strings.Contains(path, "%5c") {
			vary |= routing.SplitBackslash
		}
	}
	if found&kindParameter != 0 {
		vary |= routing.CutParameters
	}
	if found&(kindEncodedSeparator|kindParameter|kindEmptySegment) != 0 {
		vary |= routing.MergeSlashes
	}
	if len(path) > 1 && (path[1] == '/' || path[1] == '\\') && found&(kindEncodedSeparator|kindEmptySegment) != 0 {
		vary |= routing.DropAuthority
	}
	return vary
}

// blame is the kind that makes a reading differ.
func blame(how routing.Reading) pathKinds {
	switch {
	case how&routing.DecodeTwice != 0:
		return kindDoubleEncoding
	case how&routing.CutParameters != 0:
		return kindParameter
	case how&(routing.SplitEscaped|routing.SplitBackslash) != 0:
		return kindEncodedSeparator
	}
	return kindEmptySegment
}

// oddities returns the kinds that a path has beside those allowed, and the first of them. The path is
// the received one, without the query.
func oddities(path string, allowed pathKinds) (found, first pathKinds) {
	start := 0 // of the segment
	for i := 0; i < len(path); i++ {
		kind := pathKinds(0)
		switch c := path[i]; {
		case c == '/':
			if i > 0 {
				kind = segmentKind(path[start:i], false)
			}
			start = i + 1
		case c == '\\':
			kind = kindEncodedSeparator // some read it as "/"
		case c == ';':
			kind = kindParameter
			if segmentKind(path[start:i+1], true) == kindDotSegment {
				kind = kindDotSegment
			}
		case c < 0x20 || c == 0x7f:
			kind = kindControl
		case c == '%':
			kind = escapeKind(path[i:])
		}
		if kind &^= allowed; kind != 0 {
			if found == 0 {
				first = kind
			}
			found |= kind
		}
	}
	if kind := segmentKind(path[start:], true) &^ allowed; kind != 0 {
		if found == 0 {
			first = kind
		}
		found |= kind
	}
	return found, first
}

// segmentKind looks at one segment. The last one may be empty: "/a/".
func segmentKind(s string, last bool) pathKinds {
	if s == "" {
		if last {
			return 0
		}
		return kindEmptySegment
	}
	dots, i := 0, 0
	for i < len(s) {
		switch {
		case s[i] == '.':
			i++
		case len(s) > i+2 && s[i] == '%' && s[i+1] == '2' && s[i+2]|0x20 == 'e':
			i += 3
		default:
			// "..;x" is ".." to servers that cut parameters from each segment.
			if s[i] == ';' && (dots == 1 || dots == 2) {
				return kindDotSegment
			}
			return 0
		}
		if dots++; dots > 2 {
			return 0
		}
	}
	return kindDotSegment
}

// escapeKind looks at what begins with "%".
func escapeKind(s string) pathKinds {
	if len(s) < 3 {
		return kindInvalidEscape
	}
	hi, lo := hexDigit(s[1]), hexDigit(s[2])
	if hi < 0 || lo < 0 {
		return kindInvalidEscape
	}
	switch c := hi<<4 | lo; {
	case c == '/' || c == '\\':
		return kindEncodedSeparator
	case c < 0x20 || c == 0x7f:
		return kindControl
	case c == '%':
		// Decoded once more it would be an escape, whichever way its digits are spelled.
		first, rest := decodeOne(s[3:])
		second, _ := decodeOne(rest)
		if hexDigit(first) >= 0 && hexDigit(second) >= 0 {
			return kindDoubleEncoding
		}
	}
	return 0
}

// decodeOne returns the first character of s, decoded if it is escaped, and the rest.
func decodeOne(s string) (c byte, rest string) {
	if len(s) >= 3 && s[0] == '%' {
		if hi, lo := hexDigit(s[1]), hexDigit(s[2]); hi >= 0 && lo >= 0 {
			return byte(hi<<4 | lo), s[3:]
		}
	}
	if s == "" {
		return 0, ""
	}
	return s[0], s[1:]
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
