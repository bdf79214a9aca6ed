package agreement

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/waf/reading"
)

// seen is what the rules are shown of a request, ready to be searched.
type seen struct {
	err   string            // why the request cannot be read; empty if it can
	as    string            // what the body was read as: REQBODY_PROCESSOR
	form  bool              // that is a form, and what a form parser takes it for
	texts map[string]string // by form of text: all keys and values, separated by separator
}

// separator stands between values, so that nothing is found across two.
const separator = "\x1e\x1f\x1e"

// wholes are the kinds that hold a message or a piece of its head as it came. Nearly no rule
// looks at them, so what is only there has not been shown.
var wholes = map[reading.Kind]bool{
	reading.QueryString: true, reading.RequestBasename: true, reading.RequestBody: true,
	reading.RequestFilename: true, reading.RequestHeaders: true, reading.RequestHeadersNames: true,
	reading.RequestLine: true, reading.RequestURI: true, reading.RequestURIRaw: true,
	reading.MultipartPartHeaders: true, reading.ReqbodyErrorMsg: true, reading.ReqbodyProcessorErrorMsg: true,
}

// show reads a request as the tier does.
func show(r *request) seen {
	v := new(reading.Values)
	v.Head(&reading.Request{
		Method: r.method, Target: r.target(), Protocol: "HTTP/1.1", Host: "agree.test",
		Headers: r.fields("agree.test"), ClientAddr: "192.0.2.1", ServerAddr: "192.0.2.2", ID: "id",
	})
	mediaType, _ := v.First(reading.RequestHeaders, "content-type")
	v.Body(v.Text(reading.ReqbodyProcessor), mediaType.Text, []byte(r.body), true)
	var s seen
	if v.Text(reading.ReqbodyError) != "0" {
		s.err = v.Text(reading.ReqbodyErrorMsg)
	}
	s.as = v.Text(reading.ReqbodyProcessor)
	s.form = s.as == "URLENCODED" || s.as == "MULTIPART" && strings.HasPrefix(strings.ToLower(r.contentType), "multipart/")
	var b, heads strings.Builder
	for _, x := range v.All() {
		switch {
		case !wholes[x.Kind]:
			b.WriteString(separator + x.Key + separator + x.Text)
		case x.Kind == reading.MultipartPartHeaders: // Rack calls a part by its type that has no name
			heads.WriteString(separator + x.Text)
		}
	}
	b.WriteString(separator)
	s.texts = map[string]string{
		"": b.String(), "ascii": ascii(b.String()), "name": bareName(b.String() + heads.String()),
		"plain": withoutSyntax(ascii(b.String())),
	}
	return s
}

// has reports whether a value was shown. Nothing is decoded for it. What is not ASCII is one unknown
// character, since parsers have their own opinions about charsets and about bytes that are no
// characters; Ruby puts "?" in their place, and passes over the character behind it.
func (s *seen) has(value string) bool {
	value = strings.TrimSpace(value)
	if strings.Contains(s.texts[""], value) {
		return true
	}
	value = ascii(value)
	if strings.Contains(s.texts["ascii"], value) {
		return true
	}
	before, after, found := strings.Cut(value, "?")
	return found && strings.Contains(s.texts["ascii"], before+unknown) && s.has(after)
}

// reads reports whether what a parser has read was shown.
func (s *seen) reads(e entry) bool {
	value := constant(e.value) || s.has(e.value) || s.has(unescape(e.value))
	switch {
	case e.where == "xml" && isWord(e.name):
		// Names of XML have no characters with which an attack could be written.
		return value
	case e.where == "form" && !s.form:
		// The body is no form. A form parser finds names in it that no application asks for, and
		// values with the quotes, commas and brackets of JSON in them.
		return !isWord(e.name) || value || s.as == "JSON" && strings.Contains(s.texts["plain"], withoutSyntax(ascii(e.value)))
	}
	return value && s.hasName(e.name)
}

// isWord reports whether an application may have called a field so.
func isWord(name string) bool {
	return name != "" && len(name) <= 64 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:") == ""
}

func withoutSyntax(s string) string {
	return strings.NewReplacer(`"`, "", ",", "", ":", "", "{", "", "}", "", "[", "", "]", "", " ", "").Replace(s)
}

// unescape decodes escapes that a parser has left as they are, since something in the same
// value is wrong. The rules may be shown the value decoded.
func unescape(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi := strings.IndexByte(digits, s[i+1]|0x20)
			lo := strings.IndexByte(digits, s[i+2]|0x20)
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// constant reports whether a value is a number or a word of JSON, which each parser spells in
// its own way and which harms nobody.
func constant(value string) bool {
	_, err := strconv.ParseFloat(value, 64)
	return err == nil || errors.Is(err, strconv.ErrRange) || value == "true" || value == "false" || value == "null"
}

// hasName is has for a name: what parsers put in place of dots, brackets and blanks does not
// count.
func (s *seen) hasName(name string) bool {
	if s.has(name) || s.has(unescape(name)) || strings.Contains(s.texts["name"], bareName(name)) {
		return true
	}
	// Node's qs puts names together from what stands in several pairs.
	pieces := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("=[]", r) })
	return len(pieces) > 1 && !slices.ContainsFunc(pieces, func(p string) bool { return !constant(p) && !s.hasName(p) })
}

// unknown stands for what is not ASCII.
const unknown = string(utf8.RuneError)

// ascii replaces each run of bytes that are not ASCII, and makes all white space one kind: XML
// does so in attributes.
func ascii(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch {
		case strings.IndexByte("\t\r\n", s[i]) >= 0:
			b.WriteByte(' ')
		case s[i] < utf8.RuneSelf:
			b.WriteByte(s[i])
		case i == 0 || s[i-1] < utf8.RuneSelf:
			b.WriteString(unknown)
		}
	}
	return b.String()
}

// bareName keeps the letters and digits of a name, and what separates names.
func bareName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\x1e' || r == '\x1f' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r | 0x20
		case r == '\u212a':
			return 'k'
		}
		return -1
	}, s)
}
