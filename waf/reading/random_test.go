package reading

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

var randomMessages = flag.Int("messages", 600, "messages of each kind that TestRandom makes")

// maker makes messages that are nearly well-formed, which a fuzzer seldom comes to.
type maker struct{ *rand.Rand }

func (r maker) one(words ...string) string { return words[r.IntN(len(words))] }

// some puts up to n words together.
func (r maker) some(n int, words ...string) string {
	var b strings.Builder
	for range r.IntN(n + 1) {
		b.WriteString(r.one(words...))
	}
	return b.String()
}

// blemish spoils a text in one place, most times not at all.
func (r maker) blemish(s string) string {
	if s == "" || r.IntN(3) > 0 {
		return s
	}
	i := r.IntN(len(s))
	switch r.IntN(3) {
	case 0:
		return s[:i] + s[i+1:]
	case 1:
		return s[:i] + r.one("\"", "\\", "{", "]", ",", "\x00", "\r", "\n", "<", "&", "\xff", "-", " ", ";", "=", "\t", "é") + s[i:]
	default:
		return s[:i] + s[i+1:] + s[i:i+1]
	}
}

func (r maker) target() string {
	return r.one("/", "/", "//", "*", "", "http://h", "a:") +
		r.some(8, "/", "a", "B", "%41", "%", "%zz", "%2f", "%5C", "\\", "?", "&", "#", ":", "@", ";", "é", "\xff", " ", "\x01", "[", "<", "%00") +
		r.one("", "?") + r.form()
}

func (r maker) form() string {
	return r.some(10, "a", "b", "=", "=", "&", "&", "%41", "%", "%4", "%zz", "+", "é", "\xff", "%C3%89", "#", "?", "\x00", "A", "a=1&", "user_id=%20&")
}

func (r maker) headers() (h []Header) {
	for range r.IntN(5) {
		h = append(h, Header{Name: r.one("Cookie", "cookie", "Content-Type", "content-type", "X-A", "x-a", "", "Coo\u212aie", "\xff", "X-B"), Value: r.some(8, ";", "=", " ", "\x01", "a", "A", "b", "\t", "\x7f", "é", "\u00a0", "application/x-www-form-urlencoded", "multipart/form-data", "MULT\u0130PART/form-data")})
	}
	return h
}

func (r maker) jsonSpace() string { return r.some(1, " ", "\t", "\r\n", "\n  ") }

func (r maker) jsonString() string {
	return `"` + r.some(5, "a", "B", ".", "é", "\xff", `\n`, `\"`, `\\`, `\/`, `\u0041`, `\ud83d\ude42`, `\ud800`, `\udc00`, `\u0000`, "<", "\x7f", " ") + `"`
}

func (r maker) json(depth int) string {
	var b strings.Builder
	switch n := r.IntN(8); {
	case depth > 0 && n < 3:
		b.WriteString("{")
		for i := range r.IntN(4) {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(r.jsonSpace() + r.jsonString() + r.jsonSpace() + ":" + r.jsonSpace() + r.json(depth-1) + r.jsonSpace())
		}
		b.WriteString("}")
	case depth > 0 && n < 5:
		b.WriteString("[" + r.jsonSpace())
		for i := range r.IntN(4) {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(r.jsonSpace() + r.json(depth-1) + r.jsonSpace())
		}
		b.WriteString("]")
	case n == 5:
		b.WriteString(r.one("true", "false", "null"))
	case n == 6:
		b.WriteString(r.one("0", "-1", "12.50", "1e9", "-0.1E-7", "123456789012345678901234567890", "01", "+1", "1.", "nan", "Infinity"))
	default:
		b.WriteString(r.jsonString())
	}
	return b.String()
}

