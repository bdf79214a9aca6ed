package mask

import "strings"

// Segments of a path before one that nobody can guess: a link that was sent to somebody.
var linkWords = []string{
	"activate", "activation", "confirm", "confirmation", "invitation", "invite", "magic", "recover", "recovery", "reset", "unsubscribe", "verification", "verify",
}

// least is how many bytes and digits a segment has that may be such a secret, rather than a word or a number.
const (
	leastSegment = 16
	leastDigits  = 3
)

// segments masks segments of a path, which may stand in an address or a request line, that look as if they were made by chance, behind one that tells a secret ("/reset/…", "/api/tokens/…").
func (p *Policy) segments(path string) string {
	var out []byte
	last, before := 0, ""
	for from := 0; from < len(path); {
		to := from + strings.IndexAny(path[from:], "/?# ")
		if to < from {
			to = len(path)
		}
		segment := path[from:to]
		if unguessable(segment) && p.tells(before) {
			out = append(append(out, path[last:from]...), p.hide(secretValue, segment, inPath)...)
			last = to
		}
		before = segment
		from = to + 1
	}
	if out == nil {
		return path
	}
	return string(append(out, path[last:]...))
}

// tells reports whether a segment says that the next one is a secret.
func (p *Policy) tells(segment string) bool { return oneOf(linkWords, segment) || p.sensitive(segment) }

func unguessable(segment string) bool {
	if len(segment) < leastSegment {
		return false
	}
	digits := 0
	for i := range len(segment) {
		switch c := segment[i]; {
		case c >= '0' && c <= '9':
			digits++
		case !base64url(c):
			return false
		}
	}
	return digits >= leastDigits && digits < len(segment)
}
