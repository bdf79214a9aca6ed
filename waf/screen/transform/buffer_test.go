package transform

import (
	"strings"
	"testing"
)

// TestBufferKeeps checks that results stay while the buffer grows beyond all its chunks.
func TestBufferKeeps(t *testing.T) {
	lower, _ := Lookup("lowercase")
	buf := &Buffer{}
	var got, want []string
	for n := range 400 {
		value := strings.Repeat(string(rune('A'+n%26)), n)
		out, _ := lower.Apply(value, buf)
		got = append(got, out)
		want = append(want, strings.ToLower(value))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("result %d became %q", i, got[i])
		}
	}
}

func TestBufferReset(t *testing.T) {
	buf := &Buffer{}
	buf.keep(append(buf.reserve(retainedBytes), 'a'))
	buf.Reset()
	if cap(buf.chunk) != retainedBytes || len(buf.chunk) != 0 {
		t.Errorf("%d of %d bytes are left", len(buf.chunk), cap(buf.chunk))
	}
	buf.reserve(retainedBytes + 1)
	buf.Reset()
	if buf.chunk != nil {
		t.Errorf("%d bytes are kept", cap(buf.chunk))
	}
}

// TestBufferRelease takes back what is younger than a mark, and nothing else.
func TestBufferRelease(t *testing.T) {
	buf := &Buffer{}
	first := buf.keep(append(buf.reserve(4), "keep"...))
	mark := buf.Mark()
	buf.keep(append(buf.reserve(4), "drop"...))
	buf.Release(mark)
	second := buf.keep(append(buf.reserve(4), "next"...))
	if len(buf.chunk) != 8 {
		t.Errorf("%d bytes are in use, want 8", len(buf.chunk))
	}
	mark = buf.Mark()
	third := buf.keep(append(buf.reserve(2*firstChunk), "other chunk"...))
	buf.Release(mark)
	buf.keep(append(buf.reserve(4), "last"...))
	if first != "keep" || second != "next" || third != "other chunk" {
		t.Errorf("got %q, %q and %q", first, second, third)
	}
}

// TestBufferOutgrown checks a slice that was appended to beyond its room.
func TestBufferOutgrown(t *testing.T) {
	buf := &Buffer{}
	first := buf.keep(append(buf.reserve(4), "abcdefgh"...))
	second := buf.keep(append(buf.reserve(4), "ijkl"...))
	if first != "abcdefgh" || second != "ijkl" {
		t.Errorf("got %q and %q", first, second)
	}
}

func TestWarmBufferAllocatesNothing(t *testing.T) {
	value := strings.Repeat(`A b%20+&lt;&#65;/* x */ \u0041 -- "é" /../ `, 4)
	for _, name := range names() {
		transformation, _ := Lookup(name)
		buf := &Buffer{}
		allocs := testing.AllocsPerRun(100, func() {
			buf.Reset()
			for range 10 {
				transformation.Apply(value, buf)
			}
		})
		if allocs != 0 {
			t.Errorf("%s allocates %v times", name, allocs)
		}
	}
}
