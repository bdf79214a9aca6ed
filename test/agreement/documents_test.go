package agreement

import (
	"strings"
)

// json is a JSON document, or nearly one, and its media type.
func (s source) json() (contentType, body string) {
	contentType = "application/json"
	if s.one(4) {
		contentType = s.pick("Application/JSON", "application/json; charset=utf-8", "application/json;charset=utf-16", "application/vnd.api+json", "application/problem+json; x=y",
			"text/json", "application/merge-patch+json", "application/json, text/plain", "application/json-patch+json", "application/javascript", "application/ld+json",
			"application/x-json", "application/json;", "application/json ; charset=iso-8859-1", "application/jsonx", "application/geo+json")
	}
	text := s.value(3)
	switch s.IntN(30) {
	case 0:
		text = "\ufeff" + text
	case 1:
		text = wide(strings.ToValidUTF8(text, ""), s.one(2), s.one(2))
	case 2:
		text += s.odd(1, "x", "\n"+s.value(2), ",", "}", "]", "\x00", " // "+s.word(), "\x1a")
	case 3:
		n := s.IntN(600)
		text = strings.Repeat("[", n) + text + strings.Repeat("]", n)
	case 4:
		n := s.IntN(300)
		text = strings.Repeat(`{"a":`, n) + text + strings.Repeat("}", n)
	case 5:
		text = s.odd(1, " ", "\f", "\v", "\xa0", "\n", "\x00", ")]}',\n", "for(;;);", "a=", "/* c */", "\u2028") + text
	case 6:
		if s.wild {
			text = text[:s.IntN(len(text)+1)]
		}
	case 7:
		var list []string
		for range 1100 {
			list = append(list, `"`+s.word()+`"`)
		}
		text = "[" + strings.Join(list, ",") + "]"
	}
	return contentType, text
}

func (s source) value(depth int) string {
	if depth == 0 || s.one(4) {
		return s.scalar()
	}
	n := s.IntN(4)
	list := make([]string, 0, n)
	if s.one(3) {
		for range n {
			list = append(list, s.value(depth-1))
		}
		return "[" + s.join(list, ",", " , ", ",,", ",/*c*/", "\n,", ";") + s.odd(30, ",") + "]"
	}
	for range n + 1 {
		key := s.pick("a", "A", "b.c", "b", "", "__proto__", "k", "K", "\u212a", "a[b]", `\u0061`, `a\u0000b`, `a\"b`, "$ne", "@type", `\u212a`)
		if s.one(3) {
			key = s.word() + key
		}
		quote := `"`
		if s.wild && s.one(20) {
			quote = s.pick("'", "")
		}
		list = append(list, quote+key+quote+s.pick(":", ":", ": ", " : ", ":\n")+s.value(depth-1))
	}
	return "{" + s.join(list, ",", ", ", ",\n", ",,", "//c\n,", ", /**/") + s.odd(30, ",") + "}"
}

