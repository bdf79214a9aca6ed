package mask

import "strings"

// textKind says what ends a value that nothing encloses.
type textKind int

const (
	inText        textKind = iota // & and the end of the line
	inPath                        // / ; ? too: a matrix parameter is one part of a path
	inQuery                       // as in text; placeholders have no spaces
	inProse                       // what programs say: in "open tokens: no such file" a colon assigns nothing
	inBase64                      // text that Base64 has hidden
	inBase64Twice                 // in which no more of it is looked for
)

// triggers are the bytes at which something secret may be recognized.
var triggers = func() (table [256]bool) {
	for _, c := range []byte("=:>{}eBb-@/0123456789") {
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
	looked  int  // bytes, for names that follow

	said   uint64 // in which of the objects around a name has told a secret
	saidAt int
	depth  int  // of objects
	pairs  int  // whether a pair names a secret
	codes  int  // or goes with a code of OAuth
	field  bool // an element has named one
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
			for i < end && sextets[s[i]] != 0 {
				i++ // half of what Base64 hides is not recognized
			}
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
	case '{', '}':
		return c.braces(i)
	case 'e':
		return c.webToken(i)
	case 'b', 'B':
		return c.credentials(i)
	case '-':
		return c.privateKey(i)
	case '@':
		return c.address(i)
	case '/':
		return c.link(i)
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
