package reading

import (
	"strings"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/message"
)

// What is looked at in files. Rules for fields would take every second honest file for an attack:
// source code, logs, books. So by default rules are not shown what a file says but what it could do:
// text that a server or a browser would carry out, in a file of a kind in which it would.

// leftFiles is the word for contents of files that rules do not see.
const leftFiles = "files"

const (
	maxFileText = 64 << 10 // of a file that is shown as a field
	maxExcerpt  = 4 << 10  // of active content
)

// fileContent adds what the contents of a file could do.
func (v *Values) fileContent(p *part, data string) {
	if data == "" {
		return
	}
	if isJSON(p.kind) {
		v.embedded(ArgsPost, p.name, data) // Spring reads such a part into an object, whatever its name is
	}
	if v.Options.Files == FilesSkip {
		v.leave(leftFiles)
		return
	}
	text := v.fileText(data)
	class := classify(p, data)
	if i := active(class, text); i >= 0 {
		v.put(FilesTmpContent, p.name, text[i:min(len(text), i+maxExcerpt)])
	}
	shown := 0
	if v.Options.Files == FilesAll && isText(text) {
		shown = min(len(text), maxFileText)
		v.put(ArgsPost, p.name, text[:shown])
	}
	if shown < len(text) {
		v.leave(leftFiles) // it was searched for what is active, and no more
	}
}

// fileText is the text of a file in UTF-16, or the file as it is.
func (v *Values) fileText(data string) string {
	low := 0
	switch {
	case strings.HasPrefix(data, "\xff\xfe"), strings.HasPrefix(data, "<\x00"):
	case strings.HasPrefix(data, "\xfe\xff"), strings.HasPrefix(data, "\x00<"):
		low = 1
	default:
		return data
	}
	data = data[:min(len(data), 2*maxFileText)]
	v.arena.room(len(data) / 2)
	from := len(v.arena.buf)
	for i := 0; i+1 < len(data); i += 2 {
		c := data[i+low]
		if data[i+1-low] != 0 {
			c = '?' // no letter that a marker has
		}
		v.arena.buf = append(v.arena.buf, c)
	}
	return strings.TrimPrefix(v.arena.since(from), "?")
}

