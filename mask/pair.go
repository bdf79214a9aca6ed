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

// named is what an object of JSON has said so far of a value that is named in another one.
type named struct {
	secret bool // the name that has come tells a secret

	// The value that was the last member, should its name follow: where it stands, and what there was to tell before it.
	waiting   bool
	from      int
	out, last int
	untold    bool
}

// look looks at a member whose key was read, before its value is. It reports whether the value is secret because another one
// has named it so.
func (n *named) look(w *walker, key string) (secret bool) {
	switch {
	case oneOf(valueKeys, key):
		n.waiting, n.from, n.out, n.last, n.untold = true, w.i, len(w.out), w.last, w.out == nil
		return n.secret
	case oneOf(nameKeys, key):
		n.secret = w.namesSecret()
		if n.secret && n.waiting {
			n.again(w)
		}
	}
	n.waiting = false
	return false
}

// namesSecret reports whether the value that begins here is a string that tells a secret, as a name.
func (w *walker) namesSecret() bool {
	if w.s[w.i] != '"' {
		return false
	}
	from := w.i
	whole := w.skipString()
	to := w.i
	w.i = from
	return whole && w.p.secretPair(w.s[from+1:to-1])
}

// again masks the value that came before its name.
func (n *named) again(w *walker) {
	at := w.i
	if n.untold {
		w.out = nil
	} else {
		w.out = w.out[:n.out]
	}
	w.last, w.i = n.last, n.from
	w.mask()
	w.i = at
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
