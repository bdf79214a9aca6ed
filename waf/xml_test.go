package waf

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// xmlAttacks are the payloads, each with the class of rules that has to find it.
func xmlAttacks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/xml/attacks.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\n"); line != "" && !strings.HasPrefix(line, "# ") {
			out = append(out, strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(line))
		}
	}
	return out
}

// xmlWays are the places in which a payload can stand in a document. A way that cannot hold a payload
// makes nothing of it.
func xmlWays() map[string]func(payload string) string {
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", "]]>", "]]&gt;", "\r", "&#13;").Replace
	quoted := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\r", "&#13;", "\n", "&#10;").Replace
	numbers := func(format string) func(string) string {
		return func(payload string) string {
			var b strings.Builder
			for _, r := range payload {
				fmt.Fprintf(&b, format, r)
			}
			return b.String()
		}
	}
	halves := func(payload string) (string, string) { return payload[:len(payload)/2], payload[len(payload)/2:] }
	element := func(content string) string {
		return `<?xml version="1.0"?><order><id>17</id><q>` + content + "</q></order>"
	}
	return map[string]func(string) string{
		"text":      func(p string) string { return element(text(p)) },
		"attribute": func(p string) string { return `<order><q v="` + quoted(p) + `"/></order>` },
		"apostrophes": func(p string) string {
			return "<order>\n<q\n v = '" + strings.ReplaceAll(quoted(p), "'", "&apos;") + "'\n>x</q></order>"
		},
		"section": func(p string) string {
			return element("<![CDATA[" + strings.ReplaceAll(p, "]]>", "]]]]><![CDATA[>") + "]]>")
		},
		"sections": func(p string) string {
			a, b := halves(p)
			return element("<![CDATA[" + a + "]]><![CDATA[" + b + "]]>")
		},
		"text and section": func(p string) string { a, b := halves(p); return element(text(a) + "<![CDATA[" + b + "]]>") },
		"comment between":  func(p string) string { a, b := halves(p); return element(text(a) + "<!-- -->" + text(b)) },
		"pi between":       func(p string) string { a, b := halves(p); return element(text(a) + "<?x y?>" + text(b)) },
		"element between":  func(p string) string { a, b := halves(p); return element(text(a) + "<b/>" + text(b)) },
		"elements":         func(p string) string { a, b := halves(p); return element("<i>" + text(a) + "</i>" + text(b)) },
		"nested":           func(p string) string { a, b := halves(p); return element(text(a) + "<i>" + text(b) + "</i>") },
		"decimal":          func(p string) string { return element(numbers("&#%d;")(p)) },
		"hexadecimal":      func(p string) string { return element(numbers("&#x%04x;")(p)) },
		"attribute in numbers": func(p string) string {
			return `<order><q v="` + numbers("&#%d;")(p) + `"/></order>`
		},
		"comment": func(p string) string {
			if strings.Contains(p, "--") || strings.HasSuffix(p, "-") {
				return ""
			}
			return element("<!--" + p + " -->")
		},
		"instruction": func(p string) string {
			if strings.Contains(p, "?>") {
				return ""
			}
			return element("<?run " + p + "?>")
		},
		"utf-16":         func(p string) string { return "\xff\xfe" + wide(element(text(p)), binary.LittleEndian) },
		"utf-16 no mark": func(p string) string { return wide(element(text(p)), binary.BigEndian) },
		"latin": func(p string) string {
			return `<?xml version="1.0" encoding="ISO-8859-1"?><order><n>Caf` + "\xe9</n><q>" + text(p) + "</q></order>"
		},
		"utf-8 with a mark": func(p string) string { return "\xef\xbb\xbf" + element(text(p)) },
		"soap": func(p string) string {
			return `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header/>` +
				`<soap:Body><m:Find xmlns:m="urn:shop"><m:name>` + text(p) + `</m:name></m:Find></soap:Body></soap:Envelope>`
		},
		"xml-rpc": func(p string) string {
			return `<?xml version="1.0"?><methodCall><methodName>find</methodName><params><param><value><string>` +
				text(p) + `</string></value></param></params></methodCall>`
		},
		"namespace": func(p string) string { return `<order xmlns="` + quoted(p) + `"/>` },
		"entity": func(p string) string {
			return `<!DOCTYPE order [<!ENTITY x "` + strings.ReplaceAll(quoted(p), "%", "&#37;") + `">]><order>&x;</order>`
		},
	}
}