// isText reports whether the beginning of a file looks like text: no control bytes but those of text.
func isText(data string) bool {
	data = data[:min(len(data), 4<<10)]
	for i := range len(data) {
		if c := data[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b || c == 0x7f {
			return false
		}
	}
	if utf8.ValidString(data) {
		return true
	}
	other := 0 // ISO-8859-1 and its kin: mostly ASCII
	for i := range len(data) {
		if data[i] >= 0x80 {
			other++
		}
	}
	return other*4 <= len(data)
}

// class is a kind of files by what carries out the text in them.
type class uint8

const (
	document class = iota // whatever is not of another class
	media                 // images, sound, film, fonts: no place for programs
	page                  // a server that finds it below its root runs it
	drawing               // SVG: a browser runs the scripts in it
)

// classify says of what class a file is by everything that an application may decide by: name, media
// type, first bytes.
func classify(p *part, data string) class {
	c := document
	for _, name := range [...]string{p.filename, p.extended} {
		for name != "" {
			var piece string
			if i := strings.IndexAny(name, ".;:%\x00/ "); i >= 0 {
				piece, name = name[:i], name[i+1:]
			} else {
				piece, name = name, ""
			}
			c = max(c, classOfExtension(piece))
		}
	}
	switch {
	case c == page:
	case hasPrefixFold(p.kind, "image/svg"), strings.Contains(data[:min(len(data), 1<<10)], "<svg"):
		c = drawing
	case hasPrefixFold(p.kind, "image/"), hasPrefixFold(p.kind, "audio/"), hasPrefixFold(p.kind, "video/"), hasPrefixFold(p.kind, "font/"):
		c = max(c, media)
	}
	for _, magic := range [...]string{"GIF8", "\x89PNG", "\xff\xd8\xff", "BM", "RIFF", "II*\x00", "MM\x00*", "ID3", "OggS", "\x00\x00\x01\x00"} {
		if strings.HasPrefix(data, magic) {
			c = max(c, media)
		}
	}
	return c
}

// classOfExtension knows what stands behind a dot in a file's name.
func classOfExtension(word string) class {
	if len(word) < 2 || len(word) > 6 {
		return document
	}
	var buf [6]byte
	for i := range len(word) {
		buf[i] = lowerByte(word[i])
	}
	switch string(buf[:len(word)]) {
	case "php", "php3", "php4", "php5", "php7", "php8", "phps", "pht", "phtml", "phar", "inc", "asp", "aspx", "asa", "asax", "ascx",
		"ashx", "asmx", "cer", "cdx", "cshtml", "vbhtml", "jsp", "jspx", "jspf", "jsw", "jsv", "jtml", "cfm", "cfml", "cfc", "shtml", "stm", "shtm", "cgi", "fcgi":
		return page
	case "svg", "svgz":
		return drawing
	case "png", "jpg", "jpeg", "gif", "webp", "bmp", "ico", "tif", "tiff", "avif", "heic", "heif", "mp3", "mp4", "m4a", "mov", "avi", "mkv", "webm",
		"wav", "ogg", "flac", "woff", "woff2", "ttf", "otf", "jfif":
		return media
	}
	return document
}

// active finds the first active content in a file of a class; -1 if there is none.
func active(c class, data string) int {
	begin := strings.TrimLeft(strings.TrimPrefix(data, "\xef\xbb\xbf"), " \t\r\n")
	from := len(data) - len(begin)
	text := c == page || c == drawing || isText(data)
	if hasAnyPrefix(begin, "<?php", "<?=", "<%@") || c != document && strings.HasPrefix(begin, "#!") {
		return from
	}
	if !strings.HasPrefix(begin, "<") && c == document {
		return -1
	}
	at, inTag := 0, false
	for at < len(data) {
		i := nextMark(data[at:], c)
		if i < 0 {
			return -1
		}
		at += i
		rest := data[at:]
		switch rest[0] {
		case '<':
			inTag = true
			if programmed(c, rest, text) || c != media && strings.HasPrefix(begin, "<") && declares(rest) {
				return at
			}
		case '>':
			inTag = false
		default:
			if inTag && c == drawing && at > 0 && handles(data[at-1], rest) {
				return at
			}
		}
		at++
	}
	return -1
}

// nextMark finds the next byte at which active content can begin.
func nextMark(s string, c class) int {
	if c != drawing {
		return strings.IndexByte(s, '<')
	}
	for i := range len(s) {
		switch s[i] {
		case '<', '>', 'o', 'O', 'j', 'J':
			return i
		}
	}
	return -1
}

// programmed reports whether s, which has a "<" at its beginning, begins with a program, in a file of a class.
// In a file that is not text, two letters may be anything: text has to follow them.
func programmed(c class, s string, text bool) bool {
	if c == document || len(s) < 3 {
		return false
	}
	switch s[1] {
	case '?':
		return hasPrefixFold(s, "<?php") || (s[2] == '=' || s[2] <= ' ') && (text || printable(s[3:], 8))
	case '%':
		return text || printable(s[2:], 16)
	case '!':
		return text && strings.HasPrefix(s, "<!--#")
	case 'i', 'I', 'e', 'E', 'o', 'O':
		return text && c != page && hasAnyPrefix(s, "<iframe", "<embed", "<object")
	}
	if !text {
		return hasAnyPrefix(s, "<jsp:", "<script language=\"php", "<script runat")
	}
	return tagNamed(s, "script") || c == page && hasPrefixFold(s, "<cf") || hasPrefixFold(s, "<jsp:")
}

// printable reports whether s begins with n bytes of text.
func printable(s string, n int) bool {
	if len(s) < n {
		return false
	}
	for i := range n {
		if c := s[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' || c >= 0x7f {
			return false
		}
	}
	return true
}

// tagNamed reports whether s begins with the start of an element of a name that may have a prefix.
func tagNamed(s, name string) bool {
	start, i := 1, 1
	for ; i < min(len(s), 64); i++ {
		if s[i] == ':' {
			start = i + 1
		} else if !message.IsTokenByte(s[i]) {
			break
		}
	}
	return EqualKeys(s[start:i], name)
}

// handles reports whether s begins with the handler of an event, an attribute, or a link to a script.
func handles(before byte, s string) bool {
	if before == '"' || before == '\'' || before == '=' || before <= ' ' {
		if hasPrefixFold(s, "javascript:") {
			return true
		}
	}
	if before > ' ' && before != '"' && before != '\'' && before != '/' || !hasPrefixFold(s, "on") {
		return false
	}
	i := 2
	for i < min(len(s), 40) && 'a' <= lowerByte(s[i]) && lowerByte(s[i]) <= 'z' {
		i++
	}
	return i >= 5 && strings.HasPrefix(strings.TrimLeft(s[i:min(len(s), i+40)], " \t\r\n"), "=")
}

func hasAnyPrefix(s string, words ...string) bool {
	for _, word := range words {
		if hasPrefixFold(s, word) {
			return true
		}
	}
	return false
}

// knownDTDs are whose document types honest files name.
var knownDTDs = [...]string{
	"www.w3.org", "www.apple.com", "java.sun.com", "xmlns.jcp.org", "hibernate.org", "www.hibernate.org", "hibernate.sourceforge.net",
	"www.springframework.org", "mybatis.org", "struts.apache.org", "logging.apache.org", "www.oasis-open.org", "www.docbook.org",
	"checkstyle.org", "www.puppycrawl.com", "www.jboss.org", "ibatis.apache.org", "my.netscape.com", "www.openmobilealliance.org",
}

// declares reports whether s begins with a declaration that makes an XML parser fetch something, or
// write an entity out of others or of elements: what document types are abused for.
func declares(s string) bool {
	entity := hasPrefixFold(s, "<!ENTITY")
	if !entity && !hasPrefixFold(s, "<!DOCTYPE") {
		return false
	}
	s = s[1:]
	ends := "<>["
	if entity {
		ends = "<>"
	}
	end := strings.IndexAny(s, ends)
	if end < 0 {
		return false // the document is not whole
	}
	if entity {
		return s[end] == '<' || containsFold(s[:end], "system") || containsFold(s[:end], "public") || strings.ContainsAny(s[:end], "%&")
	}
	s = s[:end]
	if !containsFold(s, "system") && !containsFold(s, "public") {
		return false
	}
	at := strings.LastIndex(s, "://")
	if at < 0 {
		return containsFold(s, "file:") || strings.Contains(s, `"/`) || strings.Contains(s, `'/`) || strings.Contains(s, `\\`)
	}
	host, _, _ := strings.Cut(s[at+len("://"):], "/")
	for _, known := range knownDTDs {
		if EqualKeys(host, known) {
			return false
		}
	}
	return true
}
