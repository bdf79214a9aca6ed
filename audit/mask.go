package audit

import (
	"strconv"
	"strings"
)

// Placeholders. What they replace never reaches a sink.
const (
	masked      = "[masked]"
	maskedCard  = "[card]"
	maskedJWT   = "[jwt]"
	maxTextSize = 1024 // of MaskText
)

// Mask returns the value that a rule matched in target ("ARGS:q", "REQUEST_BODY") as it
// may be written: valid UTF-8, at most 200 bytes and then an ellipsis, without secrets.
//
// If the name of the target tells that the value is a secret, as in ARGS:password,
// ARGS:json.user.apiKey, REQUEST_HEADERS:Authorization or any REQUEST_COOKIES, the whole
// value is replaced by its length. Cookie headers keep the names. In any other value the
// secrets described at MaskText are replaced.
//
// Callers pass the value uncut: half a token or card number is not recognized.
func Mask(target, value string) string {
	if value == "" || wholeMasked(value) {
		return value
	}
	collection, name, named := strings.Cut(strings.TrimLeft(target, "&!"), ":")
	collection = strings.ToUpper(collection)
	kind := inText
	switch {
	case strings.HasSuffix(collection, "_NAMES"):
	case named && cookieHeader(name) != notCookie:
		return finish(maskCookies(value, cookieHeader(name)), maxValueBytes)
	case collection == "REQUEST_COOKIES", named && sensitive(name), !named && sensitive(collection):
		return "[masked " + strconv.Itoa(len(value)) + " bytes]"
	case collection == "REQUEST_FILENAME", collection == "REQUEST_BASENAME":
		kind = inPath
	}
	return finish(mask(value, maxValueBytes, kind), maxValueBytes)
}

// MaskText returns free text, such as an expanded rule message or an error, as it may be
// written: valid UTF-8, at most 1 KiB and then an ellipsis, and without
//
//   - values of keys that name a secret, in queries, forms, JSON, XML, multipart parts,
//     header lines and assignments ("token=x", `"token":"x"`, "<token>x</token>");
//   - cookie values and credentials of the schemes Bearer and Basic, passwords in URLs;
//   - JSON web tokens;
//   - numbers of 13 to 19 digits with a valid check digit, as payment cards have.
//
// Percent-encoding does not hide them: text that turns out to hold a secret only after
// decoding is returned decoded. Where a value ends is not always clear; in doubt more is
// replaced, up to the end of the line.
func MaskText(s string) string {
	return finish(mask(s, maxTextSize, inText), maxTextSize)
}

// finish makes text of a client fit for any sink.
func finish(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit+len(ellipsis) && strings.HasSuffix(s, ellipsis) {
		return s // cut before
	}
	return cut(s, limit)
}

// wholeMasked reports whether Mask has already replaced the whole value.
func wholeMasked(s string) bool {
	digits, ok := strings.CutPrefix(s, "[masked ")
	if !ok {
		return false
	}
	digits, ok = strings.CutSuffix(digits, " bytes]")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == "" && len(digits) <= 10
}

// Bounds of the work that one value can cause.
const (
	maxScanBytes = 8192 // of a value that are looked at
	lookahead    = 512  // at the end of a cut value, only to recognize what starts before it
	maxDecodings = 3    // of percent-encoding, one within the other
)

// mask replaces secrets in s and cuts the rest at about limit bytes; cut has the last
// word. It allocates nothing if there is nothing to do.
func mask(s string, limit int, kind textKind) string {
	shortened := len(s) > maxScanBytes
	if shortened {
		s = s[:runeStart(s, maxScanBytes)]
	}
	// Each decoding shrinks text to a third at worst, so earlier rounds keep more.
	keep := limit
	encoded := strings.IndexByte(s, '%') >= 0
	if encoded {
		keep *= 27
	}
	result, ragged := scan(s, keep, shortened, kind)
	shortened = shortened || ragged
	if encoded {
		text := result
		for range maxDecodings {
			decoded := decodePercent(text)
			if decoded == text {
				break
			}
			keep /= 3
			if text, ragged = scan(decoded, keep, ragged, kind); text != decoded {
				result = text
			}
			shortened = shortened || ragged
		}
	}
	if shortened && len(result) <= limit {
		return result + ellipsis
	}
	return cut(result, limit)
}

// decodePercent decodes every valid percent sequence once and leaves the others alone.
func decodePercent(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	var out []byte
	last := 0
	for ; i+2 < len(s); i++ {
		if s[i] != '%' || !hexDigit(s[i+1]) || !hexDigit(s[i+2]) {
			continue
		}
		out = append(out, s[last:i]...)
		out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
		i += 2
		last = i + 1
	}
	if out == nil {
		return s
	}
	return string(append(out, s[last:]...))
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// saying is a rule's message without the value that has matched, if that is a secret by the name of its target: it would
// be one in the message, too, where nothing tells so.
func (r *Rule) saying() string {
	if r.Value == "" || !strings.Contains(r.Message, r.Value) {
		return r.Message
	}
	if whole := Mask(r.Target, r.Value); wholeMasked(whole) {
		return strings.ReplaceAll(r.Message, r.Value, whole)
	}
	return r.Message
}
