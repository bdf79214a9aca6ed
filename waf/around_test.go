package waf

import (
	"strings"
	"testing"
)

// A value goes with some of the text that it stands in, where that may tell what it is.
func TestAround(t *testing.T) {
	e := mustEngine(t)
	const attack = "x' or 1=1 --"
	for _, c := range []struct {
		name                  string
		request               *Request
		body, target, context string
	}{
		{"XML", post("/", "text/xml", "<a><b>"+attack+"</b></a>"), "<a><b>" + attack + "</b></a>", "XML:/*", "<a><b>" + attack + "</b></a>"},
		{"attribute", post("/", "text/xml", `<a b="`+attack+`"/>`), `<a b="` + attack + `"/>`, "XML:/*", `<a b="` + attack + `"/>`},
		{"entity", post("/", "text/xml", "<a>&#120;' or 1=1 --</a>"), "<a>&#120;' or 1=1 --</a>", "XML:/*", ""},
		{"JSON", post("/", "application/json", `{"a":"`+attack+`","name":"b"}`), `{"a":"` + attack + `","name":"b"}`, "ARGS:json.a", `{"a":"` + attack + `","name":"b"}`},
		{"string", get("/?q=%7Ba(b%3A%22x'+or+1%3D1+--%22)%7D"), "", "ARGS:q", `{a(b:"` + attack + `")}`},
		{"query", get("/?q=x'+or+1%3D1+--"), "", "ARGS:q", ""},
	} {
		_, f := run(t, e, c.request, c.body)
		found := false
		for _, m := range f.Matches {
			for _, one := range m.Targets {
				if one.Name == c.target && one.Value == attack {
					found = true
					if one.Around != c.context {
						t.Errorf("%s: rule %d: around %q is %q, want %q", c.name, m.RuleID, one.Value, one.Around, c.context)
					}
				}
			}
		}
		if !found {
			t.Errorf("%s: no rule has found %s: %v", c.name, c.target, f.Matches)
		}
	}
}

func TestExcerpt(t *testing.T) {
	for _, c := range []struct {
		text, value string
		before      int
		whole       bool
		want        string
	}{
		{"0123456789", "56", 2, false, "3456789"},
		{"0123456789", "56", 5, true, "0123456789"},
		{"0123456789", "56", 4, true, ""},
		{"0123456789", "x", 4, false, ""},
	} {
		if got := new(surroundings).excerpt(c.text, c.value, c.before, c.whole); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.value, c.text, got, c.want)
		}
	}
}

// However many rules match however much, looking around them is bounded.
func TestSurroundingsAreBounded(t *testing.T) {
	var s surroundings
	body := strings.Repeat("a", mostSearched/3)
	for range 100 {
		if s.excerpt(body, "b", mostBefore, false) != "" {
			t.Fatal("found what is not there")
		}
	}
	if s.searched > mostSearched {
		t.Errorf("%d bytes are looked through", s.searched)
	}
	s = surroundings{}
	for range 1000 {
		s.excerpt(body, body[:mostValue], mostBefore, false)
	}
	if s.kept < mostKept || s.kept > mostKept+mostBefore+mostValue+mostBehind {
		t.Errorf("%d bytes are kept", s.kept)
	}
}
