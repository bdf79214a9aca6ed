package dfa

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// argument finds the patterns of the core rules. Rules are written on one line, or with the
// operator at the end of one.
var argument = regexp.MustCompile(`"!?@rx ((?:[^"\\]|\\.)*)"`)

// crsPatterns returns the patterns of the core rules as the engine compiles them.
func crsPatterns(tb testing.TB) []string {
	tb.Helper()
	files, err := fs.Glob(coreruleset.FS, "@owasp_crs/*.conf")
	if err != nil {
		tb.Fatal(err)
	}
	var patterns []string
	seen := map[string]bool{}
	for _, name := range files {
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			tb.Fatal(err)
		}
		for _, found := range argument.FindAllStringSubmatch(string(text), -1) {
			pattern := "(?sm)" + strings.ReplaceAll(found[1], `\"`, `"`)
			if _, err := regexp.Compile(pattern); err == nil && !seen[pattern] {
				seen[pattern] = true
				patterns = append(patterns, pattern)
			}
		}
	}
	if len(patterns) < 200 {
		tb.Fatalf("%d patterns of the core rules, want at least 200", len(patterns))
	}
	return patterns
}

// ownPatterns returns the patterns of testdata/patterns.txt.
func ownPatterns(tb testing.TB) []string {
	tb.Helper()
	text, err := os.ReadFile("testdata/patterns.txt")
	if err != nil {
		tb.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	return lines[1:]
}

// texts are inputs that tell the patterns of testdata apart.
func texts() []string {
	return []string{
		"", "a", "b", "abc", "abc\n", "\nabc", "\nabc\n", "x\nabc\ny", "\n", "\n\n", "a\nb", "a\n\nb", "aaab", "aaaaaaaab",
		"foo", " foo ", "foobar", "foo bar", "xfoox", "foo\x80", "é", "a é a", "k", "K", "\u212a", "s", "\u017f", "ssS", "ß",
		"STRASSE", "straße", "STRAẞE", "ÿ", "Ÿ", "σ", "Σ", "ς", "\xff", "\x80\x80", "\xc3", "a\xc3", "\xe2\x84", "\u212ax",
		"\ufffd", "a\ufffd", "\ufffda", "\U0010ffff", "\U0010ffffa", "\xed\xa0\x80", "a\xed\xa0\x80", "\xf4\x90\x80\x80",
		"ababababababc", "aaaaaaaaaaaaaaaaaaaaaaaaaaaac", "abbbabbac", "λ1", "ab_9-", " x_y0!", ".*", "\t\u00a0a ", "c", "_c", "é c",
		"id=1 union select password from users--", "<script>alert(1)</script>", "/etc/passwd", "; cat /etc/passwd | sh",
		"${jndi:ldap://x/a}", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101", "application/x-www-form-urlencoded; charset=utf-8",
		"../../../../windows/win.ini", "<?php eval($_GET['x']); ?>", "O:8:\"stdClass\":0:{}", "' or '1'='1",
	}
}

// random makes a text of pieces that patterns are sensitive to.
func random(r *rand.Rand, pieces []string, n int) string {
	var b strings.Builder
	for range r.IntN(n) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// variants compiles a pattern with the bounds of the product and with ones so tight that all ways
// out of them are taken.
func variants(tb testing.TB, pattern string) map[string]*Matcher {
	tb.Helper()
	all := map[string]*Matcher{}
	for name, l := range map[string]limits{
		"default":   defaults(),
		"no room":   {own: 1, most: 1, price: 1, allowance: 1 << 30},
		"drops":     {own: 2048, most: 2048, price: 1, allowance: 1 << 30},
		"no credit": {own: 1 << 20, most: 1 << 20, price: 1 << 30},
		"little":    {own: 1024, most: 4096, price: 3, allowance: 8},
	} {
		m, err := compileWithin(pattern, NewBudget(2048), l)
		if err != nil {
			tb.Fatal(err)
		}
		all[name] = m
	}
	return all
}

func agree(tb testing.TB, pattern string, want bool, all map[string]*Matcher, text string) {
	tb.Helper()
	for name, m := range all {
		if got := m.MatchString(text); got != want {
			tb.Errorf("%s: pattern %q on %q: %t, regexp has %t", name, pattern, text, got, want)
		}
	}
}

func TestAgreesWithRegexp(t *testing.T) {
	pieces := append(texts(), strings.Split("abcfkoszxABKSZ019_-.,:;/\\'\"<>()[]{}=&%$#@!?*+|~^` \t\r\n\x00\x7f", "")...)
	for _, pattern := range append(ownPatterns(t), crsPatterns(t)...) {
		re := regexp.MustCompile(pattern)
		all := variants(t, pattern)
		for _, text := range texts() {
			agree(t, pattern, re.MatchString(text), all, text)
		}
		r := rand.New(rand.NewPCG(1, uint64(len(pattern))))
		for range 50 {
			text := random(r, pieces, 12)
			agree(t, pattern, re.MatchString(text), all, text)
		}
	}
}

// Every text over a small alphabet, so that no order of assertions is missed.
func TestAgreesOnAllShortTexts(t *testing.T) {
	alphabet := []string{"a", "b", "c", "\n", " ", "é", "\xff"}
	var short []string
	var grow func(prefix string, n int)
	grow = func(prefix string, n int) {
		short = append(short, prefix)
		if n > 0 {
			for _, s := range alphabet {
				grow(prefix+s, n-1)
			}
		}
	}
	grow("", 4)
	for _, pattern := range ownPatterns(t) {
		re := regexp.MustCompile(pattern)
		all := variants(t, pattern)
		for _, text := range short {
			agree(t, pattern, re.MatchString(text), all, text)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, pattern := range []string{"(", "a**", "[b-a]", `\8`, "a{1001}", "(?=a)", "\xff", "[[:foo:]]"} {
		_, err := Compile(pattern, nil)
		_, want := regexp.Compile(pattern)
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("pattern %q: error %v, regexp has %v", pattern, err, want)
		}
	}
}

func TestConcurrent(t *testing.T) {
	patterns := []string{
		`(?sm)[ab]*a[ab]{12}c`, // as many states as there are texts
		`(?smi)\b(?:union|select)\b.{0,20}\bfrom\b`,
		`(?sm)^[a-c\n]+$`,
	}
	budget := NewBudget(4 << 10)
	for _, pattern := range patterns {
		re := regexp.MustCompile(pattern)
		m, err := compileWithin(pattern, budget, limits{own: 4 << 10, most: 8 << 10, price: 4, allowance: 1 << 10})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(2, uint64(g)))
				pieces := []string{"a", "b", "a", "b", "ab", "c", "\n", "union ", "SELECT", " from ", "é"}
				for range 500 {
					text := random(r, pieces, 60)
					if got, want := m.MatchString(text), re.MatchString(text); got != want {
						t.Errorf("pattern %q on %q: %t, regexp has %t", pattern, text, got, want)
					}
				}
			})
		}
		wg.Wait()
	}
}
