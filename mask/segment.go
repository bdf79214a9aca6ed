package mask

import "strings"

// linkWords stand in a path before a segment that nobody can guess: a link that was sent to somebody.
var linkWords = []string{
	"activate", "activation", "confirm", "confirmation", "invitation", "invite", "join", "login", "magic", "optin", "recover", "recovery", "reset",
	"signin", "unlock", "unsubscribe", "verification", "verify",
}

// Bounds of a path in text.
const (
	leastPiece     = 6  // bytes of a piece that may be made by chance
	leastBasename  = 16 // if nobody knows what stands before it
	mostSegment    = 512
	mostTelling    = 64 // bytes of a segment that tells
	segmentsBehind = 2  // a link word it may stand: /reset/42/…, /invite/accept/…
)

// link masks the segment of a path behind the slash i, if it was made by chance and one before it tells a secret:
// /reset/…, /api/tokens/….
func (c *scanner) link(i int) int {
	from := i + 1
	to := from
	for to < len(c.s) && to-from < mostSegment && segmentByte(c.s, to) {
		to++
	}
	for to > from && strings.IndexByte(".:=", c.s[to-1]) >= 0 {
		to--
	}
	if !madeByChance(c.s[from:to]) || !c.linked(i) {
		return i
	}
	return c.hide(from, to, secretValue)
}

// segmentByte reports whether s[i] may be part of a token in a path: of Base64, encoded or not, or a dot between parts of one.
func segmentByte(s string, i int) bool {
	switch b := s[i]; b {
	case '.', ':', '~', '=':
		return true
	case '%':
		switch rest := s[i+1:]; {
		case len(rest) < 2:
			return false
		default:
			one := unhexed(rest[0], rest[1])
			return one == '+' || one == '/' || one == '='
		}
	default:
		return base64url(b)
	}
}

func unhexed(a, b byte) byte {
	if !hexDigit(a) || !hexDigit(b) {
		return 0
	}
	return unhex(a)<<4 | unhex(b)
}

// linked reports whether a segment before the slash i says that what follows is a secret.
func (c *scanner) linked(i int) bool {
	for back := range segmentsBehind {
		from := strings.LastIndexAny(c.s[max(i-mostTelling, 0):i], "/ \t\r\n\"'=<>?#") + 1 + max(i-mostTelling, 0)
		segment := c.s[from:i]
		if segment == "" {
			return false
		}
		if linkWord(segment) || back == 0 && c.policy.sensitive(segment) && !madeByChance(segment) {
			return true
		}
		if from == 0 || c.s[from-1] != '/' {
			return false
		}
		i = from - 1
	}
	return false
}

// linkWord reports whether one of the words of a segment is such: verify-email, acceptInvite.
func linkWord(segment string) bool {
	from := 0
	for i := 1; i <= len(segment); i++ {
		if i < len(segment) && !boundary(segment[i-1], segment[i]) {
			continue
		}
		if word := segment[from:i]; len(word) > 3 && (oneOf(linkWords, word) || oneOf(linkWords, strings.TrimSuffix(word, "s"))) {
			return true
		}
		from = i
	}
	return false
}

// madeByChance reports whether a segment looks like a token, and not like words and numbers as people write them in
// names: how-to-reset-2026, h264-1080p, getUserById. A name of a file is none.
func madeByChance(segment string) bool {
	if len(segment) < leastPiece {
		return false
	}
	if dot := strings.LastIndexByte(segment, '.'); dot >= 0 && len(segment)-dot <= leastPiece {
		return false
	}
	from := 0
	for i := range len(segment) {
		if wordClass(segment[i]) == separator || between(segment, i) {
			if mixed(segment[from:i]) {
				return true
			}
			from = i + 1
		}
	}
	return mixed(segment[from:])
}

// between reports whether the byte at i is the x of a size, 1024x768.
func between(s string, i int) bool {
	return s[i] == 'x' && i > 0 && i+1 < len(s) && isDigit(s[i-1]) && isDigit(s[i+1])
}

// mixed reports whether a piece of letters and digits changes between them, and between cases, more often than words do. Those
// of people are longer, and have vowels.
func mixed(piece string) bool {
	if len(piece) < leastPiece {
		return false
	}
	words, digits := 1, 0
	mute, muteCapitals := false, false // a word of letters has no vowel
	from, vowel := 0, false
	end := func(to int) {
		if !vowel && to-from > 1 && !isDigit(piece[from]) {
			low := wordClass(piece[to-1]) == lower
			mute, muteCapitals = mute || low, muteCapitals || !low
		}
		from, vowel = to, false
	}
	for i := range len(piece) {
		c := piece[i]
		if i > 0 && boundary(piece[i-1], c) {
			words++
			end(i)
		}
		if isDigit(c) {
			digits++
		}
		vowel = vowel || strings.IndexByte("aeiouy", c|0x20) >= 0
	}
	end(len(piece))
	switch {
	case words < 3:
		return false
	case digits == 0:
		return mute && len(piece) < 5*words
	}
	return len(piece) < 3*words || len(piece) < 5*words && (mute || muteCapitals || digits > 2 && len(piece) >= 12) || digits > 2 && words > 4
}
