package reading

import (
	"html"
	"strings"
)

// addPart adds what a part says. It says why the part is refused, if it is.
func (v *Values) addPart(m *multipartBody, p *part) (why string) {
	m.size += len(p.data)
	if !p.named && !m.form {
		p.name = p.contentID
	}
	v.put(MultipartName, p.name, p.name)
	v.partHeaders(p)
	decoded, coded, ok := v.transferDecoded(p)
	if !ok {
		return "multipart part in a transfer encoding that is not read"
	}
	file := p.filename != "" || p.extended != ""
	switch {
	case file:
		if m.files++; m.files > maxFiles {
			return "multipart body with more than 256 files"
		}
		if why = v.addFile(p); why != "" {
			return why
		}
	case !p.named && !isText(p.data):
		m.files++
	}
	if p.filename == "" && (p.named || !file && isText(p.data)) {
		if why = v.addField(p, p.data); why == "" && coded {
			why = v.addField(p, decoded)
		}
		return why
	}
	v.fileContent(p, p.data)
	if coded {
		v.fileContent(p, decoded)
	}
	return ""
}

// addField adds a field with its text. A part of another multipart body is one too if it is named, or if it is
// text: rack and Python's cgi read them as forms. A file that has only the extended name is a field to the
// parsers that do not know this, so it is one here too.
func (v *Values) addField(p *part, text string) (why string) {
	if p.charset != "" {
		return "multipart field in a charset that is not read"
	}
	if EqualKeys(p.name, "_charset_") && text != "" && !plainCharset(strings.TrimSpace(text)) {
		return "multipart body in a charset that is not read"
	}
	if p.named || !isXML(p.kind) {
		v.put(ArgsPost, p.name, text)
	}
	if !isXML(p.kind) {
		v.languages(ArgsPost, p.name, text)
	}
	for _, name := range v.otherNames(p.name) {
		if name != "" {
			v.put(MultipartName, name, name)
			v.put(ArgsPost, name, text)
		}
	}
	if p.hasExtended {
		v.fileContent(p, text)
	}
	if isXML(p.kind) {
		_, why = v.xmlDocument(text)
	}
	return why
}

// isXML and isJSON report whether a media type, without its parameters, is that of such text.
func isXML(kind string) bool {
	return EqualKeys(kind, "text/xml") || EqualKeys(kind, "application/xml") || hasSuffixFold(kind, "+xml")
}

func isJSON(kind string) bool {
	return EqualKeys(kind, "application/json") || hasSuffixFold(kind, "+json")
}

func hasSuffixFold(s, word string) bool {
	return len(s) >= len(word) && EqualKeys(s[len(s)-len(word):], word)
}

// addFile adds the names of a file. Which of two is the name is up to the application.
func (v *Values) addFile(p *part) (why string) {
	first, second := p.extended, p.filename
	if p.hasExtended {
		v.put(MultipartFilenameCharset, p.name, p.nameCharset)
		v.put(MultipartFilenameLanguage, p.name, p.language)
	}
	if first == "" || first == second {
		first, second = p.filename, ""
	}
	v.put(FilesNames, "", p.name)
	for _, name := range v.otherNames(p.name) {
		if name != "" {
			v.put(FilesNames, "", name)
		}
	}
	size := v.itoa(len(p.data))
	v.addFileName(p, first, size)
	if second != "" {
		v.addFileName(p, second, size)
	}
	if p.filename == "" {
		return ""
	}
	for _, name := range v.otherNames(p.filename) {
		if name != "" {
			v.addFileName(p, name, size)
		}
	}
	if strings.IndexByte(p.filename, '&') >= 0 { // Django reads references, also without a semicolon
		if name := html.UnescapeString(p.filename); name != p.filename {
			v.addFileName(p, name, size)
		}
	}
	if strings.Contains(p.filename, "=?") {
		name, ok := encodedWords(p.filename)
		if !ok {
			return "multipart file name of an unusual form"
		}
		v.addFileName(p, name, size)
	}
	return ""
}

func (v *Values) addFileName(p *part, name, size string) {
	v.put(MultipartFilename, p.name, name)
	v.put(Files, "", name)
	v.put(FilesSizes, name, size)
}

// partHeaders adds the header fields of a part as "Name: value", the name in canonical case.
func (v *Values) partHeaders(p *part) {
	for head, more := p.head, true; more; {
		var line string
		line, head, more = strings.Cut(head, "\r\n")
		line = strings.Trim(line, " \t")
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimLeft(value, " \t")
		if len(name)+len(": ")+len(value) != len(line) || !isCanonical(name) || line[len(name)+1] != ' ' {
			line = v.canonicalField(name, value)
		}
		v.put(MultipartPartHeaders, p.name, line)
	}
}

// isCanonical reports whether a token has the case that net/textproto gives it: upper at the
// start and behind a hyphen, lower elsewhere.
func isCanonical(name string) bool {
	for i := range len(name) {
		if name[i] != canonicalByte(name, i) {
			return false
		}
	}
	return true
}

func canonicalByte(name string, i int) byte {
	c := lowerByte(name[i])
	if 'a' <= c && c <= 'z' && (i == 0 || name[i-1] == '-') {
		c -= 0x20
	}
	return c
}

func (v *Values) canonicalField(name, value string) string {
	v.arena.room(len(name) + len(": ") + len(value))
	from := len(v.arena.buf)
	for i := range len(name) {
		v.arena.buf = append(v.arena.buf, canonicalByte(name, i))
	}
	v.arena.buf = append(append(v.arena.buf, ": "...), value...)
	return v.arena.since(from)
}
