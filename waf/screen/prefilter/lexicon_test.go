package prefilter

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// someNeeds are needs of words that begin with a letter.
func someNeeds(letter string, n int) (list []Need) {
	for i := range n {
		list = append(list, And(Contains(fmt.Sprintf("%s-%03d-", letter, i)), Or(Contains("select"), AnyByte("'"))))
	}
	return list
}

// candidates are those of all needs of a set, and what a scan has met.
func candidates(s *Set, value string) []int32 {
	ids := make([]int32, len(s.needs))
	for i := range ids {
		ids[i] = int32(i)
	}
	var sc Scratch
	sc.Take(value, byteset.Of(value))
	s.Scan(&sc)
	return slices.Sorted(slices.Values(s.View(ids).Candidates(&sc)))
}

// TestLexicon is about sets that have needs in common: each finds what it would find alone.
func TestLexicon(t *testing.T) {
	x := NewLexicon()
	small, large := someNeeds("a", 40), slices.Concat(someNeeds("b", 2), someNeeds("a", 40))
	other := slices.Concat(someNeeds("c", 60), small)
	sets := [][]Need{small, large, other, small}
	var made []*Set
	for _, needs := range sets {
		made = append(made, x.NewSet(needs))
	}
	for i, needs := range sets {
		alone := NewSet(needs)
		for _, value := range []string{"", "a-001-'", "a-001-", "select a-039- b-001- c-001-", "b-000-'c-059-'", "c-000- select"} {
			if got, want := candidates(made[i], value), candidates(alone, value); !slices.Equal(got, want) {
				t.Errorf("set %d, %q: %v, alone %v", i, value, got, want)
			}
		}
	}
	const level = 1
	automata := make([]*automaton, len(made))
	for i, s := range made {
		automata[i] = s.automata[level]()
	}
	if automata[0] != automata[1] || automata[0] != automata[3] {
		t.Error("sets with nearly the same literals have automata of their own")
	}
	if automata[0] == automata[2] {
		t.Error("a set has the automaton of one that is much larger")
	}
	if len(x.trees.texts) != 40+2+60+1 {
		t.Errorf("%d literals", len(x.trees.texts))
	}
	runtime.KeepAlive(made)
}

// TestLexiconOvergrown is about a lexicon whose sets are gone.
func TestLexiconOvergrown(t *testing.T) {
	x := NewLexicon()
	if x.Overgrown() {
		t.Error("overgrown before it has anything in it")
	}
	kept := x.NewSet(someNeeds("a", 10))
	for i := range 5 {
		x.NewSet(someNeeds(string(rune('b'+i)), 10))
	}
	runtime.GC()
	if !x.Overgrown() {
		t.Error("not overgrown, although five of six sets are gone")
	}
	if n := len(x.alive()); n != 1 {
		t.Errorf("%d sets", n)
	}
	runtime.KeepAlive(kept)
}

// TestLexiconConcurrent is about sets that are asked while others are made, as by a reload.
func TestLexiconConcurrent(t *testing.T) {
	x := NewLexicon()
	const value = "a-001-'c-003-'"
	needs := slices.Concat(someNeeds("a", 9), someNeeds("c", 9))
	want := candidates(NewSet(needs), value)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				s := x.NewSet(slices.Concat(needs, someNeeds(fmt.Sprint(i, j), 1)))
				if got := candidates(s, value); !slices.Equal(got, want) {
					t.Errorf("%v, want %v", got, want)
				}
				x.Overgrown()
			}
		})
	}
	all.Wait()
}
