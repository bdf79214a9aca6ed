package byteset

import (
	"math/bits"
	"strings"
	"testing"
)

// TestGroups is for which bytes share a group: the letters of either case, the digits, the
// control bytes but for line feed and carriage return, and what is not ASCII.
func TestGroups(t *testing.T) {
	together := [][]byte{nil, nil, nil}
	for c := range 256 {
		switch {
		case '0' <= c && c <= '9':
			together[0] = append(together[0], byte(c))
		case c < ' ' && c != '\n' && c != '\r' || c == 0x7f:
			together[1] = append(together[1], byte(c))
		case c >= 0x80:
			together[2] = append(together[2], byte(c))
		}
	}
	for c := 'a'; c <= 'z'; c++ {
		together = append(together, []byte{byte(c), byte(c) - 'a' + 'A'})
	}
	for a := range 256 {
		for b := range 256 {
			want := a == b
			for _, list := range together {
				want = want || strings.IndexByte(string(list), byte(a)) >= 0 && strings.IndexByte(string(list), byte(b)) >= 0
			}
			if got := Byte(byte(a)) == Byte(byte(b)); got != want {
				t.Errorf("bytes %#x and %#x share a group: %v", a, b, got)
			}
			if got, want := Of(string([]byte{byte(a), byte(b)})), Byte(byte(a))|Byte(byte(b)); got != want {
				t.Errorf("the set of bytes %#x and %#x is %v, want %v", a, b, got, want)
			}
		}
	}
	var all Set
	for c := range 256 {
		all |= Byte(byte(c))
	}
	if all != All || bits.OnesCount64(uint64(all)) != Groups {
		t.Errorf("all bytes together are %#x", uint64(all))
	}
	if letters := Of("abcdefghijklmnopqrstuvwxyz"); letters != Letters || Of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != Letters {
		t.Errorf("the letters are %v", letters)
	}
	if Byte(0x80) != High || Of("é") != High {
		t.Error("bytes beyond ASCII are not High")
	}
}
