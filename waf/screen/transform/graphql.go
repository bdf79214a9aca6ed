package transform

import "strings"

// graphQLDepth bounds how deeply brackets nest in what is taken for GraphQL.
const graphQLDepth = 64

// withoutGraphQL leaves of a text that is a GraphQL document of operations what its strings
// and comments say, a space between any two. Variables ($in, $first) and fields between braces
// ({ id }) are what rules about MongoDB and shells look for. Another text is left alone. It is
// Wafer's own.
//
// The grammar is checked no further than by its tokens and brackets. That is enough, since the
// tokens have none of the bytes that an attack in another language cannot do without: outside
// of strings and comments there is no quote, slash, semicolon, comparison or sign but that of
// a number; and strings, numbers, lists and variables stand in parentheses, so that no JSON is
// taken for GraphQL.
func withoutGraphQL(s string, b *Buffer) (string, bool) {
	if !startsGraphQL(s) {
		return s, false
	}
	l := graphQL{text: s, out: b.reserve(len(s))}
	for l.at < len(s) {
		if !l.token() {
			return s, false
		}
	}
	if l.depth != 0 || !l.braces {
		return s, false
	}
	return b.keep(l.out), true
}

// startsGraphQL reports whether a text begins as a document of operations does.
func startsGraphQL(s string) bool {
	s = strings.TrimLeft(s, " \t\r\n")
	if strings.HasPrefix(s, "{") {
		return true
	}
	for _, word := range []string{"query", "mutation", "subscription", "fragment"} {
		if rest, ok := strings.CutPrefix(s, word); ok && rest != "" {
			return strings.IndexByte(" \t\r\n({@", rest[0]) >= 0
		}
	}
	return false
}

// graphQL reads the tokens of a document.
type graphQL struct {
	text   string
	at     int
	out    []byte
	open   [graphQLDepth]byte // brackets that wait for their other half
	depth  int
	parens int // how many of them are parentheses
	braces bool
}

// token reads one token, or what stands between two. It reports whether there is one.
func (l *graphQL) token() bool {
	c := l.text[l.at]
	switch {
	case strings.IndexByte(" \t\r\n,:", c) >= 0:
		l.at++
	case l.parens == 0 && strings.IndexByte("!=$\"-[]0123456789", c) >= 0:
		return false // JSON, for one, has its strings there
	case c == '!' || c == '=':
		l.at++
	case c == '@':
		l.at++
		return l.name()
	case c == '$':
		l.at++
		return l.name()
	case c == '.':
		found := strings.HasPrefix(l.text[l.at:], "...")
		l.at += 3
		return found
	case c == '#':
		end := strings.IndexAny(l.text[l.at:], "\r\n")
		if end < 0 {
			end = len(l.text) - l.at
		}
		l.say(l.text[l.at+1 : l.at+end])
		l.at += end
	case c == '"':
		return l.quoted()
	case c == '-' || c >= '0' && c <= '9':
		return l.number()
	case strings.IndexByte("([{", c) >= 0:
		return l.opens(c)
	case strings.IndexByte(")]}", c) >= 0:
		return l.closes(c)
	default:
		return l.name()
	}
	return true
}

func (l *graphQL) opens(c byte) bool {
	if l.depth == graphQLDepth {
		return false
	}
	l.open[l.depth] = c
	l.depth++
	l.at++
	switch c {
	case '(':
		l.parens++
	case '{':
		l.braces = true
	}
	return true
}

func (l *graphQL) closes(c byte) bool {
	if l.depth == 0 || l.open[l.depth-1] != map[byte]byte{')': '(', ']': '[', '}': '{'}[c] {
		return false
	}
	l.depth--
	l.at++
	if c == ')' {
		l.parens--
	}
	return true
}

func (l *graphQL) name() bool {
	from := l.at
	for l.at < len(l.text) {
		c := l.text[l.at]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9' || l.at == from) {
			break
		}
		l.at++
	}
	return l.at > from
}

// number reads a number, signs at its beginning and behind its e only, and nothing else at its end.
func (l *graphQL) number() bool {
	from := l.at
	for l.at < len(l.text) {
		c := l.text[l.at]
		sign := (c == '-' || c == '+') && (l.at == from || l.text[l.at-1]|0x20 == 'e')
		if !sign && c != '.' && c|0x20 != 'e' && (c < '0' || c > '9') {
			break
		}
		l.at++
	}
	last := l.text[l.at-1]
	return last >= '0' && last <= '9' && l.at < len(l.text) && strings.IndexByte(" \t\r\n,)]}#", l.text[l.at]) >= 0
}

func (l *graphQL) quoted() bool {
	rest := l.text[l.at:]
	if strings.HasPrefix(rest, `"""`) {
		end := strings.Index(rest[3:], `"""`)
		if end < 0 {
			return false
		}
		l.say(rest[3 : 3+end])
		l.at += end + 6
		return true
	}
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '\n', '\r':
			return false
		case '"':
			text, ok := unquote(rest[:i+1])
			l.say(text)
			l.at += i + 1
			return ok
		}
	}
	return false
}

// say puts text into the output.
func (l *graphQL) say(text string) {
	if len(l.out) > 0 {
		l.out = append(l.out, ' ')
	}
	l.out = append(l.out, text...)
}
