package prefilter

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// erased is a value without the evasion bytes.
func erased(s string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(evasionBytes, c) {
			return -1
		}
		return c
	}, s)
}

// found returns the ids of the literals that a searcher finds in a value.
func found(s searcher, value string) []int32 {
	sc := &Scratch{}
	sc.Take(value, byteset.Of(value))
	sc.literals.reset(1 << 17)
	s.search(sc, &sc.literals)
	return slices.Sorted(slices.Values(sc.literals.list))
}

// TestLiterals looks for literals of the Core Rule Set in values that are made of parts of them, by
// both ways to do so.
func TestLiterals(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 14))
	known := map[string]bool{}
	for _, rule := range coreRules(t) {
		for _, text := range rule.need.atoms(nil) {
			known[text] = true
		}
	}
	var all []string
	for text := range known {
		all = append(all, text)
	}
	slices.Sort(all)
	matched := 0
	for range 60 {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		list := all[:1+r.IntN(mostGrams)]
		ids := make([]int32, len(list))
		for i := range ids {
			ids[i] = int32(i)
		}
		ways := []searcher{newGrams(list, ids), newAutomaton(list, ids)}
		for range 200 {
			var b strings.Builder
			for range r.IntN(8) {
				part := list[r.IntN(len(list))]
				from := r.IntN(len(part))
				part = part[from : from+1+r.IntN(len(part)-from)]
				if r.IntN(3) == 0 {
					part = strings.ToUpper(part)
				}
				for i := range len(part) {
					b.WriteByte(part[i])
					if r.IntN(10) == 0 {
						b.WriteByte(evasionBytes[r.IntN(len(evasionBytes))])
					}
				}
				if r.IntN(5) == 0 {
					b.WriteString(strings.Repeat([]string{"'", "x", " ", "\x80"}[r.IntN(4)], r.IntN(15)))
				}
			}
			value := b.String()
			var want []int32
			for i, text := range list {
				if strings.Contains(fold(value), text) || strings.Contains(fold(erased(value)), text) {
					want = append(want, int32(i))
				}
			}
			matched += len(want)
			for _, way := range ways {
				got := found(way, value)
				for _, id := range want {
					if !slices.Contains(got, id) {
						t.Fatalf("%T does not find %q in %q", way, list[id], value)
					}
				}
				if value == erased(value) && len(got) > len(want) {
					t.Fatalf("%T finds %d literals in %q, want %d", way, len(got), value, len(want))
				}
			}
		}
	}
	if matched < 1000 {
		t.Errorf("only %d literals were there to be found", matched)
	}
}

// TestManyLiterals makes an automaton of so many that it has to do with parts of them.
func TestManyLiterals(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 71))
	list, ids := make([]string, 20000), make([]int32, 20000)
	for i := range list {
		b := make([]byte, maxLiteral)
		for j := range b {
			b[j] = byte('a' + r.IntN(26))
		}
		list[i], ids[i] = string(b), int32(i)
	}
	a := newAutomaton(list, ids)
	if states := len(a.rows)>>a.shift + len(a.chain); states > mostStates {
		t.Errorf("%d states", states)
	}
	for i := 0; i < len(list); i += 17 {
		if !slices.Contains(found(a, "the "+list[i]+"."), int32(i)) {
			t.Fatalf("%q is not found", list[i])
		}
	}
}
