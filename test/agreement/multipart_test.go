package agreement

import (
	"encoding/base64"
	"strings"
)

// multipart is a body of parts and its media type.
func (s source) multipart() (contentType, body string) {
	boundary := "XX"
	if s.one(6) {
		boundary = s.pick("----WebKitFormBoundaryabcDEF123", strings.Repeat("x", 70), "x'y", "-", "a_b.c")
	}
	if s.wild && s.one(4) {
		boundary = s.pick("----WebKitFormBoundaryabcDEF123", "a b", "'x'", "a=b", "x:y", "x,y", "x?y", "(x)", "XX--", "x;y", "XX ", "\"x",
			"x\\y", strings.Repeat("x", 70), strings.Repeat("y", 71), strings.Repeat("z", 250), "--", "é", "-", "x@y", "x]")
	}
	contentType = s.multipartType(boundary)
	end := "\r\n"
	if s.wild && s.one(10) {
		end = s.pick("\n", "\r")
	}
	var b strings.Builder
	b.WriteString(s.odd(4, "\r\n", "preamble"+end, s.part(boundary, end)+end, "--"+boundary+"--"+end, "--"+boundary, end+end, " ", "\n"))
	for i := range 1 + s.IntN(4) {
		if i > 0 || s.wild && s.one(20) {
			b.WriteString(end)
		}
		b.WriteString(s.delimiter(boundary) + end + s.part(boundary, end))
	}
	if !s.wild || !s.one(10) {
		b.WriteString(end + "--" + boundary + "--" + s.odd(10, " ", "x", "-", "\t"))
	}
	b.WriteString(end + s.odd(5, "epilogue", "--"+boundary+end+s.part(boundary, end)+end+"--"+boundary+"--"+end, s.part(boundary, end), end))
	text := b.String()
	if s.wild && s.one(20) {
		text = text[:s.IntN(len(text))]
	}
	return contentType, text
}

// delimiter begins a part, mostly.
func (s source) delimiter(boundary string) string {
	if !s.wild || !s.one(6) {
		return "--" + boundary
	}
	d := "--" + boundary
	return s.pick(d+" ", d+"\t", d+"--", d+"x", d+"-", "-"+d, d+" x", strings.ToLower(d), d+"\x00", "--", d+" --", " "+d, d+"\r", d+"--x", d+";")
}

func (s source) multipartType(boundary string) string {
	const form = "multipart/form-data"
	plain := form + "; boundary=" + boundary
	quoted := form + `; boundary="` + boundary + `"`
	if !s.wild && !s.one(20) || s.wild && s.one(2) {
		return s.pick(plain, plain, quoted)
	}
	return s.pick(
		"Multipart/Form-Data; Boundary="+boundary, form+";boundary="+boundary, form+"; boundary = "+boundary, plain+";", plain+"; charset=utf-8",
		form+"; charset=utf-8; boundary="+boundary, plain+"; boundary=YY", form+"; boundary=YY; boundary="+boundary,
		form+"; boundary*0="+boundary[:1]+"; boundary*1="+boundary[1:], form+"; boundary*=utf-8''"+boundary, "multipart/mixed; boundary="+boundary,
		"multipart/related; boundary="+boundary, form+", boundary="+boundary, form+`; x="; boundary=YY"; boundary=`+boundary, form+` boundary=`+boundary,
		form, form+"; boundary=", form+"; boundary='"+boundary+"'", plain+" ", plain+", YY", plain+" x", plain+`"`, form+"; boundary=\t"+boundary,
		form+"; xboundary=YY; boundary="+boundary, form+`; boundary="`+boundary, form+"; BOUNDARY="+boundary+"; boundary=YY", "multipart/x-form; boundary="+boundary,
		form+`; boundary="`+boundary[:1]+`\`+boundary[1:]+`"`, plain+"; charset=utf-16", plain+"; charset=utf-7", plain+"; charset=iso-8859-1",
		form+"; boundary="+boundary+"(comment)", form+"; (comment) boundary="+boundary, form+"; boundary=\"\"; boundary="+boundary,
	)
}

