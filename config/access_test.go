package config

import (
	"slices"
	"testing"
)

// Rules are those of the inherited policy first, and an own one takes the place of that whose id it has.
func TestAccessInheritance(t *testing.T) {
	r := mustParse(t, minimal+`access:
  - id: child
    inherits: base
    default: deny
    rules: [{ id: c, then: allow }, { id: a, then: deny, status: 404 }]
  - id: base
    mode: observe
    status: 451
    rules: [{ id: a, then: allow }, { id: b, then: challenge, mode: off }]
  - id: quiet
    inherits: child
`)
	child := r.Access[0]
	var got []string
	for _, rule := range child.Rules {
		got = append(got, rule.ID+" "+string(rule.Then)+" "+string(rule.Mode)+" of "+rule.Source)
	}
	if want := []string{"a deny enforce of access[0].rules[1]", "b challenge off of access[1].rules[1]", "c allow enforce of access[0].rules[0]"}; !slices.Equal(got, want) {
		t.Errorf("rules %q, want %q", got, want)
	}
	if child.Mode != Observe || child.Default != Deny || child.Status != 451 || child.ID != "child" {
		t.Errorf("%+v", child)
	}
	for _, v := range r.Access[2].Values() {
		want, ok := map[string]string{"mode": "base", "default": "child", "status": "base", "rules": "base, child", "limits": "default"}[v.Path]
		if !ok {
			want = DefaultAccessID
		}
		if v.Source != want {
			t.Errorf("%s is from %q, want %q", v.Path, v.Source, want)
		}
	}
	if len(r.Access[1].Rules) != 2 || r.Access[1].Rules[0].Then != ThenAllow {
		t.Errorf("an heir changed what it inherits: %+v", r.Access[1].Rules)
	}
	if got := r.Routes[0].Access; got != DefaultAccessID {
		t.Errorf("a route without an access policy has %q", got)
	}
}
