package mask

import "strings"

// Header returns the value of a header field as it may be written, in full. Fields of cookies keep the names of cookies,
// those that hold an address keep what is no secret in it.
func (p *Policy) Header(name, value string) string {
	if value == "" {
		return value
	}
	if field := cookieHeader(name); field != notCookie {
		return p.cookies(value, field, len(value))
	}
	if p.sensitive(name) {
		return p.hideAll(value)
	}
	if strings.EqualFold(name, protocolHeader) {
		return p.protocols(value)
	}
	if oneOf(addressHeaders, name) {
		return p.URL(value)
	}
	return p.whole(value, false, inText)
}

// protocolHeader has protocols of a WebSocket.
const protocolHeader = "Sec-WebSocket-Protocol"

// addressHeaders hold a URL.
var addressHeaders = []string{"Referer", "Location", "Content-Location", "Origin"}

// URL returns an address, or the target of a request, as it may be written, in full: without the values of
// parameters that a name or a form tells to be secret, in the query, the fragment and between the parts of a path, and
// without a password before the host. It stays an address.
func (p *Policy) URL(s string) string {
	path, rest := s, ""
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		path, rest = s[:i], s[i:]
	}
	masked := p.whole(path, false, inPath)
	if rest == "" {
		return masked
	}
	query, fragment := rest, ""
	if i := strings.IndexByte(rest, '#'); i >= 0 {
		query, fragment = rest[:i], rest[i:]
	}
	told, same := p.pairs(query, 1), p.pairs(fragment, 1)
	if len(masked) == len(path) && masked == path && told == query && same == fragment {
		return s
	}
	return masked + told + same
}

// Query returns a query without ? as it may be written, in full.
func (p *Policy) Query(s string) string { return p.pairs(s, 0) }

// Whether pairs name a secret is asked when there is a value that it would matter to.
const (
	notAsked = iota
	no
	yes
)

func asked(told bool) int {
	if told {
		return yes
	}
	return no
}

// pairs masks what is secret in a query or a form. The first skip bytes, if there are so many, are none of it.
func (p *Policy) pairs(s string, skip int) string {
	var out []byte
	last, named, codes := 0, notAsked, notAsked
	for i := min(skip, len(s)); i < len(s); {
		end := i + strings.IndexByte(s[i:], '&')
		if end < i {
			end = len(s)
		}
		from := i
		if eq := strings.IndexByte(s[i:end], '='); eq >= 0 {
			from = i + eq + 1
			if told := p.pairPart(s[i : from-1]); told != s[i:from-1] {
				out = append(append(out, s[last:i]...), told...)
				last = from - 1
			}
		}
		value := s[from:end]
		told := ""
		key := s[i:max(i, from-1)]
		secret := false
		switch {
		case value == "" || key == "":
		case oneOf(valueKeys, key):
			if named == notAsked {
				named = asked(p.namedIn(s, key))
			}
			secret = named == yes
		case oneOf(codeKeys, key):
			if codes == notAsked {
				codes = asked(p.namedIn(s, key))
			}
			secret = codes == yes
		}
		if secret || value != "" && key != "" && p.secretPair(key) {
			told = p.hide(secretValue, value, inQuery)
		} else {
			told = p.pairPart(value)
		}
		if told != value {
			out = append(append(out, s[last:from]...), told...)
			last = end
		}
		i = end + 1
	}
	if out == nil {
		return s
	}
	return string(append(out, s[last:]...))
}

func (p *Policy) secretPair(name string) bool {
	return cookieHeader(name) != notCookie || p.sensitive(name)
}

// pairPart masks what is secret in a name or a value of a query by its form.
func (p *Policy) pairPart(s string) string {
	plain := s
	if strings.IndexByte(plain, '+') >= 0 {
		// Whoever writes Base64 in a query often forgets to encode its plus.
		raw := decodePercent(s)
		if p.unwrap(raw, false, inQuery) != raw {
			return escapePair(p.whole(raw, false, inQuery))
		}
		plain = strings.ReplaceAll(plain, "+", " ")
	}
	if plain = decodePercent(plain); plain == s {
		return p.whole(s, false, inQuery)
	}
	told := p.whole(plain, false, inQuery)
	if told == plain {
		return s
	}
	return escapePair(told)
}

// escapePair writes text as a query may have it. Brackets stay, so that placeholders can be read.
func escapePair(s string) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		switch c := s[i]; {
		case wordClass(c) != separator && c < 0x80, strings.IndexByte("-_.~[]/:,;@!$()*'", c) >= 0:
			out = append(out, c)
		case c == ' ':
			out = append(out, '+')
		default:
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(out)
}
