package config

import (
	"reflect"
	"slices"
	"testing"
)

const family = minimal + `policies:
  - id: child
    inherits: base
    mode: detect
    paranoia: { blocking: 3 }
    crs: { restricted_extensions: [.bak], max_num_args: 10 }
    exclusions: [{ rule: 3, reason: third }]
    rules_after: []
  - id: base
    reporting_level: 2
    crs: { restricted_extensions: [.a, .b, .c, .d] }
    exclusions: [{ rule: 1, reason: first }, { rule: 2, reason: second }]
    rules_before: [{ inline: SecAction base }]
  - id: grandchild
    inherits: child
    mode: block
    exclusions: [{ rule: 4, reason: fourth }]
    rules_before: [{ inline: SecAction grandchild }]
  - id: sibling
    inherits: base
    exclusions: [{ rule: 5, reason: fifth }]
`

func ruleIDs(p Policy) []int {
	var ids []int
	for _, e := range p.Exclusions {
		ids = append(ids, e.Rule)
	}
	return ids
}

func TestInheritance(t *testing.T) {
	r := mustParse(t, family)
	base, child, grandchild, sibling := policy(t, r, "base"), policy(t, r, "child"), policy(t, r, "grandchild"), policy(t, r, "sibling")

	equal := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	equal("a key that nobody sets", grandchild.Thresholds, DefaultPolicy().Thresholds)
	equal("an inherited key", grandchild.ReportingLevel, 2)
	equal("an overridden key", []Mode{base.Mode, child.Mode, grandchild.Mode, sibling.Mode}, []Mode{ModeBlock, ModeDetect, ModeBlock, ModeBlock})
	equal("a list that replaces", child.CRS.RestrictedExtensions, []string{".bak"})
	equal("the list of the parent", base.CRS.RestrictedExtensions, []string{".a", ".b", ".c", ".d"})
	equal("another list of the same group", child.CRS.AllowedMethods, DefaultPolicy().CRS.AllowedMethods)
	equal("exclusions", [][]int{ruleIDs(base), ruleIDs(child), ruleIDs(grandchild), ruleIDs(sibling)},
		[][]int{{1, 2}, {1, 2, 3}, {1, 2, 3, 4}, {1, 2, 5}})
	equal("rules_before", []string{grandchild.RulesBefore[0].Inline, grandchild.RulesBefore[1].Inline},
		[]string{"SecAction base", "SecAction grandchild"})
	equal("ids", []string{child.ID, child.Inherits, base.Inherits}, []string{"child", "base", ""})
	equal("paranoia that follows", grandchild.Paranoia, Paranoia{Blocking: 3, Detection: 3})

	for key, want := range map[string]string{
		"mode":                      "grandchild",
		"paranoia.blocking":         "child",
		"paranoia.detection":        "child",
		"thresholds.inbound":        "default",
		"reporting_level":           "base",
		"crs.restricted_extensions": "child",
		"crs.max_num_args":          "child",
		"crs.arg_length":            "default",
		"exclusions":                "base, child, grandchild",
		"rules_before":              "base, grandchild",
		"rules_after":               "default",
	} {
		equal("source of "+key, grandchild.Sources[key], want)
	}
	for _, p := range r.Policies {
		for _, key := range policySettings() {
			if p.Sources[key] == "" {
				t.Errorf("policy %s: %s has no source", p.ID, key)
			}
		}
	}
}

func TestDetectionStaysWhereItWasSet(t *testing.T) {
	r := mustParse(t, minimal+`policies:
  - { id: base, paranoia: { detection: 4 } }
  - { id: heir, inherits: base, paranoia: { blocking: 2 } }
`)
	if got := policy(t, r, "heir"); got.Paranoia != (Paranoia{2, 4}) || got.Sources["paranoia.detection"] != "base" {
		t.Errorf("got %+v, set by %q", got.Paranoia, got.Sources["paranoia.detection"])
	}
}

func TestOwnDefault(t *testing.T) {
	r, err := LoadRoutes("testdata/valid/own-default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Policies) != 3 {
		t.Errorf("the file defines default, so none is added: %d policies", len(r.Policies))
	}
	own, heir, other := policy(t, r, "default"), policy(t, r, "heir"), policy(t, r, "other")
	if own.Mode != "detect" || heir.Mode != "detect" || other.Mode != "block" {
		t.Errorf("modes %s, %s, %s", own.Mode, heir.Mode, other.Mode)
	}
	if !slices.Equal(ruleIDs(heir), []int{942100}) || heir.Sources["exclusions"] != "default" || !slices.Equal(ruleIDs(other), []int{941100}) {
		t.Errorf("exclusions %v of %q, %v", ruleIDs(heir), heir.Sources["exclusions"], ruleIDs(other))
	}
}

func TestBuiltInDefaultCanBeInherited(t *testing.T) {
	r := mustParse(t, minimal+"policies: [{ id: heir, inherits: default }]\n")
	heir, want := policy(t, r, "heir"), DefaultPolicy()
	want.ID, want.Inherits = "heir", "default"
	if !reflect.DeepEqual(heir, want) {
		t.Errorf("\n got %+v\nwant %+v", heir, want)
	}
}

// TestPoliciesShareNothing overwrites every list item of one policy and expects all
// others as they were.
func TestPoliciesShareNothing(t *testing.T) {
	fresh := mustParse(t, family)
	for i := range fresh.Policies {
		r := mustParse(t, family)
		spoil(reflect.ValueOf(&r.Policies[i]).Elem())
		for j := range r.Policies {
			if j != i && !reflect.DeepEqual(r.Policies[j], fresh.Policies[j]) {
				t.Errorf("policy %s shares memory with %s", r.Policies[i].ID, r.Policies[j].ID)
			}
		}
	}
	if !reflect.DeepEqual(mustParse(t, family), fresh) {
		t.Error("two loads share memory")
	}
}

// spoil overwrites what slices and maps below v hold, spare capacity included.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			spoil(v.Field(i))
		}
	case reflect.Slice:
		all := v.Slice(0, v.Cap())
		for i := range all.Len() {
			all.Index(i).SetZero()
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, reflect.ValueOf("spoiled"))
		}
	}
}
