package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestSyntaxLines: a mistake in YAML is told at the line that it is in, with what to do about it.
func TestSyntaxLines(t *testing.T) {
	f := func(line int, want, text string) {
		t.Helper()
		_, err := parse([]string{"routes.yaml"}, [][]byte{[]byte(text)}, memory(nil))
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("routes.yaml:%d: not valid YAML: ", line)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want line %d and %q, got %v", text, line, want, err)
		}
	}
	f(3, "fits nothing above it", "routes:\n  - id: a\n   hosts: [x]\n")
	f(4, "fits nothing above it", "routes:\n  - id: a\n    hosts: [x]\n   policy: b\n    upstreams: []\n")
	f(4, "fits nothing above it", "policies:\n  - id: a\n    mode: block\n  mode: block\nroutes: []\n")
	f(2, "needs quotes", "routes:\n  - id: *.example.com\n    policy: x\n")
	f(3, "single quotes", "routes:\n  - id: a\n    paths: [{ regex: \"\\d+\" }]\n    policy: x\n")
	f(3, "the same indentation", "routes:\n  - id: a\n      hosts: [x]\n    policy: x\n")
	f(3, "needs quotes", "routes:\n  - id: a\n    policy: @x\n    hosts: []\n")
	f(2, "not tabs", "routes:\n\t- id: a\n")
	f(4, "',' or ']'", "routes:\n  - id: a\n    hosts: [x\n    upstreams: [{ id: a }]\n")
	f(5, "", "routes:\n  - id: a\n    hosts: [x]\n    policy: ä\n    upstreams: {\n")
}
