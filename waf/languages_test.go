package waf

import (
	"net/url"
	"testing"
)

// TestLanguages holds that an attack is found in the language of another value: in its escapes, and where rules
// find it only at the beginning of a value. The same without an attack passes.
func TestLanguages(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	e := mustEngine(t)
	for _, tt := range []struct {
		name, target, media string
		before, attack      string
		after               string
	}{
		{"segment of a path", "/users/", "", "", "1'%20OR%20'1'='1", "/orders"},
		{"GraphQL in JSON", "/", "application/json", `{"query":"{a(b:\"`, `1\\u{27} OR \\u{27}1\\u{27}=\\u{27}1`, `\"){c}}"}`},
		{"GraphQL", "/", "application/graphql", `query { # it"s` + "\n" + `a(b: "`, `1\u{27} OR \u{27}1\u{27}=\u{27}1`, `") { c } }`},
		{"number in GraphQL", "/", "application/json", `{"query":"mutation { a(b: \"`, `1 OR 1=1`, `\") { c } }"}`},
		{"JSON5", "/", "text/plain", "{q: '", `1\x27 OR \'1\'=\'1`, "'}"},
		{"escapes of JSON5", "/", "text/plain", `{"q":"`, `1\x27 OR \x271\x27=\x271`, `"}`},
		{"JSON before text", "/", form, "q=%7B%22a%22%3A%22", `1%5Cx27+OR+%5Cx271%5Cx27%3D%5Cx271`, "%22%7D+x"},
		{"YAML", "/", "application/yaml", "a: it's\nq: \"", `1\x27 OR \x271\x27=\x271`, "\"\n"},
		{"apostrophes of YAML", "/", "application/yaml", "q: '", "1'' OR ''1''=''1", "'\n"},
		{"line of YAML", "/", "application/yaml", "a: b\nq:\n  - ", "1 OR 1=1", "\n"},
		{"YAML as a form", "/", form, "q: \"", `1\x27 OR \x271\x27=\x271`, "\""},
		{"text as a form", "/", form, "", "1' OR '1'='1", ""},
		{"XML in a form", "/", form, "q=" + url.QueryEscape("<r><a>"), url.QueryEscape("1&#39; OR &#39;1&#39;=&#39;1"), url.QueryEscape("</a></r>")},
		{"attribute of XML in JSON", "/", "application/json", `{"q":"<r a='`, "1&#39; OR &#39;1&#39;=&#39;1", `'/>"}`},
		{"XML in a field", "/", "multipart/form-data; boundary=XX", "--XX\r\nContent-Disposition: form-data; name=q\r\n\r\n<a>", "1&#39; OR &#39;1&#39;=&#39;1", "</a>\r\n--XX--\r\n"},
		{"JSON in XML", "/", "text/xml", `<r>{"a":"`, `1\u0027 OR \u00271\u0027=\u00271`, `"}</r>`},
		{"XML in XML", "/", "text/xml", "<r><![CDATA[<a>", "1&#39; OR &#39;1&#39;=&#39;1", "</a>]]></r>"},
		{"XML in XML's references", "/", "text/xml", "<r>&lt;a>", "1&amp;#39; OR &amp;#39;1&amp;#39;=&amp;#39;1", "&lt;/a></r>"},
	} {
		for _, attack := range []bool{true, false} {
			text := tt.before + "Anna" + tt.after
			if attack {
				text = tt.before + tt.attack + tt.after
			}
			r := post(tt.target, tt.media, text)
			if tt.media == "" {
				r, text = get(tt.target+text), ""
			}
			if v, f := run(t, e, r, text); v.Blocks() != attack {
				t.Errorf("%s, attack %v: blocked %v by %v", tt.name, attack, v.Blocks(), ids(f))
			}
		}
	}
}
