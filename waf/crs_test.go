package waf

import (
	"bytes"
	"io/fs"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// Every change to CRS is found in the text that policies are compiled from.
func TestRuleEdits(t *testing.T) {
	for _, e := range ruleEdits() {
		text, err := fs.ReadFile(rules(), e.file)
		if err != nil {
			t.Fatal(err)
		}
		original, err := fs.ReadFile(coreruleset.FS, e.file)
		if err != nil {
			t.Fatal(err)
		}
		begin, end := ruleAt(string(text), e.rule)
		was, ends := ruleAt(string(original), e.rule)
		if begin == end || bytes.Equal(text[begin:end], original[was:ends]) {
			t.Errorf("rule %d is not changed", e.rule)
		}
	}
	broken := editedRules(fstest.MapFS{ruleEdits()[0].file: {Data: []byte("SecMarker x\n")}})
	if _, err := fs.ReadFile(broken, ruleEdits()[0].file); err == nil {
		t.Error("a rule that is not there cannot be changed")
	}
}

// JSON inside an argument is no SQL, and SQL about JSON stays SQL, also inside a string of JSON.
func TestJSONInArguments(t *testing.T) {
	e := mustEngine(t)
	for _, tt := range []struct {
		value  string
		blocks bool
	}{
		{`{"event":"view","items":["[1,2]","x"],"user":{"id":7,"tags":["a","b"]}}`, false},
		{`[["a",{"b":"{}"}]]`, false},
		{`42["message",{"room":"7"}]`, false},
		{`1' or '{"b":2}'::jsonb <@ '{"a":1, "b":2}'::jsonb -- `, true},
		{`{"a":"1' or '{\"b\":2}'::jsonb <@ '{\"a\":1, \"b\":2}'::jsonb -- "}`, true},
	} {
		v, f := run(t, e, post("/", "application/x-www-form-urlencoded", ""), "data="+url.QueryEscape(tt.value))
		if v.Blocks() != tt.blocks {
			t.Errorf("%s: verdict %+v, want blocks %v (rules %v)", tt.value, v, tt.blocks, ids(f))
		}
	}
}

// An exclusion that names an argument means also what is read in it.
func TestExclusionWithin(t *testing.T) {
	const body = `{"comment":"{\"text\":\"<script>alert(1)</script>\"}","other":"x"}`
	for name, x := range map[string]Exclusion{
		"everywhere by id":  {RuleIDs: "941000-942999", Target: "ARGS:json.comment"},
		"everywhere by tag": {Tag: "OWASP_CRS", Target: "ARGS:json.comment"},
		"below a path":      {RuleIDs: "941000-942999", Target: "ARGS:json.comment", Path: "/blog"},
	} {
		e := mustEngine(t, func(p *Policy) { p.Exclusions = []Exclusion{x} })
		if err := e.NoScreen(); err != nil {
			t.Error(name, err)
		}
		if v, f := run(t, e, post("/blog/post", "application/json", body), body); v.Blocks() {
			t.Errorf("%s: %+v, rules %v", name, v, ids(f))
		}
		other := strings.Replace(body, "comment", "title", 1)
		if v, _ := run(t, e, post("/blog/post", "application/json", other), other); !v.Blocks() {
			t.Errorf("%s: another argument is excluded too", name)
		}
	}
}

// What cannot be read is told with its reason, and an exclusion at a path holds for it.
func TestUnreadable(t *testing.T) {
	many := strings.Repeat("a=1&", 1001)
	e := mustEngine(t, func(p *Policy) {
		p.Exclusions = []Exclusion{{RuleIDs: "200002-200005", Path: "/old"}}
	})
	for _, test := range []struct{ media, body, message string }{
		{"application/json", `{"a":1,}`, "Request body cannot be parsed: JSON is not valid (byte 7)"},
		{"application/x-www-form-urlencoded", many, "More arguments, cookies, parts or values than are inspected"},
	} {
		v, f := run(t, e, post("/new", test.media, test.body), test.body)
		if v.Status != 400 || len(f.Matches) == 0 || f.Matches[0].Message != test.message {
			t.Errorf("%s: %+v, %+v", test.message, v, f.Matches)
		}
		if v, f := run(t, e, post("/old/1", test.media, test.body), test.body); v.Blocks() {
			t.Errorf("%s: blocked at the path of an exclusion: %+v, rules %v", test.message, v, ids(f))
		}
	}
}

// Events name XML as exclusions do.
func TestXMLTarget(t *testing.T) {
	const body = `<a>&lt;script>alert(1)&lt;/script></a>`
	if _, f := run(t, mustEngine(t), post("/", "text/xml", body), body); len(f.Matches) == 0 || f.Matches[0].Targets[0].Name != "XML:/*" {
		t.Errorf("%+v", f.Matches)
	}
}
