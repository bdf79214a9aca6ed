package transform

import (
	"strings"
	"testing"
)

// benchValues are what the time per byte is measured on: text that no decoder touches, text
// that all of them have some work with, and the same byte over and over that gives them the
// most.
var benchValues = []struct{ name, value string }{
	{"plain", strings.Repeat("the quick brown fox jumps over the lazy dog and runs 7 miles ", 17)},
	{"mixed", strings.Repeat(`Name=%41b+c&lt;a href=&#34;/a/./b&#34;  \u0041 /* x */ "q" `+"\t", 17)},
	{"foreign", strings.Repeat("Съешь же ещё этих мягких булок. 日本語の文章。Ça va, señor? ", 12)},
	{"dense", strings.Repeat(`%&\#-*/ A.`, 100)},
}

func BenchmarkApply(b *testing.B) {
	for _, name := range names() {
		for _, value := range benchValues {
			b.Run(name+"/"+value.name, func(b *testing.B) {
				transformation, _ := Lookup(name)
				buf := &Buffer{}
				b.SetBytes(int64(len(value.value)))
				b.ReportAllocs()
				for b.Loop() {
					buf.Reset()
					transformation.Apply(value.value, buf)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(value.value)), "ns/byte")
			})
		}
	}
}

// BenchmarkChain is the longest kind of chain the Core Rule Set has at paranoia 1.
func BenchmarkChain(b *testing.B) {
	chain := mustChain(b, "utf8toUnicode", "urlDecodeUni", "htmlEntityDecode", "jsDecode", "cssDecode", "removeNulls")
	for _, value := range benchValues {
		b.Run(value.name, func(b *testing.B) {
			buf := &Buffer{}
			b.SetBytes(int64(len(value.value)))
			b.ReportAllocs()
			for b.Loop() {
				buf.Reset()
				chain.Apply(value.value, buf)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(value.value)), "ns/byte")
		})
	}
}
