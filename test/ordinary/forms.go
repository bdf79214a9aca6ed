package ordinary

import (
	"fmt"
	"strings"
)

// form is a form of a page.
func (a *author) form() Request {
	switch a.IntN(6) {
	case 0:
		return a.navigate("POST", "/contact").body(formType, a.encoded(pair{"name", a.name()}, pair{"email", a.email()}, pair{"subject", a.one(headlines)}, pair{"message", a.prose(a.between(1, 5))}, pair{"_token", a.alnum(40)}, pair{"consent", "on"}))
	case 1:
		return a.navigate("POST", "/cart/add").body(formType, a.encoded(pair{"id", a.digits(8)}, pair{"quantity", "1"}, pair{"properties[Gravur]", a.name()}, pair{"form_type", "product"}, pair{"utf8", "✓"}))
	case 2:
		return a.navigate("POST", "/wp-comments-post.php").body(formType, a.encoded(pair{"comment", a.prose(a.between(1, 6))}, pair{"author", a.name()}, pair{"email", a.email()}, pair{"url", a.page()}, pair{"submit", "Kommentar abschicken"}, pair{"comment_post_ID", a.digits(4)}, pair{"comment_parent", "0"}))
	case 3:
		return a.navigate("POST", "/Default.aspx").body(formType, a.encoded(pair{"__EVENTTARGET", "ctl00$Main$Button" + a.digits(1)}, pair{"__EVENTARGUMENT", ""}, pair{"__VIEWSTATE", "/wEPDwUK" + a.base64(600)}, pair{"__VIEWSTATEGENERATOR", strings.ToUpper(a.hex(8))}, pair{"__EVENTVALIDATION", "/wEdAA" + a.base64(200)}, pair{"ctl00$Main$Search", a.query()}))
	case 4:
		return a.navigate("POST", "/faces/"+a.one(nouns)+".xhtml").body(formType, a.encoded(pair{"j_idt12", "j_idt12"}, pair{"j_idt12:name", a.name()}, pair{"javax.faces.ViewState", "-" + a.digits(19) + ":" + a.digits(19)}, pair{"javax.faces.source", "j_idt12:save"}, pair{"javax.faces.partial.ajax", "true"}))
	}
	return a.navigate("POST", "/checkout").body(formType, a.encoded(pair{"billing[first_name]", a.one(firstNames)}, pair{"billing[last_name]", a.one(lastNames)}, pair{"billing[street]", "St. John's Way " + a.digits(2)}, pair{"billing[city]", "'s-Hertogenbosch"}, pair{"payment", "card"}, pair{"note", a.prose(1)}))
}

// admin is somebody who writes for a site, with what editors make of it.
func (a *author) admin() Request {
	html := "<h2>" + a.one(headlines) + "</h2>\n<p>" + a.prose(2) + " <a href=\"" + a.page() + "\" target=\"_blank\" rel=\"noopener\">" + a.one(nouns) + "</a></p>\n<ul><li>" + a.one(nouns) + "</li></ul>"
	if a.chance(20) {
		html += "<p>" + a.one(snippets) + "</p>"
	}
	switch a.IntN(5) {
	case 0:
		return a.call("POST", "/wp-admin/admin-ajax.php").body(formUTF8, a.encoded(pair{"action", "heartbeat"}, pair{"_nonce", a.hex(10)}, pair{"interval", "60"}, pair{"screen_id", "post"}, pair{"has_focus", "true"}, pair{"data[wp-refresh-post-lock][post_id]", a.digits(4)}, pair{"data[wp_autosave][content]", html}))
	case 1:
		return a.call("POST", "/wp-json/wp/v2/posts/"+a.digits(4)+"?_locale=user").add("X-WP-Nonce", a.hex(10)).add("X-HTTP-Method-Override", "PUT").body(jsonType, encode(object{"id": a.between(1, 9999), "title": a.one(headlines), "content": "<!-- wp:paragraph -->\n" + html + "\n<!-- /wp:paragraph -->", "status": "draft"}))
	case 2:
		return a.navigate("POST", "/node/"+a.digits(3)+"/edit").body("multipart/form-data; boundary=----WebKitFormBoundary"+a.fixed(), a.multipart(pair{"title[0][value]", a.title()}, pair{"body[0][value]", html}, pair{"form_build_id", "form-" + a.safe(43)}, pair{"op", "Save"}))
	case 3:
		return a.call("POST", "/views/ajax?_wrapper_format=drupal_ajax").body(formUTF8, a.encoded(pair{"view_name", "frontpage"}, pair{"view_display_id", "page_1"}, pair{"ajax_page_state[theme]", "olivero"}, pair{"ajax_page_state[libraries]", a.safe(120)}, pair{"_drupal_ajax", "1"}, pair{"page", "1"}))
	}
	return a.call("PUT", "/api/articles/"+a.digits(4)).body(jsonType, encode(object{"title": a.one(headlines), "body": html, "markdown": "# " + a.title() + "\n\n* [x](" + a.page() + ")\n\n> " + a.prose(1)}))
}