func wide(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// xmlEntityWays are the places in which an internal subset can hold a payload.
func xmlEntityWays() map[string]func(payload string) string {
	value := strings.NewReplacer("&", "&#38;#38;", "<", "&#38;#60;", `"`, "&#34;", "%", "&#37;", "\r", "&#13;").Replace
	halves := func(p string) (string, string) { return value(p[:len(p)/2]), value(p[len(p)/2:]) }
	return map[string]func(string) string{
		"text":      func(p string) string { return `<!DOCTYPE a [<!ENTITY x "` + value(p) + `">]><a>&x;</a>` },
		"attribute": func(p string) string { return `<!DOCTYPE a [<!ENTITY x "` + value(p) + `">]><a b="&x;"/>` },
		"halves": func(p string) string {
			a, b := halves(p)
			return `<!DOCTYPE a [<!ENTITY x "` + a + `"><!ENTITY y "` + b + `">]><a>&x;&y;</a>`
		},
		"nested": func(p string) string {
			a, b := halves(p)
			return `<!DOCTYPE a [<!ENTITY x "` + a + `"><!ENTITY z "&x;` + b + `">]><a b="&z;"/>`
		},
		"default": func(p string) string {
			value := strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "%", "&#37;").Replace(p)
			return `<!DOCTYPE a [<!ATTLIST a b CDATA "` + value + `">]><a/>`
		},
	}
}

// TestXMLAttacks holds that a payload which the rules know is found wherever it stands in a document.
func TestXMLAttacks(t *testing.T) {
	refusing := mustEngine(t)
	reading := mustEngine(t, func(p *Policy) { p.Reading.XMLDoctype = true })
	all, found := 0, 0
	try := func(e *Engine, name, body string) {
		all++
		v, f := run(t, e, post("/api", "application/xml", body), body)
		if v.Blocks() {
			found++
		} else {
			t.Logf("missed: %s: %q %v", name, body, ids(f))
		}
	}
	for _, payload := range xmlAttacks(t) {
		for way, make := range xmlWays() {
			if body := make(payload); body != "" {
				try(refusing, way, body)
			}
		}
	}
	for _, payload := range xmlAttacks(t) {
		for way, make := range xmlEntityWays() {
			try(reading, "subset, "+way, make(payload))
		}
	}
	for name, body := range xmlFiles(t, "attack") {
		try(refusing, name, body)
		try(reading, name, body)
	}
	t.Logf("%d of %d found", found, all)
	if found*100 < all*95 {
		t.Errorf("%d of %d attacks are found, want 95 %%", found, all)
	}
}

// TestXMLOrdinary holds that documents as programs send them pass.
func TestXMLOrdinary(t *testing.T) {
	e := mustEngine(t)
	for name, body := range xmlFiles(t, "ordinary") {
		t.Run(name, func(t *testing.T) {
			v, f := run(t, e, post("/api", "application/xml", body), body)
			if v.Blocks() || len(f.Matches) > 0 {
				t.Errorf("%+v, rules %v", v, f.Matches)
			}
		})
	}
}

// TestXMLSubset holds that a policy may allow honest documents that declare entities of their own, and
// that by default none is.
func TestXMLSubset(t *testing.T) {
	const body = `<?xml version="1.0"?>
<!DOCTYPE book [
  <!ELEMENT book (#PCDATA)> <!ATTLIST book lang CDATA #IMPLIED>
  <!ENTITY publisher "Books &amp; Sons"> <!ENTITY copy "&#169; 2026 &publisher;">
]>
<book lang="en">&copy;</book>`
	for _, allow := range []bool{false, true} {
		e := mustEngine(t, func(p *Policy) { p.Reading.XMLDoctype = allow })
		if v, f := run(t, e, post("/api", "application/xml", body), body); v.Blocks() == allow {
			t.Errorf("allowed: %v: %+v, rules %v", allow, v, f.Matches)
		}
	}
}

func xmlFiles(t *testing.T, folder string) map[string]string {
	t.Helper()
	names, err := filepath.Glob("testdata/xml/" + folder + "/*")
	if err != nil || len(names) == 0 {
		t.Fatal(err, names)
	}
	out := map[string]string{}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = string(body)
	}
	return out
}
