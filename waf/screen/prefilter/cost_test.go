package prefilter

import (
	"strings"
	"testing"
)

// hardExpressions are made to be slow to derive a need from.
func hardExpressions() map[string]string {
	var words []string
	for i := range 1500 {
		words = append(words, strings.Repeat(string(rune('a'+i%26)), i%7+1)+string(rune('a'+i/26%26))+strings.Repeat("z", i%11))
	}
	return map[string]string{
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
	}
}

// TestHardExpressions compiles expressions made to be slow to derive a need from: what comes out is
// at most a little larger than the expression.
func TestHardExpressions(t *testing.T) {
	for name, expr := range hardExpressions() {
		n, err := Regexp(expr)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s := NewSet([]Need{n})
		size := len(s.nodes) + len(s.subs) + len(s.literals)
		for _, l := range s.literals {
			size += len(l)
		}
		t.Logf("%s: %d bytes of expression, size %d", name, len(expr), size)
		if size > len(expr)+1000 {
			t.Errorf("%s: what an expression of %d bytes needs has the size %d", name, len(expr), size)
		}
	}
}

// BenchmarkHardExpressions is how long that takes.
func BenchmarkHardExpressions(b *testing.B) {
	for name, expr := range hardExpressions() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n, err := Regexp(expr)
				if err != nil {
					b.Fatal(err)
				}
				NewSet([]Need{n})
			}
		})
	}
}
