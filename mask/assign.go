package mask

import (
	"encoding/base64"
	"strings"
)

// maxKeyBytes bounds the search for the name before a = or a colon.
const maxKeyBytes = 256

// assignment looks at the name before the separator i and masks the value after it.
func (c *scanner) assignment(i int) int {
	key, quoted := c.key(i)
	key = strings.TrimLeft(key, " -")
	if key == "" {
		return i
	}
	if oneOf(nameKeys, key) {
		c.name(i)
	}
	if strings.EqualFold(key, "name") {
		return c.formPart(i)
	}
	field := cookieHeader(key)
	if field == notCookie && !c.policy.sensitive(key) && !(c.isValue(i, key) && c.named(i, key, quoted)) {
		return i
	}
	from := i + 1
	for from < len(c.s) && strings.IndexByte(" \t=>", c.s[from]) >= 0 {
		from++
	}
	if from == len(c.s) {
		return i
	}
	if smallNumber(c.s[from:]) || c.kind == inProse && !quoted && from > i+1 && c.s[i] == ':' && !headerLine(key) {
		return i
	}
	if open := quoteBytes(c.s[from:]); open > 0 {
		from += open
		return c.mask(from, closingQuote(c.s, from, open))
	}
	if field != notCookie && !quoted {
		to := endOfAny(c.s, from, "\r\n")
		return c.replace(from, to, c.policy.cookies(c.s[from:to], field, maxScanBytes))
	}
	switch first := c.s[from]; {
	case (first == '{' || first == '[') && (quoted || c.s[i] == ':'):
		return c.mask(from, closingBracket(c.s, from))
	case quoted:
		return c.mask(from, endOfAny(c.s, from, ",}]\r\n"))
	case c.kind == inPath:
		return c.mask(from, endOfAny(c.s, from, "/;?&\r\n"))
	case c.s[i] == ':':
		return c.mask(from, endOfAny(c.s, from, "\r\n"))
	}
	return c.mask(from, endOfAny(c.s, from, "&\r\n"))
}

// headerLine reports whether the last word before a colon is a field which holds nothing but credentials.
func headerLine(words string) bool {
	name := words[strings.LastIndexByte(words, ' ')+1:]
	return cookieHeader(name) != notCookie || strings.EqualFold(name, "authorization") || strings.EqualFold(name, "proxy-authorization")
}

// smallNumber reports whether s begins with one or two digits and a comma: nobody's secret, but
// what CRS says about sessions when it lists the scores of a request, "SESS=5, ".
func smallNumber(s string) bool {
	n := 0
	for n < len(s) && n < 3 && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return (n == 1 || n == 2) && strings.HasPrefix(s[n:], ", ")
}

func (c *scanner) mask(from, to int) int {
	if from == to {
		return to
	}
	return c.hide(from, to, secretValue)
}

