package coding

import (
	"fmt"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	l := Limits{Bytes: 1 << 20, Ratio: DefaultRatio, Layers: DefaultLayers}
	for _, size := range []int{1000, 100_000} {
		body := sample(size)
		for c := Gzip; c <= Zstd; c++ {
			b.Run(fmt.Sprintf("%v/%d", c, size), func(b *testing.B) {
				d, encoded, codings := New(), encode(c, body), []Coding{c}
				dst := make([]byte, 0, 2*size)
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					if _, err := d.Decode(dst, encoded, codings, l); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("gzip"); err != nil {
			b.Fatal(err)
		}
	}
}
