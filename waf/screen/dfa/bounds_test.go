package dfa

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// manyStates has a state for each of the last 16 runes' worth of a and b.
const manyStates = `[ab]*a[ab]{16}c`

// newTexts returns texts on which manyStates comes to new states all the time.
func newTexts(n int) []string {
	r := rand.New(rand.NewPCG(3, 4))
	texts := make([]string, n)
	for i := range texts {
		texts[i] = random(r, []string{"a", "b"}, 200)
	}
	return texts
}

func TestMemoryIsBounded(t *testing.T) {
	const budgetBytes = 40 << 10
	budget := NewBudget(budgetBytes)
	l := limits{own: 4 << 10, most: 32 << 10, price: 1, allowance: 1 << 30}
	var matchers []*Matcher
	for range 3 {
		m, err := compileWithin(manyStates, budget, l)
		if err != nil {
			t.Fatal(err)
		}
		matchers = append(matchers, m)
	}
	caches := map[*cache]bool{}
	for _, text := range newTexts(1000) {
		taken := 0
		for _, m := range matchers {
			m.MatchString(text)
			c := m.table.Load().cache
			caches[c] = true
			if c.size > l.most || c.size > l.own+m.loan.bytes {
				t.Fatalf("a cache of %d bytes, %d of them taken, want at most %d", c.size, m.loan.bytes, l.most)
			}
			if b := m.Bytes(); b < c.size || b > c.size+16<<10 {
				t.Fatalf("%d bytes with a cache of %d", b, c.size)
			}
			taken += m.loan.bytes
		}
		if free := int(budget.free.Load()); free < 0 || free+taken != budgetBytes {
			t.Fatalf("%d bytes taken and %d free of %d", taken, free, budgetBytes)
		}
	}
	if len(caches) <= len(matchers) {
		t.Error("no cache was replaced, so that nothing was tested")
	}
}

// A scan may hold a table that has been replaced by a larger one, and must not be led out of it.
func TestReplacedTablesStayWhole(t *testing.T) {
	m, err := Compile(manyStates, nil)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[*table]bool{}
	for _, text := range newTexts(100) {
		for i := range text {
			tables[m.table.Load()] = true
			m.MatchString(text[:i])
		}
	}
	if len(tables) < 3 {
		t.Errorf("%d tables, want some that were replaced", len(tables))
	}
	for table := range tables {
		for i := range table.cells {
			if next := table.cells[i].Load(); int(next) >= len(table.cells) {
				t.Fatalf("a table of %d cells leads to %d", len(table.cells), next)
			}
		}
	}
}

// Input pays for the cells that it makes the matcher compute.
func TestWorkIsBounded(t *testing.T) {
	l := limits{own: 1 << 20, most: 1 << 20, price: 50, allowance: 20 * 50}
	m, err := compileWithin(manyStates, nil, l)
	if err != nil {
		t.Fatal(err)
	}
	bytes := 0
	for _, text := range newTexts(500) {
		m.MatchString(text)
		bytes += len(text)
		cells := 0
		for i, t := 0, m.table.Load(); i < len(t.cells); i++ {
			if t.cells[i].Load() != unknown {
				cells++
			}
		}
		if most := (l.allowance + bytes) / l.price; cells > most {
			t.Fatalf("%d cells after %d bytes, want at most %d", cells, bytes, most)
		}
	}
}

func TestAllocatesNothingWhenWarm(t *testing.T) {
	for _, pattern := range crsPatterns(t) {
		m, err := Compile(pattern, nil)
		if err != nil {
			t.Fatal(err)
		}
		m.MatchString(ordinary)
		if n := testing.AllocsPerRun(10, func() { m.MatchString(ordinary) }); n != 0 {
			t.Errorf("pattern %q: %v allocations", pattern, n)
		}
	}
}

// A policy has about this many patterns, and 32 MiB for all that is compiled.
func TestMemoryOfTheCoreRules(t *testing.T) {
	budget := NewBudget(8 << 20)
	var matchers []*Matcher
	total := 0
	for _, pattern := range crsPatterns(t) {
		m, err := Compile(pattern, budget)
		if err != nil {
			t.Fatal(err)
		}
		matchers = append(matchers, m)
		for _, text := range hostile(pattern, 50) {
			m.MatchString(text)
		}
		total += m.Bytes()
	}
	if most := 8<<20 + len(matchers)*(16<<10) + 2<<20; total > most {
		t.Errorf("%d bytes, want at most %d", total, most)
	}
}

// hostile returns texts made of what a pattern looks for, n of them.
func hostile(pattern string, n int) []string {
	pieces := strings.Split(" /\\'\"`<>()[]{}=;.,:-_$#@!?*+|&%\n\r\t09azAZ\x00é\xff ab'\"\\", "")
	pieces = append(pieces, regexp.MustCompile(`[A-Za-z]{1,8}`).FindAllString(pattern, -1)...)
	r := rand.New(rand.NewPCG(1, 2))
	texts := make([]string, n)
	for i := range texts {
		texts[i] = random(r, pieces, 120)
	}
	return texts
}
