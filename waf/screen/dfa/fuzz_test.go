package dfa

import (
	"regexp"
	"sync"
	"testing"
)

// FuzzMatch compares with regexp on arbitrary text, for the patterns of the core rules and of
// testdata.
func FuzzMatch(f *testing.F) {
	patterns := append(ownPatterns(f), crsPatterns(f)...)
	for i, text := range texts() {
		f.Add(uint(i), text)
		f.Add(uint(len(patterns)-i), text)
	}
	type compiled struct {
		re  *regexp.Regexp
		all map[string]*Matcher
	}
	var mu sync.Mutex
	known := map[string]compiled{}
	f.Fuzz(func(t *testing.T, n uint, text string) {
		pattern := patterns[n%uint(len(patterns))]
		mu.Lock()
		c, ok := known[pattern]
		if !ok {
			c = compiled{regexp.MustCompile(pattern), variants(t, pattern)}
			known[pattern] = c
		}
		mu.Unlock()
		agree(t, pattern, c.re.MatchString(text), c.all, text)
	})
}

// FuzzPattern compares with regexp for arbitrary patterns.
func FuzzPattern(f *testing.F) {
	for _, pattern := range ownPatterns(f) {
		f.Add(pattern, "a\nabc foo\xff")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		re, want := regexp.Compile(pattern)
		if _, err := Compile(pattern, nil); (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
			t.Fatalf("pattern %q: error %v, regexp has %v", pattern, err, want)
		}
		if want != nil || len(pattern)+len(text) > 1000 {
			return // larger ones are slow to fuzz, and no different
		}
		all := variants(t, pattern)
		agree(t, pattern, re.MatchString(text), all, text)
		for i := range min(len(text), 20) { // the states of the whole are there now
			agree(t, pattern, re.MatchString(text[i:]), all, text[i:])
		}
	})
}
