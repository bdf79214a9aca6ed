package screen

import (
	"hash/maphash"
	"slices"
	"strings"
	"testing"
)

// TestCache remembers values of all lengths, and tells them from others and from those of another class.
func TestCache(t *testing.T) {
	c := &cache{seed: maphash.MakeSeed()}
	one, other := &class{id: 1}, &class{id: 2}
	for n := range cacheText + 2 {
		text := strings.Repeat("x", n)
		var meets []int32
		for i := range n % 5 {
			meets = append(meets, int32(100*n+i))
		}
		hash, ok := c.hash(one, text)
		if ok != (n <= cacheText) {
			t.Fatalf("%d bytes are cached: %v", n, ok)
		}
		if !ok {
			continue
		}
		*c = cache{seed: c.seed}
		c.add(hash, one, text, meets)
		if _, known := c.get(hash, one, text); known {
			t.Fatalf("%d bytes are remembered from their first appearance on", n)
		}
		c.add(hash, one, text, meets)
		got, known := c.get(hash, one, text)
		if !known || !slices.Equal(got, meets) {
			t.Fatalf("%d bytes: %v, %v, want %v", n, got, known, meets)
		}
		if _, known := c.get(hash, other, text); known {
			t.Fatalf("%d bytes are known in another class", n)
		}
		if _, known := c.get(hash, one, text+"y"); known {
			t.Fatalf("%d bytes are taken for others", n)
		}
	}
}
