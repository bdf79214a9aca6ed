package waf

import (
	"net/url"
	"strings"
	"testing"
)

// What ordinary traffic does passes, and the attack that looks like it does not.
func TestOrdinary(t *testing.T) {
	const (
		off   = "https://other.example/"
		phpID = "/?PHPSESSID=0123456789abcdef"
		genID = "/?sessionId=0123456789abcdef"
	)
	e := mustEngine(t)
	if err := e.NoScreen(); err != nil {
		t.Fatal(err)
	}
	hash := strings.Repeat("0f", 20)
	for _, tt := range []struct {
		name    string
		request *Request
		body    string
		blocks  bool
	}{
		{"no type on a list", nil, "text/plain;charset=UTF-8|" + `{"event":"view","n":1}`, false},
		{"no type at all", post("/", "", ""), `{"event":"view","n":1}`, false},
		{"an attack in it", nil, `text/plain|{"q":"1' or '1'='1"}`, true},
		{"a Java object", nil, "text/plain|o=rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA", true},
		{"a Java class in Base64", nil, "text/plain|o=cnVudGltZQ", true},
		{"the same word in a form", nil, "application/x-www-form-urlencoded|o=cnVudGltZQ", false},

		{"a session in a link", get(genID, Header{Name: "Referer", Value: off}, Header{Name: "Sec-Fetch-Mode", Value: "navigate"}), "", true},
		{"a session in a link, nothing known", get(genID, Header{Name: "Referer", Value: off}), "", true},
		{"a session in a fetch", get(genID, Header{Name: "Referer", Value: off}, Header{Name: "Sec-Fetch-Mode", Value: "cors"}), "", false},
		{"a session in an older fetch", get(genID, Header{Name: "Referer", Value: off}, Header{Name: "Origin", Value: "https://other.example"}), "", false},
		{"a session of an app", get(genID, Header{Name: "Authorization", Value: "Bearer x"}), "", false},
		{"a session of nobody", get(genID), "", true},
		{"PHP's session in a fetch", get(phpID, Header{Name: "Referer", Value: off}, Header{Name: "Sec-Fetch-Mode", Value: "cors"}), "", true},

		{"Mixpanel's cookie", cookie("mp_0123456789abcdef0123456789abcdef_mixpanel", `{"$initial_referrer":"$direct"}`), "", false},
		{"another cookie", cookie("mp_mixpanel", `{"$in":[1]}`), "", true},
		{"Akamai's cookie", cookie("_abck", "0F~-1~YAAQ~-1~-1"), "", false},
		{"a cookie signed by Rails", cookie("_app_session", "4/beJZdwgsf3jWC==--"+hash), "", false},
		{"SQL before the hash", cookie("_app_session", "1 or 1=1--"+hash), "", true},
		{"SQL in Base64's letters", cookie("_app_session", "1=1--"+hash), "", true},
		{"OData", get("/?$filter=Name%20eq%20Anna&$top=20&$orderby=Name"), "", false},
		{"MongoDB", get("/?$where=1"), "", true},

		{"consent", get("/?us_privacy=1---&gdpr=${GDPR}&r=" + url.QueryEscape("https://x.example/?g=${GDPR}&c=${GDPR_CONSENT_12}")), "", false},
		{"a shell's variable", get("/?q=${IFS}"), "", true},
		{"a macro inside a command", get("/?q=w${GDPR}hoami"), "", true},
		{"GraphQL", nil, `application/json|{"query":"query P($in: X!, $first: Int = 10) {\n  id\n  p(in: $in) { id }\n}"}`, false},
		{"an attack in GraphQL", nil, `application/json|{"query":"query { p(name: \"; cat /etc/passwd\") { id } }"}`, true},
		{"fields of GraphQL", nil, `application/json|{"query":"{ user(id: 1) { id } } mutation M { update(id: 1) { id } }"}`, false},
		{"SQL in GraphQL", nil, `application/json|{"query":"{ a(b: \"1 union select user()\") { id } }"}`, true},
		{"an apostrophe in a file's name", nil, file("Bob's résumé (1).pdf"), false},
		{"two of them", nil, file("x' or 'a"), true},
		{"an equals sign in one", nil, file("a=b.pdf"), true},
		{"a comment in one", nil, file("x'or 1--.pdf"), true},
		{"a form of JSF", nil, field("form:name", ""), false},
		{"a client in Java", nil, field("a", "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n"), false},
		{"a part in Base64", nil, field("a", "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n"), true},
		{"a picture", nil, "application/json|" + `{"image":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUg=="}`, false},
		{"PHP for a picture", nil, "application/json|" + `{"image":"data:image/png;base64,PD9waHAgc3lzdGVtKCk7"}`, true},
		{"a repository", get("/group/shop.git/info/refs?service=git-upload-pack"), "", false},
		{"a folder of git", get("/.git/config"), "", true},
		{"a folder of git within", get("/a/.git/info/refs"), "", true},
	} {
		r, body := tt.request, tt.body
		if r == nil {
			mediaType, text, _ := strings.Cut(tt.body, "|")
			r, body = post("/", mediaType, text), text
		}
		for i, h := range r.Headers {
			if h.Name == "Content-Type" && h.Value == "" {
				r.Headers = append(r.Headers[:i], r.Headers[i+1:]...)
				break
			}
		}
		if v, f := run(t, e, r, body); v.Blocks() != tt.blocks {
			t.Errorf("%s: verdict %+v, want blocks %v (rules %v)", tt.name, v, tt.blocks, ids(f))
		}
	}
}

func cookie(name, value string) *Request {
	return get("/", Header{Name: "Cookie", Value: name + "=" + value})
}

// A policy that says which media types it allows means it, in its settings and in its own rules.
func TestContentTypesThatAreAllowed(t *testing.T) {
	for _, change := range []func(*Policy){
		func(p *Policy) { p.CRS.AllowedContentTypes = []string{"application/json"} },
		func(p *Policy) {
			p.RulesBefore = []RuleText{{Source: "own", Text: `SecAction "id:1,phase:1,pass,nolog,setvar:'tx.Allowed_Request_Content_Type=|application/json|'"`}}
		},
	} {
		e := mustEngine(t, change)
		if err := e.NoScreen(); err != nil {
			t.Error(err)
		}
		for mediaType, blocks := range map[string]bool{"application/json": false, "text/plain": true} {
			if v, f := run(t, e, post("/", mediaType, `{"a":1}`), `{"a":1}`); v.Blocks() != blocks {
				t.Errorf("%s: verdict %+v, want blocks %v (rules %v)", mediaType, v, blocks, ids(f))
			}
		}
	}
}

const partsType = "multipart/form-data; boundary=XX|"

// file is a body with a file of this name, field one with a field and more header fields.
func file(name string) string {
	return partsType + "--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" + name + "\"\r\n\r\nx\r\n--XX--\r\n"
}

func field(name, more string) string {
	return partsType + "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n" + more + "\r\nx\r\n--XX--\r\n"
}
