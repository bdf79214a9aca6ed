package prefilter

import (
	"math/bits"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// ordinary is the length, in bytes, of the value for which rarity is estimated.
const ordinary = 24

// share is how often a group is met among the bytes of ordinary request values: names, words,
// identifiers, numbers, dates, addresses and a little prose. It decides which atoms a need is
// looked at for, so a wrong figure costs time, never a match.
var share = func() (s [byteset.Groups]float64) {
	set := func(bytes string, p float64) {
		for i := range len(bytes) {
			s[bits.TrailingZeros64(uint64(byteset.Byte(bytes[i])))] = p
		}
	}
	set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 0.0003)
	set("\x00\t\r\n", 0.0003)
	set("();\"!#*", 0.001)
	set("@'&?+%", 0.002)
	set("/,:=\x80", 0.006)
	set(".-_", 0.015)
	set(" ", 0.03)
	set("0", 0.12)
	for i, p := range []float64{90, 68, 61, 58, 53, 52, 50, 45, 42, 37, 34, 28, 26, 22, 18, 18, 18, 20, 15, 14, 11, 10, 4, 4, 3, 4} {
		set("etaoinshrdlcumwfgypbvkjxqz"[i:i+1], p/1000)
	}
	return s
}()

// chanceOfClass estimates the probability that an ordinary value has a byte of the set.
func chanceOfClass(set byteset.Set) float64 {
	sum := 0.0
	for rest := uint64(set); rest != 0; rest &= rest - 1 {
		sum += share[bits.TrailingZeros64(rest)]
	}
	without := 1 - min(sum, 1)
	without *= without * without
	without *= without
	without *= without
	return 1 - without*without
}

const _ = uint(ordinary-24) + uint(24-ordinary) // of this length

// chanceOfLiteral estimates the probability that an ordinary value contains s, which is
// folded. Bytes are taken as if they followed each other by chance, which is too low for words
// of a language; the order among literals is what matters.
func chanceOfLiteral(s string) float64 {
	p := float64(ordinary)
	for i := range len(s) {
		p *= share[bits.TrailingZeros64(uint64(byteset.Byte(s[i])))]
	}
	return min(p, 1)
}