// part is a part's head and its content.
func (s source) part(boundary, end string) string {
	content := s.around("\r\n", "\n", "\r", "\x00", "\xff", "é", "=", "%41", "+", "=3D", "=\r\n", "&", "\r\n\r\n", "\xef\xbb\xbf", "\r\n--", "&#65;", " ", "\r\n-")
	if s.wild && s.one(4) {
		content = s.around("--"+boundary, "\n--"+boundary, "\r\n--"+boundary+"x", "\r--"+boundary, "\r\n--"+boundary+"-", "\r\n --"+boundary)
	}
	fields := []string{s.disposition()}
	if s.wild && s.one(8) {
		fields = append(fields, s.disposition())
	}
	if s.wild && s.one(12) {
		fields = nil
	}
	if s.one(4) {
		fields = append(fields, s.pick("Content-Type: text/plain", "Content-Type: application/octet-stream", "Content-Type: image/png", "Content-Type: application/json", "X-Y: z", "Content-Type: text/plain; charset=utf-8"))
	}
	odd := s.IntN(40)
	if !s.wild {
		odd *= 4
	}
	switch odd {
	case 0, 1:
		fields = append(fields, s.pick("Content-Transfer-Encoding: base64", "content-transfer-encoding:BASE64", "Content-Transfer-Encoding: base64 "))
		content = base64.StdEncoding.EncodeToString([]byte(content))
	case 2, 3:
		fields = append(fields, "Content-Transfer-Encoding: quoted-printable")
		content = strings.NewReplacer("v", "=76", "=", "=3D").Replace(content)
	case 4:
		fields = append(fields, "Content-Type: text/plain; charset=utf-16")
		content = wide(strings.ToValidUTF8(content, ""), s.one(2), s.one(2))
	case 5:
		fields = append(fields, "Content-Type: text/plain; charset="+s.pick("iso-8859-1", "utf-7", "ibm037", "us-ascii", "utf-8", "x"))
	case 6:
		inner := "\r\nContent-Disposition: " + s.pick("form-data", "attachment", "file") + `; ` + s.pick("name", "filename") + `="` + s.word() + "\"\r\n\r\n" + content + "\r\n"
		fields = append(fields, "Content-Type: multipart/mixed; boundary=YY")
		content = "--YY" + inner + "--YY--\r\n"
	case 7:
		return `Content-Disposition: form-data; name="_charset_"` + end + end + s.pick("utf-7", "utf-16", "iso-8859-1", "ibm037")
	case 8:
		fields = append(fields, s.pick("Content-Length: 3", "Content-Type: a\r\nContent-Type: b", "Content-Transfer-Encoding: "+s.pick("8bit", "binary", "7bit", "x-uuencode", "gzip")))
	}
	if s.one(8) {
		s.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	}
	head := strings.Join(fields, end)
	if head != "" {
		head += end
	}
	if s.wild && s.one(20) {
		return head + content // no line between head and content
	}
	return head + end + content
}

