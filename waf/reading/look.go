package reading

import "strings"

// Classes of bytes, for guessing what a body is.
const (
	wordByte    = 1 << iota // of the name of a field, as people and programs name them
	oddByte                 // no encoder of forms leaves it in a name
	controlByte             // of no text, but for white space
)

var byteClass = func() (t [256]uint8) {
	for c := range t {
		if c < ' ' || c == 0x7f {
			t[c] |= oddByte
			if !strings.ContainsRune("\t\n\v\f\r\x1b\x1e", rune(c)) {
				t[c] |= controlByte
			}
		}
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= wordByte
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c] |= wordByte
		t[c-0x20] |= wordByte
	}
	for _, c := range "_-.[]%:+" {
		t[c] |= wordByte
	}
	for _, c := range "\"<>{}\\^`|" {
		t[c] |= oddByte
	}
	return t
}()

// all reports whether every byte of s is of the class.
func all(s string, class uint8) bool {
	for i := range len(s) {
		if byteClass[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

// has reports whether a byte of s is of the class.
func has(s string, class uint8) bool {
	for i := range len(s) {
		if byteClass[s[i]]&class != 0 {
			return true
		}
	}
	return false
}

// maxWord is how long a name may be that is taken for one where nothing says that there is one.
const maxWord = 256

// isWord reports whether s looks like the name of a field.
func isWord(s string) bool {
	return s != "" && len(s) <= maxWord && strings.IndexByte("[]:", s[0]) < 0 && all(s, wordByte)
}

// isBinary reports whether bytes are no text: more than one of 32 is a control character, where one of
// nine is in random bytes and next to none in text, whatever its encoding.
func isBinary(s string) bool {
	n := 0
	for i := range len(s) {
		n += int(byteClass[s[i]] & controlByte)
	}
	return n/controlByte > len(s)/32
}

// isForm reports whether a body of no such type is a form all the same: pairs of a name and a value,
// encoded as browsers do it, so that no byte separates anything but "&" and "=".
func isForm(s string) bool {
	s = strings.TrimRight(s, "\r\n")
	pairs := 0
	for s != "" {
		pair, rest, _ := strings.Cut(s, "&")
		s = rest
		name, value, found := strings.Cut(pair, "=")
		if pair != "" && !isWord(name) {
			return false
		}
		for i := range len(value) {
			if value[i] <= ' ' {
				return false
			}
		}
		if found {
			pairs++
		}
	}
	return pairs > 0
}

// trimStart cuts white space in front of a body.
func trimStart(s string) string {
	for s != "" && (s[0] == ' ' || '\t' <= s[0] && s[0] <= '\r') {
		s = s[1:]
	}
	return s
}

// looksMultipart finds the boundary of a body that begins as multipart bodies do: a delimiter, and a
// part with a disposition.
func looksMultipart(s string) (boundary string, ok bool) {
	s, ok = strings.CutPrefix(s, "--")
	if !ok {
		return "", false
	}
	line, rest, ok := strings.Cut(s, "\n")
	boundary = strings.TrimRight(line, "\r \t")
	if !ok || boundary == "" || len(boundary) > 200 || strings.ContainsAny(boundary, "\"\\\x00") {
		return "", false
	}
	const field = "content-disposition:"
	head := rest[:min(len(rest), 4<<10)]
	for head != "" {
		line, head, _ = strings.Cut(head, "\n")
		if len(line) >= len(field) && EqualKeys(line[:len(field)], field) {
			return boundary, true
		}
		if strings.TrimRight(line, "\r") == "" {
			break
		}
	}
	return "", false
}
