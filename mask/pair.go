package mask

import "strings"

// Some texts name a value in another value: {"name":"password","value":"hunter2"}, as archives of browsers, forms of
// builders and environments of containers have it.

var (
	nameKeys  = []string{"name", "key", "field", "header", "param", "parameter", "attribute", "property", "variable"}
	valueKeys = []string{"value", "val", "values"}
)

// oneOf reports whether a key is one of a list, in whatever case.
func oneOf(list []string, key string) bool {
	for _, one := range list {
		if len(one) == len(key) && strings.EqualFold(one, key) {
			return true
		}
	}
	return false
}

// named reports whether the value that begins here, of a member with this key, is secret because another member of its object says so:
// one before it, told by said, or one that follows soon.
func (w *walker) named(key string, said *bool) bool {
	switch {
	case oneOf(nameKeys, key):
		*said = w.p.namesSecret(w.s, w.i)
	case oneOf(valueKeys, key):
		return *said || w.p.nameFollows(w.s, w.i, &w.looked)
	}
	return false
}

// namesSecret reports whether what begins at from is a string of JSON that tells a secret, as a name.
func (p *Policy) namesSecret(s string, from int) bool {
	if from >= len(s) || s[from] != '"' {
		return false
	}
	to := stringEnd(s, from)
	return to > from && p.secretPair(s[from+1:to])
}

const (
	soon     = 1 << 10 // bytes that a name may stand behind a value
	mostLook = 8       // times the length of a text may be looked at for them. Text that asks more often is masked unasked
)

// nameFollows looks for the name of the value that begins at from among the members of the object that follow.
func (p *Policy) nameFollows(s string, from int, looked *int) bool {
	if *looked > mostLook*(len(s)+soon) {
		return true
	}
	i := from
	defer func() { *looked += min(i, len(s)) - from }()
	depth := 0
	for end := from + soon; i < min(end, len(s)); i++ {
		switch s[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return false
			}
		case '"':
			to := stringEnd(s, i)
			if to < 0 {
				i = len(s)
				return false
			}
			if i == from {
				end = to + soon // however long the value is
			}
			next := to + 1 + leadingSpace(s[to+1:])
			if depth == 0 && next < len(s) && s[next] == ':' && oneOf(nameKeys, s[i+1:to]) {
				return p.namesSecret(s, next+1+leadingSpace(s[next+1:]))
			}
			i = to
		}
	}
	return false
}

// Where text is not read by its structure, as what rules quote of a body, a name goes with the values of its object, its tag
// or its form.

// mostName is how long the name of a field is.
const mostName = 128

// name notes what the value behind the separator i names.
func (c *scanner) name(i int) {
	from := i + 1 + leadingBlank(c.s[i+1:])
	open := quoteBytes(c.s[from:])
	from += open
	rest := c.s[from:min(from+mostName, len(c.s))]
	to := strings.IndexAny(rest, "\"'`\\<>{}[]&;,\r\n")
	if open == 0 {
		to = endOfAny(rest, 0, "\"'`<>{}&;, \t\r\n")
	}
	c.say(to > 0 && c.policy.secretPair(rest[:to]))
	c.saidAt = i
}

// say notes whether a name that was read tells that the value beside it is a secret.
func (c *scanner) say(secret bool) {
	c.said &^= 1 << (c.depth & 63)
	if secret {
		c.said |= 1 << (c.depth & 63)
	}
}

// braces keeps what was said of each object apart from the others.
func (c *scanner) braces(i int) int {
	if c.s[i] == '{' {
		c.depth++
		c.say(false)
	} else {
		c.say(false)
		c.depth--
	}
	return i
}

// told reports whether a name has told a secret of the object that is read.
func (c *scanner) told() bool { return c.said&(1<<(c.depth&63)) != 0 }

// isValue reports whether what stands behind the separator i is a value that another one tells of. Pages have <meta name="csrf-token" content="…">.
func (c *scanner) isValue(i int, key string) bool {
	return oneOf(valueKeys, key) || c.s[i] == '=' && (strings.EqualFold(key, "content") || oneOf(codeKeys, key))
}

