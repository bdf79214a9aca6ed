package view

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestFailuresAreTold wants a sentence for each word that docs/operations.md has.
func TestFailuresAreTold(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "`error`, and with the same words the label")
	table, _, _ = strings.Cut(table, "\n### ")
	words := 0
	for line := range strings.Lines(table) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, found := range regexp.MustCompile("`([a-z0-9_]+)").FindAllStringSubmatch(first, -1) {
			words++
			if told := Failure(found[1], ""); strings.Contains(told, "Closed sets") {
				t.Errorf("%s has no sentence", found[1])
			}
		}
	}
	if words < 50 {
		t.Errorf("%d words", words)
	}
	for word, want := range map[string]string{
		"": "not told", "access_denied": "access_denied: the access policy denies it (access_rule hidden)",
		"te_conflict": "te_conflict: \"Closed sets\"", "path_dots": "path_dots: two parsers",
	} {
		rule := map[bool]string{true: "hidden"}[word == "access_denied"]
		if got := Failure(word, rule); !strings.HasPrefix(got, want) {
			t.Errorf("%q is %q", word, got)
		}
	}
	if got := Meaning("access_denied", "hidden"); got != "the access policy denies it (access_rule hidden)" {
		t.Errorf("a sentence is %q", got)
	}
}