func (s source) scalar() string {
	words := []string{"true", "false", "null", "1", "-0", "0", "1.5", "1e3", "1E+2", "1e400", "123456789012345678901234567890", "0.1e-7", "1.0"}
	odds := []string{
		`\u0041`, `\u003c`, `\/`, `\"`, `\\`, `\n`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\u0000`, "\xff", "\xc0\xae", "é", "\x7f", "\u2028", "😀", "'", "&lt;",
		"%41", "+", `\b`, `\f`, "//", "/*", "\xed\xa0\x80", `\u00e9`, "=", "&", "&a=", "{", "[", "<b>",
	}
	quote := `"`
	if s.wild {
		words = append(words, "NaN", "Infinity", "-Infinity", "True", "None", "undefined", "nil", "TRUE", "012", "0x1F", ".5", "5.", "+1", "1_000", "-")
		odds = append(odds, `\x41`, `\'`, `\v`, `\0`, "\n", "\t", "\x00", `\U0041`, `\u00`, "\r", `\e`, "\\\n")
		if s.one(20) {
			quote = "'"
		}
	}
	if s.one(4) {
		return s.pick(words...)
	}
	return quote + s.around(odds...) + quote
}

// xml is an XML document, or nearly one, and its media type.
func (s source) xml() (contentType, body string) {
	contentType = s.pick("text/xml", "application/xml")
	if s.one(4) {
		contentType = s.pick("application/soap+xml; charset=utf-8; action=x", "image/svg+xml", "application/rss+xml", "Text/XML", "text/xml; charset=iso-8859-1", "text/xml; charset=utf-16",
			"application/xhtml+xml", "application/xml;", "text/xml-x", "application/atom+xml", "application/xml-dtd", "text/xsl", "application/vnd.x+xml", "text/xml, text/plain")
	}
	text := s.element(3)
	declaration := s.maybe(2, `<?xml version="1.0"?>`, `<?xml version="1.0" encoding="UTF-8"?>`, `<?xml version='1.0' encoding='utf-8' standalone='yes'?>`+"\n", `<?xml version="1.1"?>`)
	switch s.IntN(24) {
	case 0:
		declaration = "\ufeff" + declaration
	case 1:
		return contentType, wide(s.pick("", `<?xml version="1.0" encoding="UTF-16"?>`)+strings.ToValidUTF8(text, ""), s.one(2), !s.one(3))
	case 2:
		declaration = `<?xml version="1.0" encoding="` + s.pick("iso-8859-1", "windows-1252", "utf-7", "us-ascii", "IBM037", "utf-16", "x", "iso-8859-15", "koi8-r", "cp1252") + `"?>`
		text = strings.ReplaceAll(text, "é", "\xe9")
	case 3:
		declaration += s.pick("<!DOCTYPE r>", `<!DOCTYPE r SYSTEM "x.dtd">`, `<!DOCTYPE r [<!ENTITY e "`+s.word()+`">]>`, `<!DOCTYPE r [<!ATTLIST r a CDATA "`+s.word()+`">]>`,
			`<!DOCTYPE r [<!ENTITY % p "`+s.word()+`">]>`, `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///x">]>`, `<!doctype r>`)
		text = strings.Replace(text, "&lt;", "&e;", 1)
	case 4:
		declaration = s.odd(1, " ", "\n", "\x00", "x", "<!--c-->", "<?pi x?>", "<?xml-stylesheet href='x'?>") + declaration
	case 5:
		text += s.odd(1, "x", "<b/>", "\n", "<!-- c -->", "\x00", "<?pi?>", "&lt;", s.element(1))
	case 6:
		if s.wild {
			text = text[:s.IntN(len(text)+1)]
		}
	case 7:
		n := s.IntN(250)
		text = strings.Repeat("<a>", n) + text + strings.Repeat("</a>", n)
	}
	return contentType, declaration + text
}

func (s source) element(depth int) string {
	name := s.pick("a", "b", "r", "A", "soap:Body", "n:x", "param", "link", "br", "img", "é", "a-b", "a.b", "_", "script", "input")
	var b strings.Builder
	b.WriteString("<" + name)
	keys := []string{"a", "b", "href", "xml:lang", "n:y", "A", s.word(), "id", "onclick"}
	s.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for i := range s.IntN(5) / 2 {
		quote := s.pick(`"`, `"`, "'")
		if s.wild && s.one(20) {
			quote = ""
		}
		key := keys[i]
		b.WriteString(s.pick(" ", "  ", "\n", "\t") + key + s.pick("=", "=", "=", " = ") + quote + s.text(true) + quote)
	}
	if s.one(6) {
		b.WriteString(s.pick(` xmlns="urn:x"`, ` xmlns:n="urn:`+s.word()+`"`, ` xmlns:soap='urn:s'`, ` xsi:schemaLocation="a b"`))
	}
	if s.one(8) {
		b.WriteString(s.pick("/>", " />"))
		return b.String()
	}
	b.WriteString(s.pick(">", ">", " >"))
	for range 1 + s.IntN(4) {
		switch s.IntN(6) {
		case 0:
			b.WriteString("<![CDATA[" + s.around("]", "<", "&lt;", "]]", "\n", "&", "<b>", "\r\n", "]]]", "%41") + "]]>")
		case 1:
			b.WriteString("<!--" + s.around(" ", "<", "&", "->", s.odd(1, "-", "--")) + "-->")
		case 2:
			b.WriteString(s.pick("<?pi "+s.word()+"?>", "<?php echo?>", "<?"+s.word()+"?>"))
		case 3:
			if depth > 0 {
				b.WriteString(s.element(depth - 1))
			}
		default:
			b.WriteString(s.text(false))
		}
	}
	end := name
	if s.wild && s.one(25) {
		end = s.pick("x", strings.ToUpper(name), "")
	}
	b.WriteString("</" + end + s.pick(">", ">", " >", "\n>"))
	return b.String()
}

func (s source) text(attribute bool) string {
	odds := []string{
		"&lt;", "&amp;", "&quot;", "&apos;", "&gt;", "&#65;", "&#x41;", "&#xe9;", "&#x1F600;", "é", "\n", "\r\n", "\t", "\r", "&#10;", "&#13;", "😀", ">", "&#x00041;",
		"%41", "+", "]", "=", "\u2028", "\u0085", "  ",
	}
	if s.wild {
		odds = append(odds, "&#0;", "&AMP;", "&nbsp;", "&", "&#xD800;", "\xff", "&lt", "&#65", "&#X41;", "&#1;", "&eacute;", "\x01")
	}
	switch {
	case attribute && s.wild:
		odds = append(odds, "<", "<b>")
	case attribute:
	case s.wild:
		odds = append(odds, "]]>")
		fallthrough
	default:
		odds = append(odds, "'", `"`, "<!---->", "<![CDATA[]]>", "<?x?>", "<br/>")
	}
	return s.around(odds...)
}

// mixed is a body that is of two kinds, and comes as either.
func (s source) mixed() (contentType, body string) {
	const form = "application/x-www-form-urlencoded"
	pair := s.pick("&", "&", "&amp;", ";", "\n", "") + s.word() + "=" + s.around("%41", "+", "%22", "%27", "'", "%3C", "%26", "=", `\"`, `\u0041`, "%00")
	end := s.maybe(2, "&", "&"+s.word()+"="+s.word(), "=")
	switch s.IntN(8) {
	case 0:
		body = `{"` + s.word() + `":"` + s.word() + pair + end + `"}`
	case 1:
		body = `["` + s.word() + pair + `","` + end + `"]`
	case 2:
		pair = strings.NewReplacer("&amp;", "&amp;", "&", "&amp;").Replace(pair)
		body = "<a b='" + s.word() + "'>" + s.maybe(2, pair) + "<!--" + pair + end + "--><![CDATA[" + pair + end + "]]></a>"
	case 3:
		body = s.pick("\x00", "\xff", "\x01\x02", "PK\x03\x04", "\x89PNG\r\n\x1a\n", "GIF89a", "%PDF-1.4\n", "\x1f\x8b") + s.word() + pair + end
	case 4:
		body = s.word() + "=" + s.pick(s.value(2), s.element(1), "%7B%22a%22%3A%22"+s.word()+"%22%7D") + pair
	case 5:
		body = "--XX\r\nContent-Disposition: form-data; name=\"" + s.word() + "\"\r\n\r\n" + s.word() + pair + end + "\r\n--XX--\r\n"
	case 6:
		body = s.word() + s.pick(" ", "\n", ", ", ": ", "\r\n") + s.word() + pair + end
	case 7:
		body = s.value(2) + "\n" + s.value(2) + pair
	}
	return s.pick(form, form, form, "application/json", "text/xml", "text/plain", "multipart/form-data; boundary=XX", ""), body
}
