package waf

import (
	"fmt"
	"strings"
	"testing"
)

// TestOwnFiles has rules with operators that read files, in Coraza and in the screen alike.
func TestOwnFiles(t *testing.T) {
	p := testPolicy()
	p.RulesBefore = []RuleText{{Source: "own", Text: `
SecRule ARGS "@pmFromFile lists/words.txt" "id:100001,phase:2,deny,status:451,log"
SecRule REMOTE_ADDR "@ipMatchFromFile ./lists/bad addresses.txt" "id:100002,phase:1,deny,status:452,log"
SecRule REQUEST_HEADERS:X-Only "!@ipMatchF lists/bad addresses.txt" "id:100003,phase:1,deny,status:453,log"
SecRule REQUEST_HEADERS:X-Config "@validateSchema schema.json" "id:100004,phase:1,deny,status:454,log"
SecRule REQUEST_HEADERS:X-Status "@pmFromFile @owasp_crs/sql-errors.data" "id:100005,phase:1,deny,status:455,log"
`}}
	p.RulesBefore[0].Files = map[string]string{
		"lists/words.txt":         "# words\n\nForbidden phrase\nlast",
		"lists/bad addresses.txt": "# addresses\n192.0.2.7\n198.51.100.0/24\n2001:db8::/32\n10.0.0.0/8\n10.1.0.0/16\n",
		"schema.json":             `{"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}}`,
	}
	e, err := NewEngine(p)
	if err != nil || e.NoScreen() != nil {
		t.Fatal(err, e.NoScreen())
	}
	for _, test := range []struct {
		target, from, header, value string
		status                      int
	}{
		{"/?q=hello", "203.0.113.1", "", "", 0},
		{"/?q=a+FORBIDDEN+phrase+b", "203.0.113.1", "", "", 451},
		{"/", "192.0.2.7", "", "", 452},
		{"/", "192.0.2.8", "", "", 0},
		{"/", "198.51.100.255", "", "", 452},
		{"/", "198.51.101.0", "", "", 0},
		{"/", "2001:db8:1::1", "", "", 452},
		{"/", "10.255.255.255", "", "", 452},
		{"/", "11.0.0.0", "", "", 0},
		{"/", "::ffff:10.1.2.3", "", "", 452},
		{"/", "203.0.113.1", "X-Only", "203.0.113.1", 453},
		{"/", "203.0.113.1", "X-Only", "10.0.0.1", 0},
		{"/", "203.0.113.1", "X-Config", `{"a":1}`, 0},
		{"/", "203.0.113.1", "X-Config", `{"a":"1"}`, 454},
		{"/", "203.0.113.1", "X-Config", `{`, 454},
		{"/", "203.0.113.1", "X-Status", "You have an error in your SQL syntax", 455},
	} {
		r := &Request{
			Method: "GET", Target: test.target, Protocol: "HTTP/1.1", Host: "a.example", ClientAddr: test.from,
			Headers: []Header{{Name: "Host", Value: "a.example"}, {Name: "User-Agent", Value: "x"}, {Name: "Accept", Value: "*/*"}},
		}
		if test.header != "" {
			r.Headers = append(r.Headers, Header{Name: test.header, Value: test.value})
		}
		tx := e.Begin(t.Context(), Terms{ID: "t"})
		v, err := tx.RequestHead(r)
		if err == nil && !v.Blocks() {
			v, err = tx.RequestBody(nil, true)
		}
		f, err2 := tx.Finish()
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if v.Status != test.status || f.Screened == ScreenClean && test.status != 0 {
			t.Errorf("%+v: %+v, screen %s", test, v, f.Screened)
		}
		if test.header == "" && test.status == 0 && f.Screened != ScreenClean {
			t.Errorf("%+v: the screen says %s because of %+v", test, f.Screened, f.Asked)
		}
	}

	other := p
	other.RulesBefore = []RuleText{p.RulesBefore[0]}
	other.RulesBefore[0].Files = map[string]string{"lists/words.txt": "other", "lists/bad addresses.txt": "192.0.2.7", "schema.json": "{}"}
	if p.Digest() == other.Digest() {
		t.Error("what is in a file does not change the digest")
	}
	if len(p.own()) != 1 || strings.Contains(p.own()[0].Text, ownFolder) {
		t.Error("the policy's own text was changed")
	}
}