func (r maker) multipart() string {
	var b strings.Builder
	for range 1 + r.IntN(3) {
		b.WriteString("--b\r\n")
		fields := []string{
			r.one("Content-Disposition", "content-disposition", "Content-Disposition") + ": form-data" +
				r.one("; name=a", `; name="a"`, `; name=""`, `; name="é;x='y'"`) +
				r.one("", "", "", `; filename="f"`, `; filename="F"`, `; filename="f.txt"`, `;filename="F.TXT"`, `; filename=""`, "; filename=x", "; filename*=utf-8''x", `; filename="a\b"`, `; filename*0=x`),
		}
		for range r.IntN(2) * r.IntN(3) {
			fields = append(fields, r.one("Content-Type:text/plain", "Content-Type: x/y", "X-1: 1", "X-2:  2 ", "content-ID:3", "X-4:é", "content-type: image/png ", "X-y-Z:\t a\tb", "X-Y: \x7f", "Content-Transfer-Encoding: base64", "Bad Name: x", "X-E:"))
		}
		r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		b.WriteString(strings.Join(fields, "\r\n") + "\r\n\r\n")
		b.WriteString(r.some(4, "x", "x", "y\r\nz", "\r\n", "--", "\r\n--", "\r\n--c", "\n--b", "\x00", "é", "--b") + "\r\n")
	}
	return b.String() + r.one("--b--\r\n", "--b--", "--b--\r\n", "--b--", "--b-- \r\n", "--b--\r\n\r\n")
}

func (r maker) xmlText(quote string) string {
	return strings.ReplaceAll(r.some(5, "a", " ", "é", "&amp;", "&lt;", "&#65;", "&#x20;", "&#13;", "\r\n", "\r", "\n", "'", `"`, ">", "\u2003", "&#160;", "&#xFFFE;", "&#55296;", "]"), quote, "q")
}

func (r maker) xml(depth int) string {
	name := r.one("a", "b:c", "_x-1.y", "br", "Link", "soap:Body")
	var b strings.Builder
	b.WriteString("<" + name)
	for range r.IntN(3) {
		quote := r.one(`"`, "'")
		b.WriteString(r.one(" ", "\n") + r.one("a", "xmlns:b", "x:y") + "=" + quote + r.xmlText(quote) + quote)
	}
	if r.IntN(4) == 0 {
		return b.String() + r.one("/>", " />")
	}
	b.WriteString(r.one(">", ">", " >") + r.xmlText("zz"))
	for range r.IntN(3) {
		if depth > 0 {
			b.WriteString(r.xml(depth - 1))
		}
		b.WriteString(r.xmlText("zz") + r.one("", "", "<!-- c -->", "<![CDATA["+r.some(4, "x", "]", "]]", "<b>", "&amp;", "\r\n", " ")+"]]>"))
	}
	return b.String() + "</" + name + ">"
}

// TestRandom holds made messages to their floor. That enough of them are not refused shows that the
// test looks at something.
func TestRandom(t *testing.T) {
	for _, test := range []struct {
		name, mediaType string
		read            int // at least, in percent
		body            func(r maker) string
	}{
		{"head", "", 100, func(maker) string { return "" }},
		{"form", "application/x-www-form-urlencoded", 60, maker.form},
		{"json", "application/json", 50, func(r maker) string { return r.jsonSpace() + r.json(4) + r.jsonSpace() }},
		{"multipart", "multipart/form-data; boundary=b", 15, maker.multipart},
		{"xml", "text/xml", 15, func(r maker) string {
			return r.one("", `<?xml version="1.0" encoding="UTF-8"?>`, "<?xml version='1.0'?>\n", `<?xml version="1.0" encoding="latin1"?>`) + r.xml(3)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := new(Values)
			read := 0
			for i := range *randomMessages {
				r := maker{rand.New(rand.NewPCG(1, uint64(i)))}
				m := &sample{}
				m.Method, m.Target, m.Protocol, m.ID = "POST", "/", "HTTP/1.1", strconv.Itoa(i+1)
				if test.mediaType == "" {
					m.Target, m.Headers = r.target(), r.headers()
				} else {
					m.Headers = []Header{{Name: "Content-Type", Value: test.mediaType}}
					m.body = []byte(r.blemish(test.body(r)))
				}
				if check(t, v, m) == "" {
					read++
				}
				if t.Failed() {
					t.Fatalf("message %d: %q %q %q", i, m.Target, m.Headers, m.body)
				}
			}
			if read*100 < test.read**randomMessages {
				t.Errorf("%d of %d are read, want %d %%", read, *randomMessages, test.read)
			}
			t.Logf("%d of %d read", read, *randomMessages)
		})
	}
}
