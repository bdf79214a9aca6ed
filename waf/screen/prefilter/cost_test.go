package prefilter

import (
	"strings"
	"testing"
	"time"
)

// TestHardExpressions compiles expressions made to be slow to derive a need from.
func TestHardExpressions(t *testing.T) {
	var words []string
	for i := range 1500 {
		words = append(words, strings.Repeat(string(rune('a'+i%26)), i%7+1)+string(rune('a'+i/26%26))+strings.Repeat("z", i%11))
	}
	for name, expr := range map[string]string{
		"repeats":      `(?:(?:(?:(?:(?:a|b){4}c){4}d){4}e){3}f)`,
		"product":      `(?:[ab][cd]){100}`,
		"sets":         strings.Repeat(`[a-c]x`, 500),
		"optional":     strings.Repeat("(?:foo|bar)?", 300),
		"nested":       strings.Repeat("(", 300) + "a" + strings.Repeat(".*x|b)", 300),
		"nested twice": strings.Repeat("(", 200) + "a" + strings.Repeat("x|b.*c)", 200),
		"words":        "(?:" + strings.Join(words, "|") + ")",
		"open words":   "(?:" + strings.Join(words, ".*a|") + ")(?:" + strings.Join(words, "|") + ")",
		"long":         strings.Repeat("a", 5000),
		"copies":       strings.Repeat("(?:", 200) + "ab" + strings.Repeat("){2}", 9) + strings.Repeat(")+", 191),
	} {
		start := time.Now()
		n, err := Regexp(expr)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		NewSet([]Need{n})
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: compiled in %v", name, took)
		} else {
			t.Logf("%s: compiled in %v", name, took)
		}
	}
}