// key returns the name that ends before i: what quotes enclose, else the word, before a
// colon together with the one before it ("api key:").
func (c *scanner) key(i int) (key string, quoted bool) {
	s := c.s[max(c.from, i-maxKeyBytes):i]
	s = strings.TrimRight(s, " \t!")
	if s == "" {
		return "", false
	}
	if q := s[len(s)-1]; q == '"' || q == '\'' || q == '`' {
		inner := strings.TrimRight(s[:len(s)-1], `\`)
		return inner[strings.LastIndexByte(inner, q)+1:], true
	}
	start, depth, words := len(s), 0, 1
	for start > 0 {
		b := s[start-1]
		switch {
		case b == ']':
			depth++
		case b == '[':
			depth--
		case keyByte(b), depth > 0 && (b == '"' || b == '\''):
		case b == ' ' && words == 1 && c.s[i] == ':':
			words++
		default:
			return s[start:], false
		}
		start--
	}
	return s, false
}

// keyByte is true for what a name is made of where no quotes enclose it.
func keyByte(b byte) bool {
	return wordClass(b) != separator || strings.IndexByte("_-.%$@~+\\", b) >= 0
}

// formPart masks the content of a multipart part whose name tells a secret.
func (c *scanner) formPart(i int) int {
	if !strings.Contains(c.s[max(i-64, 0):i], "form-data") {
		return i
	}
	name := c.s[i+1 : endOfAny(c.s, i+1, ";\r\n")]
	if !c.policy.sensitive(name) {
		return i
	}
	if c.noBlank {
		return i
	}
	rest := c.s[i:]
	blank, size := strings.Index(rest, "\r\n\r\n"), 4
	if blank < 0 {
		blank, size = strings.Index(rest, "\n\n"), 2
	}
	if blank < 0 {
		c.noBlank = true
		return i
	}
	from := i + blank + size
	to := strings.Index(c.s[from:], "\n--")
	if to < 0 {
		return c.mask(from, len(c.s))
	}
	return c.mask(from, from+len(strings.TrimSuffix(c.s[from:from+to], "\r")))
}

// element masks the content of an XML element whose name tells a secret, or an attribute of it, or the element before it. It starts
// from the end of the start tag, so that attributes have been looked at before.
func (c *scanner) element(i int) int {
	back := max(i-maxKeyBytes, c.tag)
	open := strings.LastIndexByte(c.s[back:i], '<')
	if open < 0 {
		c.tag = i
		return i
	}
	open += back
	said := c.told() && c.saidAt > open
	if said {
		c.say(false)
	}
	if c.s[i-1] == '/' {
		return i
	}
	name := c.s[open+1 : endOfAny(c.s, open+1, " \t\r\n/>")]
	if name == "" || name[0] == '!' || name[0] == '?' {
		c.tag = i
		return i
	}
	local := name[strings.LastIndexByte(name, ':')+1:]
	switch to := endOfAny(c.s, i, "<"); {
	case c.policy.sensitive(local):
	case oneOf(nameKeys, local):
		c.field = c.policy.secretPair(c.s[i+1 : min(to, i+1+mostName)])
		c.tag = i
		return i
	case oneOf(valueKeys, local) && c.field, said && strings.HasPrefix(c.s[to:], "</"+name):
		return c.mask(i+1, to)
	default:
		c.tag = i
		return i
	}
	for to := i + 1; to < len(c.s); to++ {
		if rest := c.s[to:]; rest[0] == '<' && len(rest) >= len(name)+2 && rest[1] == '/' &&
			strings.EqualFold(rest[2:2+len(name)], name) {
			return c.mask(i+1, to)
		}
	}
	return c.mask(i+1, len(c.s))
}

// credentials masks what follows the schemes Bearer (RFC 6750) and Basic (RFC 7617). As
// "basic" is a word too, what follows it has to be user and password in base64.
func (c *scanner) credentials(i int) int {
	if i > 0 && (wordClass(c.s[i-1]) == lower || wordClass(c.s[i-1]) == upper) {
		return i
	}
	rest := c.s[i:]
	basic := len(rest) > 5 && strings.EqualFold(rest[:5], "basic")
	size := 5
	if !basic {
		size = 6
		if len(rest) <= size || !strings.EqualFold(rest[:size], "bearer") {
			return i
		}
	}
	from := i + size
	for from < len(c.s) {
		if b := c.s[from]; b == ' ' || b == '\t' || b == '+' {
			from++
		} else if strings.HasPrefix(c.s[from:], "%20") {
			from += 3
		} else {
			break
		}
	}
	to := from
	for to < len(c.s) && (base64url(c.s[to]) || strings.IndexByte("._~+/=", c.s[to]) >= 0) {
		to++
	}
	switch {
	case from == i+size:
		return i
	case basic && c.userAndPassword(from, to):
	case !basic && to-from >= 4:
	default:
		return i
	}
	return c.hide(from, to, secretValue)
}

// maxAsked is how often one run of base64 is asked for user and password. One that says "basic" more often is
// masked unasked: text of people does not.
const maxAsked = 8

// userAndPassword reports whether from..to, which ends a run of base64, is or has to be taken for credentials.
func (c *scanner) userAndPassword(from, to int) bool {
	if to != c.basic {
		c.basic, c.asked = to, 0
	}
	c.asked++
	return c.asked > maxAsked || userAndPassword(c.s[from:to])
}

func userAndPassword(s string) bool {
	s = strings.TrimRight(s, "=")
	decoded, err := base64.RawStdEncoding.DecodeString(s[:len(s)-len(s)%4])
	if err != nil {
		decoded, err = base64.RawURLEncoding.DecodeString(s[:len(s)-len(s)%4])
	}
	return err == nil && strings.IndexByte(string(decoded), ':') >= 0
}

// endOfAny returns the first index from from on of any byte in set, else the end of s.
func endOfAny(s string, from int, set string) int {
	if n := strings.IndexAny(s[from:], set); n >= 0 {
		return from + n
	}
	return len(s)
}

// quoteBytes returns the length of an opening quote with the backslashes before it, as
// JSON within a JSON string has.
func quoteBytes(s string) int {
	n := 0
	for n < len(s) && s[n] == '\\' {
		n++
	}
	if n < len(s) && (s[n] == '"' || s[n] == '\'' || s[n] == '`') {
		return n + 1
	}
	return 0
}

// closingQuote returns where the text ends that an opening quote of open bytes begins,
// without the closing quote and its backslashes.
func closingQuote(s string, from, open int) int {
	quote := s[from-1]
	slashes := 0
	for i := from; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			slashes++
			continue
		case s[i] != quote:
		case open == 1 && slashes%2 == 0:
			return i
		case open > 1 && slashes < open:
			return i - slashes
		}
		slashes = 0
	}
	return len(s)
}

// closingBracket returns the index after the bracket that closes the one at from.
func closingBracket(s string, from int) int {
	depth := 0
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '"':
			i = closingQuote(s, i+1, 1)
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// cookieAttributes of Set-Cookie (RFC 6265bis) hold no secret.
var cookieAttributes = map[string]bool{
	"domain": true, "expires": true, "httponly": true, "max-age": true, "partitioned": true,
	"path": true, "priority": true, "samesite": true, "secure": true,
}

// cookies keeps the names in a Cookie or Set-Cookie field and masks the values, in limit bytes.
func (p *Policy) cookies(s string, field cookieField, limit int) string {
	truncated := len(s) > limit
	if truncated {
		s = s[:limit]
	}
	var out strings.Builder
	first := true
	for part := range strings.SplitSeq(s, ";") {
		if !first {
			out.WriteByte(';')
		}
		name, value, assigned := strings.Cut(part, "=")
		attribute := field == responseCookie && !first && cookieAttributes[strings.ToLower(strings.TrimSpace(name))]
		first = false
		switch {
		case attribute, strings.TrimSpace(part) == "", assigned && value == "":
			out.WriteString(part)
		case assigned:
			out.WriteString(name + "=" + p.hide(secretValue, value, inText))
		default:
			trimmed := strings.TrimLeft(part, " ")
			out.WriteString(part[:len(part)-len(trimmed)])
			out.WriteString(p.hide(secretValue, trimmed, inText))
		}
	}
	if truncated {
		out.WriteString(Ellipsis)
	}
	return out.String()
}
