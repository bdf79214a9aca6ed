package waf

import (
	"strings"
	"testing"
)

// A set of descriptors that is none is told at its setting, before anything is compiled.
func TestDescriptorsThatAreNone(t *testing.T) {
	p := Policy{ID: "p", Descriptors: "syntax = \"proto3\";", DescriptorsSource: "policies[0].grpc"}
	ms := p.Mistakes()
	if len(ms) != 1 || ms[0].Source != "policies[0].grpc" || ms[0].Key != "descriptors" || !strings.Contains(ms[0].What, "protoc --include_imports") {
		t.Errorf("%+v", ms)
	}
	if _, err := NewEngine(p); err == nil || !strings.Contains(err.Error(), "policies[0].grpc.descriptors: not a descriptor set") {
		t.Error(err)
	}
}

// A name of gRPC has a slash, which SecLang takes for the beginning of an expression.
func TestTargetsOfGRPC(t *testing.T) {
	got := strings.Join(Exclusion{RuleIDs: "942100", Target: "ARGS:shop.Orders/Create.note"}.targets(), " ")
	if want := `ARGS:/^shop\.orders\/create\.note$/ ARGS:/^shop\.orders\/create\.note\./`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
