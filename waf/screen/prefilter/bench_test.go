package prefilter

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// requestSet compiles the patterns that apply to requests, up to a paranoia level, with a view
// of all that look at arguments.
func requestSet(tb testing.TB, paranoia int) (*Set, *View) {
	tb.Helper()
	var needs []Need
	var ids []int32
	for _, r := range coreRules(tb) {
		if r.id >= "950" || r.paranoia > paranoia {
			continue
		}
		if strings.Contains("|"+r.targets+"|", "|ARGS|") {
			ids = append(ids, int32(len(needs)))
		}
		needs = append(needs, r.need)
	}
	s := NewSet(needs)
	return s, s.View(ids)
}

func BenchmarkScan(b *testing.B) {
	s, view := requestSet(b, 1)
	kinds := ordinaryValues(b)
	kinds["1KB-prose"] = []string{strings.Join(kinds["prose"], " ")[:1024]}
	kinds["1KB-alnum"] = []string{strings.Repeat("SGVsbG8gd29ybGQhIFRoaXMgaXMgYSB0", 32)}
	var hostile strings.Builder
	for i, r := range coreRules(b) {
		if list := r.need.atoms(nil); i%3 == 0 {
			for _, text := range list[:min(len(list), 100)] {
				hostile.WriteString(text)
			}
		}
	}
	kinds["hostile"] = []string{hostile.String()}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		values := kinds[kind]
		length := 0
		for _, v := range values {
			length += len(v)
		}
		b.Run(fmt.Sprintf("%s-%dB", kind, length/len(values)), func(b *testing.B) {
			b.ReportAllocs()
			var sc Scratch
			n := 0
			i := 0
			for b.Loop() {
				sc.Take(values[i%len(values)], byteset.Of(values[i%len(values)]))
				s.Scan(&sc)
				n += len(view.Candidates(&sc))
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(i)/(float64(length)/float64(len(values))), "ns/byte")
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	list := coreRules(b)
	for b.Loop() {
		var needs []Need
		for _, r := range list {
			if err := r.prepare(); err != nil {
				b.Fatal(err)
			}
			needs = append(needs, r.need)
		}
		NewSet(needs)
	}
}

// atoms returns the literals of a need.
func (n Need) atoms(list []string) []string {
	if n.op == opLiteral {
		list = append(list, n.text)
	}
	for _, sub := range n.subs {
		list = sub.atoms(list)
	}
	return list
}