// named reports whether the value of a key behind the separator i is secret because of a name beside it.
func (c *scanner) named(i int, key string, quoted bool) bool {
	if oneOf(codeKeys, key) {
		if c.codes == notAsked {
			c.codes = asked(c.policy.namedIn(c.s, key))
		}
		return c.codes == yes
	}
	if c.told() {
		return true
	}
	from := i + 1 + leadingBlank(c.s[i+1:])
	switch open := quoteBytes(c.s[from:]); {
	case c.s[i] == ':':
		return quoted && c.policy.nameFollows(c.s, from, &c.looked)
	case open > 0:
		return c.namedInTag(closingQuote(c.s, from+open, open))
	case c.pairs == notAsked:
		c.pairs = asked(c.policy.namedIn(c.s, key))
	}
	return c.pairs == yes
}

// namedInTag reports whether an attribute names a secret that stands between from and the end of a tag.
func (c *scanner) namedInTag(from int) bool {
	if c.looked > mostLook*(len(c.s)+soon) {
		return true
	}
	rest := c.s[min(from, len(c.s)):min(from+soon, len(c.s))]
	to := strings.IndexByte(rest, '>')
	c.looked += len(rest)
	if to < 0 {
		return false
	}
	_, name, found := strings.Cut(rest[:to], " name=")
	return found && c.policy.secretPair(name[:endOfAny(name, 0, " \t\r\n>")])
}

// stringEnd is where a string of JSON ends that begins at from; -1: it does not.
func stringEnd(s string, from int) int {
	for i := from + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func leadingSpace(s string) int { return len(s) - len(strings.TrimLeft(s, " \t\r\n")) }

func leadingBlank(s string) int { return len(s) - len(strings.TrimLeft(s, " \t")) }

func betweenPairs(c rune) bool { return strings.ContainsRune("&?# \t\r\n\"'", c) }

// A code that OAuth hands out (RFC 6749) is as good as a token, and others are none. It stands beside what only OAuth has.
var (
	codeKeys  = []string{"code"}
	oauthKeys = []string{"state", "session_state", "grant_type", "redirect_uri", "code_verifier", "response_type"}
)

// leastState is how long a state is that nobody guesses, and no state of a country.
const leastState = 8

// namedIn reports whether a pair of a query or form tells that the value of a key is a secret: by naming it, or as what goes with a code.
func (p *Policy) namedIn(s, key string) bool {
	for pair := range strings.FieldsFuncSeq(s, betweenPairs) {
		switch other, value, _ := strings.Cut(pair, "="); {
		case oneOf(codeKeys, key):
			if oneOf(oauthKeys, other) && (len(value) >= leastState || !strings.EqualFold(other, "state")) {
				return true
			}
		case oneOf(nameKeys, other) && p.secretPair(value):
			return true
		}
	}
	return false
}

// protocols masks what is no protocol in a list of protocols of a WebSocket. Browsers can set no other field of a handshake, so that pages send
// tokens in it: behind an item that says so ("bearer, eyJ…"), or in one ("base64url.bearer.authorization.k8s.io.eyJ…").
func (p *Policy) protocols(list string) string {
	var out strings.Builder
	said := false
	for item := range strings.SplitSeq(list, ",") {
		if out.Len() > 0 {
			out.WriteByte(',')
		}
		plain := strings.TrimLeft(item, " \t")
		out.WriteString(item[:len(item)-len(plain)])
		switch prefix := p.saidPrefix(plain); {
		case plain == "":
		case said:
			out.WriteString(p.hideAll(plain))
		default:
			out.WriteString(plain[:prefix])
			if rest := plain[prefix:]; prefix > 0 && rest != "" {
				out.WriteString(p.hideAll(rest))
			} else {
				out.WriteString(p.whole(rest, false, inText))
			}
		}
		said = p.sensitive(plain) && !said
	}
	return out.String()
}

// saidPrefix is how much of an item says that the rest of it is a secret; 0: nothing does.
func (p *Policy) saidPrefix(item string) int {
	for i := 1; i < min(len(item)-8, 128); i++ { // nobody names a protocol with more
		if strings.IndexByte(".-_:~", item[i]) >= 0 && p.sensitive(item[:i]) {
			return i + 1
		}
	}
	return 0
}
