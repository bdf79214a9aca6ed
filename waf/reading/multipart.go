package reading

import "strings"

// No two parsers read multipart bodies alike. So a body is read here in one way only, the way in
// which clients write it, and where a parser could see something else, the body is refused:
//
//   - The delimiter, "--" and the boundary, occurs nowhere but as a line of its own between two
//     CRLF. Some parsers look for it anywhere, some behind a bare line feed, some take a longer
//     line for it: in a body that is accepted here all find the same delimiters.
//   - Nothing but empty lines stands before the first delimiter or behind the last one. Some
//     parsers read on there.
//   - The head of a part is written to the letter: see [Values.readHead].
//
// What is ordinary and still read in two ways, such as a name with a backslash in it, is shown
// in all its readings.

// Limits of a multipart body. Beyond them it is refused.
const (
	maxParts     = argumentsLimit
	maxFiles     = 256
	maxPartHead  = 8 << 10 // bytes
	maxPartLines = 16
)

// multipartBody is what is known of a body while its parts are read.
type multipartBody struct {
	form      bool // multipart/form-data; else related, mixed and their kin
	delimiter string
	parts     int
	files     int
	size      int // of all parts
}

// multipart adds the values of a multipart body.
func (v *Values) multipart(mediaType, body string) (ok bool, why string) {
	form, boundary, why := multipartType(mediaType)
	if why == "" {
		v.arena.room(len("--") + len(boundary))
		from := len(v.arena.buf)
		v.arena.buf = append(append(v.arena.buf, "--"...), boundary...)
		m := multipartBody{form: form, delimiter: v.arena.since(from)}
		why = v.readParts(&m, body)
		v.set(FilesCombinedSize, v.itoa(m.size))
	}
	if why != "" {
		v.set(MultipartStrictError, "1")
	}
	return why == "", why
}

// readParts adds the parts of a body one by one. If it has to stop it says why.
func (v *Values) readParts(m *multipartBody, body string) (why string) {
	first := strings.Index(body, m.delimiter)
	if first < 0 {
		return "multipart body without a delimiter"
	}
	if !emptyLines(body[:first]) {
		return "multipart body with text before its first delimiter"
	}
	rest := body[first+len(m.delimiter):]
	for {
		if end, found := strings.CutPrefix(rest, "--"); found {
			if strings.Trim(end, " \t\r\n") != "" {
				v.set(MultipartDataAfter, "1")
				return "multipart body with text behind its closing delimiter"
			}
			return ""
		}
		if v.cut && (rest == "" || rest == "-" || rest == "\r") {
			return ""
		}
		if !strings.HasPrefix(rest, "\r\n") {
			return "multipart delimiter that is not a line of its own"
		}
		if m.parts == maxParts {
			v.limit()
			return "multipart body with more than 1,000 parts"
		}
		m.parts++
		var more bool
		if rest, more, why = v.readPart(m, rest[2:]); why != "" || !more {
			return why
		}
	}
}

// readPart adds the part that rest begins with, and returns what stands behind the delimiter that
// ends it. There is no more of a body that is cut within the part.
func (v *Values) readPart(m *multipartBody, s string) (rest string, more bool, why string) {
	end := strings.Index(s[:min(len(s), maxPartHead)], "\r\n\r\n")
	if end < 0 {
		if v.cut && len(s) < maxPartHead {
			return "", false, ""
		}
		return "", false, "multipart part whose head does not end"
	}
	p := part{head: s[:end]}
	s = s[end+len("\r\n\r\n"):]
	if strings.Contains(p.head, m.delimiter) {
		return "", false, "multipart delimiter within the head of a part"
	}
	if why = v.readHead(&p, m.form); why != "" {
		return "", false, why
	}
	end = strings.Index(s, m.delimiter)
	switch {
	case end >= 2 && s[end-2:end] == "\r\n":
		p.data, rest, more = s[:end-2], s[end+len(m.delimiter):], true
	case end >= 0:
		return "", false, "multipart delimiter that is not a line of its own"
	case v.cut:
		p.data = s
	default:
		return "", false, "multipart body without a closing delimiter"
	}
	if more && p.length != "" && strings.TrimLeft(p.length, "0") != strings.TrimLeft(v.itoa(len(p.data)), "0") {
		return "", false, "multipart part of another length than it says"
	}
	return rest, more, v.addPart(m, &p)
}

// emptyLines reports whether s is nothing but ends of lines.
func emptyLines(s string) bool {
	for strings.HasPrefix(s, "\r\n") {
		s = s[2:]
	}
	return s == ""
}
