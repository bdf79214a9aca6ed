package screen

import (
	"hash/maphash"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/waf/reading"
)

// TestCache remembers values of all lengths, and tells them from others, from those of another
// class, and, where that counts, from those with another key.
func TestCache(t *testing.T) {
	c := &cache{seed: maphash.MakeSeed()}
	classes := []*class{{id: 1}, {id: 1, byKey: true}}
	for n := range cacheText + 2 {
		for _, in := range classes {
			for _, byKey := range []bool{false, in.byKey} {
				testCached(t, c, in, byKey, n)
			}
		}
	}
}

func testCached(t *testing.T, c *cache, in *class, byKey bool, n int) {
	t.Helper()
	value := func(key, text string) *reading.Value {
		return &reading.Value{Kind: reading.RequestCookies, Key: key, Text: text}
	}
	key, text := strings.Repeat("k", n/3), strings.Repeat("x", n-n/3)
	var triggers []int32
	for i := range n % 5 {
		triggers = append(triggers, int32(100*n+i))
	}
	p, ok := c.place(in, value(key, text))
	if ok != (n <= cacheText) {
		t.Fatalf("%d bytes are cached: %v", n, ok)
	}
	if !ok {
		return
	}
	*c = cache{seed: c.seed}
	c.add(&p, byKey, triggers)
	if _, known := c.get(&p); known {
		t.Fatalf("%d bytes are remembered from their first appearance on", n)
	}
	c.add(&p, byKey, triggers)
	if got, known := c.get(&p); !known || !slices.Equal(got, triggers) {
		t.Fatalf("%d bytes: %v, %v, want %v", n, got, known, triggers)
	}
	for _, other := range []struct {
		what      string
		class     *class
		key, text string
		known     bool
	}{
		{"another class", &class{id: 2, byKey: in.byKey}, key, text, false},
		{"another text", in, key, text + "y", false},
		{"another key", in, key + "y", text, !byKey},
		{"no key", in, "", text, !byKey || key == ""},
		{"the same bytes, cut elsewhere", in, key + "x", text[:max(len(text)-1, 0)], !byKey && text == ""},
	} {
		p, ok := c.place(other.class, value(other.key, other.text))
		if !ok {
			continue
		}
		if _, known := c.get(&p); known != other.known {
			t.Fatalf("%d bytes, byKey %v: %s is known: %v", n, byKey, other.what, known)
		}
	}
}
