package dfa

import (
	"regexp"
	"strings"
	"testing"
)

// ordinary is a text that requests carry, and that few patterns match.
var ordinary = strings.Repeat("The quick brown fox, aged 42, jumps over the lazy dog at 10:30 and writes to "+
	"anna.smith@example.org: see https://www.example.org/shop/items?id=4711&page=2&sort=price_asc for details.\r\n"+
	"Größe: 42 – it's fine, isn't it? (reply to order #12345, 50 % off!)\n", 4)

// matchFunc is a pattern, compiled by one package or the other.
type matchFunc = func(string) bool

// bothWays compiles the patterns of the core rules that do not match text.
func bothWays(b *testing.B, text string) map[string][]matchFunc {
	b.Helper()
	both := map[string][]matchFunc{}
	budget := NewBudget(8 << 20)
	for _, pattern := range crsPatterns(b) {
		re := regexp.MustCompile(pattern)
		if re.MatchString(text) {
			continue
		}
		m, err := Compile(pattern, budget)
		if err != nil {
			b.Fatal(err)
		}
		both["dfa"] = append(both["dfa"], m.MatchString)
		both["regexp"] = append(both["regexp"], re.MatchString)
	}
	return both
}

// All patterns of the core rules that do not match an ordinary text, on that text.
func BenchmarkOrdinary(b *testing.B) {
	for name, match := range bothWays(b, ordinary) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(ordinary) * len(match)))
			for b.Loop() {
				for _, m := range match {
					m(ordinary)
				}
			}
		})
	}
}

// The same on a short value, as most are.
func BenchmarkShort(b *testing.B) {
	const short = "anna.smith@example.org"
	for name, match := range bothWays(b, short) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(short) * len(match)))
			for b.Loop() {
				for _, m := range match {
					m(short)
				}
			}
		})
	}
}

// Texts made to visit new states, each seen once, from the first on: the time includes what the
// allowance buys.
func BenchmarkHostile(b *testing.B) {
	run := func(name string, compile func(string) matchFunc) {
		b.Run(name, func(b *testing.B) {
			patterns := crsPatterns(b)
			b.ReportAllocs()
			for b.Loop() {
				for _, pattern := range patterns {
					b.StopTimer()
					m, texts := compile(pattern), hostile(pattern, 100)
					b.StartTimer()
					for _, text := range texts {
						m(text)
					}
				}
			}
		})
	}
	run("dfa", func(pattern string) matchFunc {
		m, err := Compile(pattern, nil)
		if err != nil {
			b.Fatal(err)
		}
		return m.MatchString
	})
	run("regexp", func(pattern string) matchFunc { return regexp.MustCompile(pattern).MatchString })
}

// Compiling all patterns of the core rules.
func BenchmarkCompile(b *testing.B) {
	patterns := crsPatterns(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, pattern := range patterns {
			if _, err := Compile(pattern, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
}
