package prefilter

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// ordinaryValues reads the values of each kind: one a line.
func ordinaryValues(tb testing.TB) map[string][]string {
	tb.Helper()
	files, err := filepath.Glob("testdata/ordinary/*.txt")
	if err != nil || len(files) == 0 {
		tb.Fatal("no ordinary values", err)
	}
	values := map[string][]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		values[strings.TrimSuffix(filepath.Base(f), ".txt")] = strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	return values
}

// limits is how many candidates a value of a kind may have on average, at paranoia 1 and 2.
var limits = map[string][2]float64{
	"agents":  {6, 18},
	"base64":  {1, 4},
	"dates":   {0, 1},
	"emails":  {0, 2},
	"headers": {1, 4},
	"keys":    {0, 0.5},
	"names":   {0, 1},
	"numbers": {0, 1},
	"prose":   {2, 9},
	"urls":    {2, 6},
	"uuids":   {0, 0.5},
	"words":   {0, 0.5},
}

// TestSharpness counts how many rules of the Core Rule Set are left to try for ordinary values,
// and logs which.
func TestSharpness(t *testing.T) {
	for paranoia := 1; paranoia <= 2; paranoia++ {
		var list []rule
		for _, r := range coreRules(t) {
			if r.paranoia <= paranoia && strings.Contains("|"+r.targets+"|", "|ARGS|") && !strings.Contains(r.id, "+") {
				list = append(list, r)
			}
		}
		needs := make([]Need, len(list))
		ids := make([]int32, len(list))
		for i, r := range list {
			needs[i], ids[i] = r.need, int32(i)
		}
		s := NewSet(needs)
		v := s.View(ids)
		var sc Scratch
		kinds := ordinaryValues(t)
		t.Logf("paranoia %d: %d patterns on ARGS, %s", paranoia, len(list), s.size())
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			total, by := 0, map[string]int{}
			for _, value := range kinds[kind] {
				sc.Take(value, byteset.Of(value))
				s.Scan(&sc)
				ids := v.Candidates(&sc)
				total += len(ids)
				for _, id := range ids {
					by[list[id].id]++
				}
			}
			var names []string
			for _, id := range slices.SortedFunc(maps.Keys(by), func(a, b string) int { return by[b] - by[a] }) {
				names = append(names, fmt.Sprintf("%s:%d", id, by[id]))
			}
			n := len(kinds[kind])
			if limit, ok := limits[kind]; !ok || float64(total)/float64(n) > limit[paranoia-1] {
				t.Errorf("%s: %d candidates for %d values at paranoia %d, want at most %v for each", kind, total, n, paranoia, limit[paranoia-1])
			}
			t.Logf("  %-12s %3d values, %.2f candidates each: %s", kind, n, float64(total)/float64(n),
				strings.Join(names[:min(len(names), 14)], " "))
		}
	}
}

func (s *Set) size() string {
	var list []string
	for t := range s.automata {
		a := s.automata[t]()
		list = append(list, fmt.Sprintf("%d in %d KiB", len(a.ended), (len(a.rows)*2+len(a.chain)*6+(len(a.endsIn)+len(a.ends)+len(a.ended))*4)/1024))
	}
	return fmt.Sprintf("%d literals (%s), %d KiB trees", len(s.literals), strings.Join(list, ", "), (len(s.nodes)*32+len(s.subs)*4+len(s.words)*16)/1024)
}
