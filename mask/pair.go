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
		*said = w.namesSecret(w.i)
	case oneOf(valueKeys, key):
		return *said || w.namedSoon()
	}
	return false
}

// namesSecret reports whether a value is a string that tells a secret, as a name.
func (w *walker) namesSecret(from int) bool {
	if from >= len(w.s) || w.s[from] != '"' {
		return false
	}
	to := stringEnd(w.s, from)
	return to > from && w.p.secretPair(w.s[from+1:to])
}

// soon is how many bytes a name may stand behind a value: each object is looked through once more, as far as this.
const soon = 1 << 10

// namedSoon looks for the name of the value that begins here among the members that follow.
func (w *walker) namedSoon() bool {
	depth := 0
	for i, end := w.i, w.i+soon; i < min(end, len(w.s)); i++ {
		switch w.s[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return false
			}
		case '"':
			to := stringEnd(w.s, i)
			if to < 0 {
				return false
			}
			if i == w.i {
				end = to + soon // however long the value is
			}
			next := to + 1 + leadingSpace(w.s[to+1:])
			if depth == 0 && next < len(w.s) && w.s[next] == ':' && oneOf(nameKeys, w.s[i+1:to]) {
				return w.namesSecret(next + 1 + leadingSpace(w.s[next+1:]))
			}
			i = to
		}
	}
	return false
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

// namedIn reports whether a pair of a query or form names a secret.
func (p *Policy) namedIn(s string) bool {
	for pair := range strings.SplitSeq(s, "&") {
		if key, value, _ := strings.Cut(pair, "="); oneOf(nameKeys, key) && p.secretPair(value) {
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
