package prefilter

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"rsc.io/binaryregexp"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// sampler writes strings that an expression is likely to match.
type sampler struct {
	*rand.Rand
	strings.Builder
}

func (s *sampler) one(pairs []rune) {
	i := s.IntN(len(pairs)/2) * 2
	first, last := pairs[i], pairs[i+1]
	if s.IntN(3) > 0 { // rather than the whole of Unicode
		last = min(last, first+0x5f)
	}
	c := first + s.Int32N(last-first+1)
	switch {
	case c == utf8.RuneError || c >= 0xd800 && c < 0xe000:
		s.WriteByte(0x80 + byte(s.IntN(0x40)))
	default:
		s.WriteRune(c)
	}
}

func (s *sampler) write(re *syntax.Regexp, budget int) {
	times := func(lowest, highest int) {
		if highest < 0 || highest > lowest+3 {
			highest = lowest + 3
		}
		n := lowest + s.IntN(highest-lowest+1)
		for range n {
			if s.Len() > 4000 {
				return
			}
			s.write(re.Sub[0], budget-1)
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 {
				for range s.IntN(4) {
					c = unicode.SimpleFold(c)
				}
			}
			s.one([]rune{c, c})
		}
	case syntax.OpCharClass:
		if len(re.Rune) > 0 {
			s.one(re.Rune)
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		s.one([]rune{' ', '~', 'a', 'z', 0, unicode.MaxRune})
	case syntax.OpCapture:
		s.write(re.Sub[0], budget-1)
	case syntax.OpStar:
		times(0, -1)
	case syntax.OpPlus:
		times(1, -1)
	case syntax.OpQuest:
		times(0, 1)
	case syntax.OpRepeat:
		times(re.Min, re.Max)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			s.write(sub, budget-1)
		}
	case syntax.OpAlternate:
		s.write(re.Sub[s.IntN(len(re.Sub))], budget-1)
	}
}

// sample returns a string that re is likely to match, often within others.
func sample(r *rand.Rand, re *syntax.Regexp) string {
	s := &sampler{Rand: r}
	around := []string{"", "", "", " ", "a", "\n", "\x80", "'", "x=", ";", "ſ"}
	s.WriteString(around[r.IntN(len(around))])
	s.write(re, 0)
	s.WriteString(around[r.IntN(len(around))])
	b := []byte(s.String())
	for i := range b {
		if r.IntN(2) == 0 && unicode.IsLetter(rune(b[i])) && b[i] < 0x80 && r.IntN(20) == 0 {
			b[i] ^= 0x20
		}
	}
	return string(b)
}

// TestCoreRulesAreNeverMissed samples matches of every pattern of the Core Rule Set.
func TestCoreRulesAreNeverMissed(t *testing.T) {
	list := coreRules(t)
	needs, ids := make([]Need, len(list)), make([]int32, len(list))
	for i, r := range list {
		needs[i], ids[i] = r.need, int32(i)
	}
	s := NewSet(needs)
	view := s.View(ids)
	t.Log(s.size())
	var sc Scratch
	rnd := rand.New(rand.NewPCG(1, 2))
	matched := make([]int, len(list))
	for i, r := range list {
		if r.operator != "rx" {
			continue
		}
		re, err := syntax.Parse("(?sm)"+r.argument, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			value := sample(rnd, re)
			sc.Take(value, byteset.Of(value))
			searched := slices.Clone(view.Candidates(&sc))
			s.Scan(&sc)
			got := view.Candidates(&sc)
			for _, id := range got {
				if !slices.Contains(searched, id) {
					t.Fatalf("rule %s is a candidate for %q, but not before it is scanned", list[id].id, value)
				}
			}
			for j := i; j < len(list); j += 1 + rnd.IntN(40) {
				if list[j].matches(value) {
					matched[j]++
					if !slices.Contains(got, int32(j)) {
						t.Fatalf("rule %s matches %q, which does not satisfy its need", list[j].id, value)
					}
				}
			}
		}
	}
	for i, r := range list {
		if r.operator == "rx" && matched[i] == 0 {
			t.Logf("no sample of rule %s matches: %.100s", r.id, r.argument)
		}
	}
}

// latin1 returns the runes of s below 0x100 as single bytes.
func latin1(s string) string {
	var b []byte
	for _, c := range s {
		if c < 0x100 {
			b = append(b, byte(c))
		}
	}
	return string(b)
}

// FuzzRegexp holds package regexp and the need of an expression together, on a given value and
// on values sampled from the expression.
func FuzzRegexp(f *testing.F) {
	for _, expr := range []string{
		`(?i)k`, `(?i)sk`, `(?i)[^a]k`, `[^\x00-\x7f]`, `\x{fffd}`, `b["']*u["']*s`, `(?i:k)|(?-i:k)`, `^$`, `a{2,9}b{0}`,
		`(?:a|b*)c`, `é+`, `(?i)É`, `[éè]x`, `\Ba`, `(?s).`, `(?:get|set)foo`, `un[io]on`, `[[:^alpha:]]`, `\pL\PL`, `(?i)ſ`, `\x{212a}`,
		`(?:x{3}){5}`, `()|[^\s\S]`, `((a+)?b){2,3}`, `[^\s\S]x|y`, `\\[)^"']{2}`, `(?i)[j-l]`,
	} {
		f.Add(expr, "k\u212a\u017f\xff", uint64(1))
	}
	f.Fuzz(func(t *testing.T, expr, value string, seed uint64) {
		re, err := regexp.Compile(expr)
		if err != nil || len(expr) > 200 {
			return
		}
		n, err := Regexp(expr)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		s := NewSet([]Need{n})
		view := s.View([]int32{0})
		var sc Scratch
		r := rand.New(rand.NewPCG(seed, 0))
		for range 10 {
			for _, v := range []string{value, strings.ToLower(value), strings.ToUpper(value)} {
				sc.Take(v, byteset.Of(v))
				listed := len(view.Candidates(&sc))
				s.Scan(&sc)
				if listed < len(view.Candidates(&sc)) {
					t.Fatalf("%q satisfies %s once it is scanned only", v, n)
				}
				listed = len(view.Candidates(&sc))
				if re.MatchString(v) && listed == 0 {
					t.Fatalf("%q matches %q, which does not satisfy %s", expr, v, n)
				}
				sc.Take(fold(v), byteset.Of(fold(v)))
				s.Scan(&sc)
				if len(view.Candidates(&sc)) != listed {
					t.Fatalf("ASCII case decides whether %q satisfies %s", v, n)
				}
			}
			value = sample(r, tree)
		}
		binary, err := binaryregexp.Compile(expr)
		if err != nil {
			return
		}
		n, err = BinaryRegexp(expr)
		if err != nil {
			t.Fatal(err)
		}
		s = NewSet([]Need{n})
		view = s.View([]int32{0})
		for range 10 {
			sc.Take(value, byteset.Of(value))
			s.Scan(&sc)
			if binary.MatchString(value) && len(view.Candidates(&sc)) == 0 {
				t.Fatalf("%q matches the bytes %q, which do not satisfy %s", expr, value, n)
			}
			value = latin1(sample(r, tree))
		}
	})
}