// disposition is a Content-Disposition field.
func (s source) disposition() string {
	name, file := s.word(), s.word()+".txt"
	if s.one(3) {
		name = s.pick("a", "A", "a[]", "a.b", "k", "K", "\u212a", "", "a b", " a", "_method")
	}
	if !s.wild && s.one(2) || s.one(4) {
		return `Content-Disposition: form-data; name="` + name + `"`
	}
	if !s.wild && s.one(2) || s.one(4) {
		return `Content-Disposition: form-data; name="` + name + `"; filename="` + file + `"`
	}
	field := s.odd(4, "content-disposition: ", "CONTENT-DISPOSITION:", "Content-Disposition : ", "Content-Disposition:\t", " Content-Disposition: ",
		"Content-Disposition:\r\n ", "Content-Disposition;", "Content_Disposition: ", "X: y\r\nContent-Disposition: ", "\x00Content-Disposition: ", "Content-Disposition:  ")
	if field == "" {
		field = "Content-Disposition: "
	}
	kind := s.odd(4, "Form-Data", "attachment", "file", "inline", "", "form-data ", `"form-data"`, "form-data;", "x", "form-data,", "form-data x;")
	if kind == "" {
		kind = "form-data"
	}
	params := []string{s.parameter("name", name)}
	if s.wild && s.one(4) {
		params = append(params, s.parameter("name", s.word()))
	}
	for range s.IntN(4) / 2 {
		params = append(params, s.parameter("filename", file))
		file = s.word()
	}
	if s.wild && s.one(4) {
		params = append(params, s.pick("x=y", "x", "", "size=3", `x="; name=b"`, `x="\"; filename=c"`, "creation-date=\"x\"", `x='; name="b"`, "(c)", "="))
	}
	if s.one(6) {
		s.Shuffle(len(params), func(i, j int) { params[i], params[j] = params[j], params[i] })
	}
	return field + s.join(append([]string{kind}, params...), "; ", ";", " ; ", ",", " ", ";\t", ";\r\n ", ";\r\n\t", ";;", ";\n ") + s.odd(8, ";", " ", "\"", ",", "\x00")
}

// parameter is a name or a filename, spelled in one of the ways that parsers know.
func (s source) parameter(key, value string) string {
	plain := key + `="` + value + `"`
	if s.one(2) {
		return plain
	}
	if !s.wild && !s.one(4) {
		return s.pick(plain, plain, key+"="+value, strings.ToUpper(key)+`="`+value+`"`, key+`*=utf-8''`+strings.ReplaceAll(value, "v", "%76"), plain+"; "+key+`*=utf-8''`+value,
			key+`="`+s.around("%22", `\"`, "'", ";", "=", "é", "[", ":", "&quot;", "/", "../", `\\`, "\u212a", "\t", "&#34;", "%00", "<", " ")+`"`)
	}
	half := len(value) / 2
	inner := s.around(`\"`, "%22", `\\`, `\`, "'", ";", "=", "\x00", "é", "\xff", "\r\n ", "\t", "\u212a", "/", `\x`, "&#34;", "%00", "[", ":", "&quot;", `""`, "../", `..\`)
	encoded := s.pick("=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(value))+"?=", "=?utf-8?Q?"+strings.ReplaceAll(value, "v", "=76")+"?=", "=?iso-8859-1?q?"+value+"?=")
	return s.pick(
		key+"="+value, key+"='"+value+"'", strings.ToUpper(key)+`="`+value+`"`, key+` = "`+value+`"`, key+`="`+inner+`"`, key+`="`+inner+`"`, key+`="`+inner+`"`,
		key+`="`+inner+`"`, key+`='`+inner+`'`, key+`=`+inner, key+`*=utf-8''`+strings.ReplaceAll(value, "v", "%76"), key+`*=UTF-8'en'`+value,
		plain+"; "+key+`*=utf-8''`+s.word(), key+`*=utf-8''`+s.word()+"; "+plain, key+`*=iso-8859-1''`+value+"%e9", key+`*="utf-8''`+value+`"`, key+`*=`+value,
		key+`*0="`+value[:half]+`"; `+key+`*1="`+value[half:]+`"`, key+`*0*=utf-8''`+value[:half]+`; `+key+`*1=`+value[half:], key+`*1="`+value[half:]+`"; `+key+`*0="`+value[:half]+`"`,
		key+`="`+encoded+`"`, key+"="+encoded, key+`="`+value, key+`=`+value+`"`, key+`=""`, key+"=", key, key+`="`+value+`"x`, key+`=x"`+value+`"`, key+`="C:\`+value+`\`+value+`"`,
		key+"=\"\"; "+plain, key+`*=utf-16''`+value, key+`*=utf-8'`+value, key+"\x00="+value, key+`:"`+value+`"`,
	)
}