// TestOwnFileMistakes finds what is wrong with files.
func TestOwnFileMistakes(t *testing.T) {
	for _, test := range []struct{ operator, content, want string }{
		{"pmFromFile", "a\nb", ""},
		{"pmFromFile", "# a\n\n", "file.txt: holds nothing to compare with"},
		{"pmFromFile", "a\n" + strings.Repeat("b", 64<<10), "file.txt line 2: 65536 bytes, more than 65535"},
		{"ipMatchFromFile", "10.0.0.1\n\n10.0.0.300\n10.0.0.0/33 # x", `file.txt line 3: "10.0.0.300" is no address or network`},
		{"ipMatchFromFile", "fe80::1%eth0", `file.txt line 1: "fe80::1%eth0" is no address`},
		{"ipMatchF", "", "file.txt: holds nothing"},
		{"validateSchema", "{", "file.txt: is not JSON"},
		{"validateSchema", `{"$ref":"https://schemas.example/a.json"}`, "file.txt: refers to https://schemas.example/a.json, which is not in it"},
		{"validateSchema", `{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`, ""},
	} {
		p := testPolicy()
		p.ScreenOff = true
		p.RulesAfter = []RuleText{{Source: "after", Text: fmt.Sprintf(`SecRule ARGS "@%s file.txt" "id:100001,phase:2,pass,log"`, test.operator), Files: map[string]string{"file.txt": test.content}}}
		var want []string
		if test.want != "" {
			want = []string{test.want}
		}
		refuses(t, p, want)
	}
	p := testPolicy()
	p.RulesBefore = []RuleText{{Source: "before", Text: `SecRule ARGS "@pmf nothing.txt" "id:100001,phase:2,pass,log"`}}
	refuses(t, p, []string{`before line 1: @pmf: there is no file "nothing.txt" beside the route file`})
}

// TestSchemaOfBody checks bodies of JSON against a schema.
func TestSchemaOfBody(t *testing.T) {
	p := testPolicy()
	p.RulesAfter = []RuleText{{Source: "own", Text: `SecRule REQUEST_BODY "@validateSchema order.json" "id:100001,phase:2,deny,status:422,log"`}}
	p.RulesAfter[0].Files = map[string]string{"order.json": `{"type":"object","required":["item"],"additionalProperties":false,"properties":{"item":{"type":"string"}}}`}
	e, err := NewEngine(p)
	if err != nil {
		t.Fatal(err)
	}
	for body, status := range map[string]int{`{"item":"a"}`: 0, `{"item":1}`: 422, `{"item":"a","more":true}`: 422, ``: 0} {
		tx := e.Begin(t.Context(), Terms{ID: "t"})
		_, err1 := tx.RequestHead(&Request{
			Method: "POST", Target: "/", Protocol: "HTTP/1.1", Host: "a.example", Headers: []Header{
				{Name: "Host", Value: "a.example"}, {Name: "User-Agent", Value: "x"}, {Name: "Accept", Value: "*/*"},
				{Name: "Content-Type", Value: "application/json"}, {Name: "Content-Length", Value: fmt.Sprint(len(body))},
			},
		})
		v, err2 := tx.RequestBody([]byte(body), true)
		_, err3 := tx.Finish()
		if err1 != nil || err2 != nil || err3 != nil || v.Status != status {
			t.Errorf("%s: %+v (%v, %v, %v), want %d", body, v, err1, err2, err3, status)
		}
	}
}
