package waf

import (
	"testing"
)

// TestWithout leaves an own rule out of one transaction. Another one with the same values has it again: what the
// screen learns without a rule is not remembered.
func TestWithout(t *testing.T) {
	p := testPolicy()
	p.RulesBefore = []RuleText{{Source: "own", Text: `SecRule ARGS "@contains forbidden" "id:100001,phase:2,deny,log"`}}
	e, err := NewEngine(p)
	if err != nil || e.NoScreen() != nil {
		t.Fatal(err, e.NoScreen())
	}
	ask := func(without ...int) (Verdict, Screened) {
		tx := e.Begin(t.Context(), Terms{ID: "t", Without: without})
		_, err1 := tx.RequestHead(&Request{
			Method: "GET", Target: "/?q=forbidden", Protocol: "HTTP/1.1", Host: "a.example",
			Headers: []Header{{Name: "Host", Value: "a.example"}, {Name: "User-Agent", Value: "x"}, {Name: "Accept", Value: "*/*"}},
		})
		v, err2 := tx.RequestBody(nil, true)
		f, err3 := tx.Finish()
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		return v, f.Screened
	}
	for range 3 {
		if v, said := ask(100001); v.Blocks() || said != ScreenClean {
			t.Errorf("without the rule: %+v, screen says %s", v, said)
		}
		if v, _ := ask(); !v.Blocks() || v.RuleID != 100001 {
			t.Errorf("with the rule: %+v", v)
		}
	}
	if !e.Owns(100001) || e.Owns(942100) {
		t.Error("own rules are not told from those of CRS")
	}
}
