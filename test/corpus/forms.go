package corpus

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

const formType = "application/x-www-form-urlencoded"

type pair struct{ name, value string }

func encodeForm(fields []pair) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = url.QueryEscape(f.name) + "=" + url.QueryEscape(f.value)
	}
	return strings.Join(parts, "&")
}

// checkout is a form of 14 fields and about 1 KB.
func (a *author) checkout() Request {
	return a.browse("checkout", "POST", "/checkout").with(formType, encodeForm([]pair{
		{"name", a.name()}, {"email", a.email()}, {"street", a.street()}, {"city", a.one(cities)},
		{"postcode", strconv.Itoa(a.between(10000, 99999))}, {"country", a.one(countries)}, {"phone", a.phone()},
		{"delivery", a.one([]string{"standard", "express", "pick-up"})}, {"newsletter", a.one([]string{"yes", "no"})},
		{"quantity", strconv.Itoa(a.between(1, 9))}, {"product", a.title()}, {"csrf_token", a.base64(32)},
		{"gift_note", a.proseOf(a.between(200, 280))}, {"comment", a.proseOf(a.between(330, 430))},
	}))
}

// login has a password as people and their password managers choose it.
func (a *author) login() Request {
	password := a.of(digits+letters+"!$%&/()=?+*#-_.:,;", a.between(10, 20))
	if a.chance(50) {
		password = a.one(colors) + a.of("!?-_.", 1) + a.one(products) + strconv.Itoa(a.IntN(1000))
	}
	return a.browse("login", "POST", "/account/login?next=%2F"+a.one(sections)).with(formType, encodeForm([]pair{
		{"authenticity_token", a.base64(64)}, {"user[email]", a.email()}, {"user[password]", password}, {"remember_me", "1"}, {"commit", "Log in"},
	}))
}

// comment is prose, in one language or another.
func (a *author) comment() Request {
	text := a.prose(a.between(1, 8))
	if a.chance(25) {
		text += "\r\n\r\n> " + a.one(sentencesEnglish) + "\r\n\r\n" + a.one(sentencesForeign)
	}
	return a.browse("comment", "POST", "/products/"+strconv.Itoa(a.between(1000, 99999))+"/comments").with(formType, encodeForm([]pair{
		{"utf8", "✓"}, {"name", a.name()}, {"rating", strconv.Itoa(a.between(1, 5))}, {"title", a.one(sentencesEnglish)}, {"text", text},
	}))
}

// upload is a form with a file.
func (a *author) upload() Request {
	boundary := "----WebKitFormBoundary" + a.alnum(16)
	var b strings.Builder
	field := func(name, value string) {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary, name, value)
	}
	field("title", a.title())
	field("description", a.proseOf(a.between(40, 300)))
	field("album_id", a.uuid())
	name, mediaType, content := a.file()
	fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n%s\r\n--%s--\r\n", boundary, name, mediaType, content, boundary)
	return a.browse("upload", "POST", "/account/files").with("multipart/form-data; boundary="+boundary, b.String())
}

func (a *author) file() (name, mediaType, content string) {
	switch a.IntN(4) {
	case 0:
		return fmt.Sprintf("IMG_%04d.jpg", a.IntN(10000)), "image/jpeg", "\xff\xd8\xff\xe0\x00\x10JFIF\x00" + string(a.bytes(a.between(2000, 12000)))
	case 1:
		var b strings.Builder
		b.WriteString("sku,name,amount,note\r\n")
		for range a.between(10, 60) {
			fmt.Fprintf(&b, "SH-%05d,%s,%d.%02d,\"%s\"\r\n", a.IntN(100000), a.title(), a.between(1, 200), a.IntN(100), a.one(sentencesEnglish))
		}
		return a.one(sections) + " " + a.moment().Format("2006-01-02") + ".csv", "text/csv", b.String()
	case 2:
		return a.slug() + ".pdf", "application/pdf", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n" + string(a.bytes(a.between(1000, 9000)))
	}
	return "notes.txt", "text/plain", a.proseOf(a.between(200, 4000))
}
