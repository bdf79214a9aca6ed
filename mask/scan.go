package mask

import "strings"

// textKind says what ends a value that nothing encloses.
type textKind int

const (
	inText  textKind = iota // & and the end of the line
	inPath                  // / ; ? too: a matrix parameter is one part of a path
	inQuery                 // as in text; placeholders have no spaces
	inProse                 // what programs say: in "open tokens: no such file" a colon assigns nothing
)

// triggers are the bytes at which something secret may be recognized.
var triggers = func() (table [256]bool) {
	for _, c := range []byte("=:>eBb-@0123456789") {
		table[c] = true
	}
	for _, one := range shapes {
		table[one.prefix[0]] = true
	}
	return table
}()

// scanner walks over text once and copies it, except for what it masks.
type scanner struct {
	policy *Policy
	s      string
	kind   textKind
	out    []byte // nil until something is masked
	from   int    // start of what is not yet copied to out

	// What has been looked at in vain is not looked at again, so that the work stays linear.
	dull    int  // no web token starts before this index
	tag     int  // and no start tag
	basic   int  // and no run of base64 ends, which has been asked for credentials
	asked   int  // times
	noBlank bool // no blank line follows
}

// scan replaces the secrets in s. If s is ragged, which is to say cut anywhere, its last
// bytes only serve to recognize what begins before them. The result is ragged if it ends
// before s does, for this reason or because it has keep bytes.
func (p *Policy) scan(s string, keep int, ragged bool, kind textKind) (string, bool) {
	s = p.sift(s, kind)
	c := scanner{policy: p, s: s, kind: kind}
	end := len(s)
	if ragged {
		end = runeStart(s, max(len(s)-lookahead, 0))
	}
	i := 0
	for i < end {
		if !triggers[s[i]] {
			i++
			continue
		}
		if len(c.out)+i-c.from > keep {
			break
		}
		i = max(c.secret(i), i+1)
	}
	i = max(i, c.from)
	if c.out == nil {
		return s[:i], i < len(s)
	}
	return string(append(c.out, s[c.from:i]...)), i < len(s)
}

// secret recognizes what stands at the trigger i and returns where to go on.
func (c *scanner) secret(i int) int {
	switch b := c.s[i]; b {
	case '=', ':':
		if b == ':' {
			if to := c.userinfo(i); to > i {
				return to
			}
		}
		return c.assignment(i)
	case '>':
		return c.element(i)
	case 'e':
		return c.webToken(i)
	case 'b', 'B':
		return c.credentials(i)
	case '-':
		return c.privateKey(i)
	case '@':
		return c.address(i)
	}
	if isDigit(c.s[i]) {
		if to := c.shape(i); to > i {
			return to
		}
		return c.card(i)
	}
	return c.shape(i)
}

// hide masks from..to and returns to.
func (c *scanner) hide(from, to int, kind secretKind) int {
	return c.replace(from, to, c.policy.hide(kind, c.s[from:to], c.kind))
}

// replace puts something else in the place of from..to and returns to.
func (c *scanner) replace(from, to int, with string) int {
	c.out = append(append(c.out, c.s[c.from:from]...), with...)
	c.from = to
	return to
}

// userinfo masks the password in scheme://user:password@host.
func (c *scanner) userinfo(i int) int {
	rest, ok := strings.CutPrefix(c.s[i:], "://")
	if !ok {
		return i
	}
	if end := strings.IndexAny(rest, "/?# \t\r\n\"'<>"); end >= 0 {
		rest = rest[:end]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return i
	}
	colon := strings.IndexByte(rest[:at], ':')
	if colon < 0 || colon+1 == at {
		return i
	}
	start := i + len("://")
	return c.hide(start+colon+1, start+at, secretValue)
}

// webToken masks a JSON web token: parts of base64url between dots, the first of which
// is a JSON object and so begins with eyJ.
func (c *scanner) webToken(i int) int {
	if i < c.dull || !strings.HasPrefix(c.s[i:], "eyJ") {
		return i
	}
	dot := i
	for dot < len(c.s) && base64url(c.s[dot]) {
		dot++
	}
	end := dot
	if dot-i < 6 || dot == len(c.s) || c.s[dot] != '.' {
		c.dull = dot
		return i
	}
	for end < len(c.s) && (base64url(c.s[end]) || c.s[end] == '.') {
		end++
	}
	if end-dot < 5 {
		c.dull = end
		return i
	}
	return c.hide(i, end, secretJWT)
}

func base64url(b byte) bool {
	return wordClass(b) != separator && b < 0x80 || b == '-' || b == '_'
}

// Length of a card number (ISO/IEC 7812-1).
const (
	minCardDigits = 13
	maxCardDigits = 19
)

// card masks a number with a valid check digit, with or without separators.
func (c *scanner) card(i int) int {
	s := c.s
	groupEnd := i
	for groupEnd < len(s) && isDigit(s[groupEnd]) {
		groupEnd++
	}
	if groupEnd-i < minCardDigits {
		next := groupEnd + separatorBytes(s[groupEnd:])
		if next == groupEnd || next >= len(s) || !isDigit(s[next]) {
			return groupEnd
		}
	}
	if end := cardEnd(s, i); end > 0 {
		return c.hide(i, end, secretCard)
	}
	return groupEnd
}

// cardEnd returns where the longest card number ends that starts at i, or 0.
func cardEnd(s string, i int) int {
	var digits [maxCardDigits]byte
	n, found, groups := 0, 0, 0
	for k := i; ; {
		start := k
		for k < len(s) && isDigit(s[k]) {
			if n == len(digits) {
				n++
				break
			}
			digits[n] = s[k] - '0'
			n++
			k++
		}
		if k == start || n > len(digits) {
			break
		}
		groups++
		// Grouped digits right after a letter are part of something else, a UUID mostly.
		if groups > 1 && i > 0 && (wordClass(s[i-1]) == lower || wordClass(s[i-1]) == upper) {
			break
		}
		if cardNumber(digits[:n]) {
			found = k
		}
		k += separatorBytes(s[k:])
	}
	return found
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// separatorBytes returns the length of the one separator that may stand between digits.
func separatorBytes(s string) int {
	switch {
	case s == "":
		return 0
	case s[0] == ' ', s[0] == '-', s[0] == '+':
		return 1
	case strings.HasPrefix(s, "%20"), strings.HasPrefix(s, "%2D"), strings.HasPrefix(s, "%2d"),
		strings.HasPrefix(s, "%2B"), strings.HasPrefix(s, "%2b"):
		return 3
	}
	return 0
}

// cardNumber checks length and check digit (ISO/IEC 7812-1, annex B). Thirteen digits
// from 1 on are milliseconds since 1970; no card of that length begins so.
func cardNumber(digits []byte) bool {
	if len(digits) < minCardDigits || len(digits) == 13 && digits[0] == 1 {
		return false
	}
	sum := 0
	for i, d := range digits {
		v := int(d)
		if (len(digits)-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}
