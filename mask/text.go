package mask

import (
	"math"
	"strings"
)

// Bytes that are kept of a value and of free text.
const (
	valueBytes = 200
	textBytes  = 1024
)

// Value returns the value that a rule matched in target ("ARGS:q", "REQUEST_BODY") as it
// may be written: valid UTF-8, at most 200 bytes and then an ellipsis, without secrets.
//
// If the name of the target tells that the value is a secret, as in ARGS:password,
// ARGS:json.user.apiKey, REQUEST_HEADERS:Authorization or any REQUEST_COOKIES, the whole
// value is replaced by its length, and so it is of XML:/*, which names no element. Cookie
// headers keep the names. In any other value the secrets described at Text are replaced.
//
// Callers pass the value uncut: half a token or card number is not recognized.
func (p *Policy) Value(target, value string) string {
	if value == "" || wholeMasked(value) {
		return value
	}
	collection, name, named := strings.Cut(strings.TrimLeft(target, "&!"), ":")
	if collection = strings.ToUpper(collection); collection == "MATCHED_VARS" {
		return p.Value(name, value) // MATCHED_VARS:ARGS:q
	}
	kind := inText
	switch {
	case strings.HasSuffix(collection, "_NAMES"):
	case named && cookieHeader(name) != notCookie:
		return finish(p.cookies(value, cookieHeader(name), maxScanBytes), valueBytes)
	case named && strings.EqualFold(name, protocolHeader):
		return finish(p.protocols(value), valueBytes)
	case collection == "XML", collection == "REQUEST_XML": // the target does not tell in which element the text stands
		return p.hideAll(value)
	case collection == "REQUEST_COOKIES", named && p.secretField(name), !named && p.sensitive(collection):
		return p.hideAll(value)
	case collection == "REQUEST_BASENAME" && len(value) >= leastBasename && madeByChance(value): // what stands before it is not told
		return p.hideAll(value)
	case collection == "REQUEST_FILENAME", collection == "REQUEST_BASENAME":
		kind = inPath
	}
	return p.finished(value, kind)
}

func (p *Policy) finished(value string, kind textKind) string {
	return finish(p.mask(value, valueBytes, kind), valueBytes)
}

// secretField reports whether the field of a target is secret: by its name, or by where it stands in JSON.
func (p *Policy) secretField(name string) bool {
	return p.sensitive(name) || p.secretPlace(name)
}

// Text returns free text, such as an expanded rule message or an error, as it may be
// written: valid UTF-8, at most 1 KiB and then an ellipsis, and without
//
//   - values of keys that name a secret, in queries, forms, JSON, XML, multipart parts,
//     header lines and assignments ("token=x", `"token":"x"`, "<token>x</token>");
//   - cookie values and credentials of the schemes Bearer and Basic, passwords in URLs;
//   - JSON web tokens, keys of known services, private keys;
//   - numbers of 13 to 19 digits with a valid check digit, as payment cards have;
//   - what the operator's patterns match, and addresses of e-mail if asked.
//
// Percent-encoding does not hide them: text that turns out to hold a secret only after
// decoding is returned decoded. Where a value ends is not always clear; in doubt more is
// replaced, up to the end of the line.
func (p *Policy) Text(s string) string {
	return finish(p.mask(s, textBytes, inText), textBytes)
}

// Short is Text of about limit bytes at most, which may hold what is no UTF-8.
func (p *Policy) Short(s string, limit int) string { return p.mask(s, limit, inText) }

// Path is the path of a request, of about limit bytes: matrix parameters and tokens within it are masked.
func (p *Policy) Path(s string, limit int) string { return p.mask(s, limit, inPath) }

// Found is Value of what was found in a bigger text, some of which is around it. It is masked whole if that tells that it is a secret, and what
// rules find in XML only if that tells that it is, or does not tell anything.
func (p *Policy) Found(target, value, around string) string {
	if around == "" || value == "" || wholeMasked(value) {
		return p.Value(target, value)
	}
	told := ""
	if of := strings.TrimPrefix(target, "MATCHED_VARS:"); strings.HasPrefix(of, "XML:") || strings.HasPrefix(of, "REQUEST_XML:") {
		told = p.finished(value, inText)
	} else if told = p.Value(target, value); wholeMasked(told) {
		return told
	}
	if !strings.Contains(p.whole(around, false, inText), strings.TrimSuffix(told, Ellipsis)) {
		return p.hideAll(value)
	}
	return told
}

// Message is a rule's message without the value that has matched, if that is a secret by the name of its target or what is around it:
// it would be one in the message, too, where nothing tells so.
func (p *Policy) Message(target, value, around, message string) string {
	if value == "" || !strings.Contains(message, value) {
		return message
	}
	if whole := p.Found(target, value, around); wholeMasked(whole) {
		return strings.ReplaceAll(message, value, whole)
	}
	return message
}

// Bounds of the work that one value can cause.
const (
	maxScanBytes = 8192 // of a value that are looked at
	lookahead    = 512  // at the end of a cut value, only to recognize what starts before it
	maxDecodings = 3    // of percent-encoding, one within the other
)

// mask replaces secrets in s and cuts the rest at about limit bytes; Cut has the last
// word. It allocates nothing if there is nothing to do.
func (p *Policy) mask(s string, limit int, kind textKind) string {
	shortened := len(s) > maxScanBytes
	if shortened {
		s = s[:runeStart(s, maxScanBytes)]
	}
	result, ragged := p.rounds(s, limit, shortened, kind)
	if (shortened || ragged) && len(result) <= limit {
		return result + Ellipsis
	}
	return Cut(result, limit)
}

// whole replaces secrets in all of s. If s is ragged, its last bytes go, as what they begin cannot be told.
func (p *Policy) whole(s string, ragged bool, kind textKind) string {
	result, _ := p.rounds(s, everything, ragged, kind)
	return result
}

// everything is no limit.
const everything = math.MaxInt / 27

// rounds replaces secrets in s, and those that appear when it is decoded, in about limit bytes. It reports whether
// what it returns ends before s does.
func (p *Policy) rounds(s string, limit int, ragged bool, kind textKind) (result string, shortened bool) {
	if strings.IndexByte(s, '%') < 0 {
		result, shortened = p.scan(s, limit, ragged, kind)
		return p.unwrap(result, shortened, kind), shortened
	}
	keep := limit
	if limit != everything {
		keep *= 27 // each decoding shrinks text to a third at worst, so earlier rounds keep more
	}
	result, ragged = p.scan(s, keep, ragged, kind)
	shortened = ragged
	text := result
	for range maxDecodings {
		decoded := decodePercent(text)
		if decoded == text {
			break
		}
		if limit != everything {
			keep /= 3
		}
		if text, ragged = p.scan(decoded, keep, ragged, kind); text != decoded {
			result = text
		}
		shortened = shortened || ragged
	}
	// Base64 is the last thing that is looked at, as what stands in its place may take a part of a name with it.
	if told := p.unwrap(text, shortened, kind); told != text {
		result = told
	}
	return result, shortened
}
