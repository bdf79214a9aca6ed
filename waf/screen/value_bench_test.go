package screen

import (
	"fmt"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/wafer-waf/wafer/waf/reading"
)

// BenchmarkValue looks at one value of an argument, which is a new one each time.
func BenchmarkValue(b *testing.B) {
	texts := []Text{{Source: "setup", Text: benchSetup}, {Source: "crs", Text: "Include @owasp_crs/*.conf"}}
	s, err := NewCompiler(coreruleset.FS).Compile(texts, nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, format := range map[string]string{
		"number": "%d", "word": "leather%dcanvas", "date": "2026-11-23T08:%02d:00Z", "price": "%d.90",
		"uuid":  "0193a7b2-1941-7dd3-b318-%012d",
		"prose": "A ribbon that lasts, made of canvas %d; washable at 30 degrees.",
		"plain": "please leave the parcel with our neighbor at number %d",
		"apos":  "I don't think it's the right size, isn't it? Number %d.",
		"email": "anna.keller%d@mail.example.com",
		"url":   "https://cdn.example.com/images/ribbon-%d.jpg",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := s.Begin(new(reading.Values))
			defer r.End()
			r.acquire()
			c := s.index.kinds[reading.ArgsPost]
			values := make([]string, 512)
			for i := range values {
				values[i] = fmt.Sprintf(format, i)
			}
			s.cache = &cache{seed: s.cache.seed}
			i := 0
			for b.Loop() {
				i++
				if i%512 == 0 { // every value is a new one to the cache
					s.cache = &cache{seed: s.cache.seed}
				}
				if r.value(c, &reading.Value{Kind: reading.ArgsPost, Key: "json.x", Text: values[i%512]}); r.unclean {
					b.Fatal(r.reason)
				}
			}
			b.SetBytes(int64(len(values[0])))
		})
	}
}