// fixed is the boundary's end of every form here: bodies and heads have to agree.
func (a *author) fixed() string { return "7MA4YWxkTrZu0gW" }

func (a *author) multipart(list ...pair) string {
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintf(&b, "------WebKitFormBoundary%s\r\nContent-Disposition: form-data; name=\"%s\"", a.fixed(), p.name)
		if kind, data, ok := strings.Cut(p.value, "\x00"); ok {
			name, media, _ := strings.Cut(kind, "|")
			fmt.Fprintf(&b, "; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n%s\r\n", name, media, data)
			continue
		}
		fmt.Fprintf(&b, "\r\n\r\n%s\r\n", p.value)
	}
	return b.String() + "------WebKitFormBoundary" + a.fixed() + "--\r\n"
}

// upload is a file on its way.
func (a *author) upload() Request {
	picture := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + string(a.bytes(a.between(2000, 30000)))
	multipart := "multipart/form-data; boundary=----WebKitFormBoundary" + a.fixed()
	name := a.one([]string{"IMG_" + a.digits(4) + ".png", a.slug() + ".png", "Bildschirmfoto 2026-05-01 um 10.20.30.png", "Screenshot (12).png", "mère & fils.png"})
	switch a.IntN(8) {
	case 0, 1:
		return a.call("POST", "/api/upload").body(multipart, a.multipart(pair{"title", a.title()}, pair{"file", name + "|image/png\x00" + picture}))
	case 2:
		return a.call("POST", "/api/import").body(multipart, a.multipart(pair{"file", "export.csv|text/csv\x00id;name;price\n1;" + a.query() + ";19,90\n2;" + a.query() + ";5,00\n"}, pair{"meta", encode(object{"delimiter": ";", "name": a.title()})}))
	case 3:
		return a.call("PUT", "/files/"+a.uuid()).body("image/png", picture)
	case 4:
		return a.call("PATCH", "/files/"+a.hex(32)).add("Tus-Resumable", "1.0.0").add("Upload-Offset", "0").body("application/offset+octet-stream", picture)
	case 5:
		return a.call("PUT", "/upload/resumable?upload_id="+a.safe(80)).add("Content-Range", "bytes 0-"+a.digits(5)+"/*").body("application/octet-stream", picture)
	case 6: // a recorder sends pieces of a session
		return a.others("POST", "/i/v1/recording").body(multipart, a.multipart(pair{"segment", "blob|application/octet-stream\x00" + zip(encode(a.events()))}, pair{"event", "blob|application/json\x00" + encode(object{"raw_segment_size": a.between(100, 9999), "start": a.millis(), "session": object{"id": a.uuid()}})}))
	}
	return a.call("POST", "/api/avatar").body(jsonType, encode(object{"name": name, "image": a.one([]string{"data:image/png;base64,", ""}) + b64(picture[:2000])}))
}

// license asks for the key of a protected video.
func (a *author) license() Request {
	return a.others("POST", "/widevine/license?token="+a.jwt()).body(a.one([]string{"application/octet-stream", "", textUTF8}), "\x08\x01\x12"+string(a.bytes(a.between(500, 3000))))
}
