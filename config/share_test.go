package config

import "testing"

func TestParseShare(t *testing.T) {
	f := reads(t, ParseShare)
	f("0", 0, "")
	f("0%", 0, "")
	f("1%", 10_000, "")
	f("0.1%", 1000, "")
	f("0.0001%", 1, "")
	f("100%", Million, "")
	f("33.3333%", 333_333, "")
	f("1", 0, "1 has no sign: write 1%")
	f("0.07", 0, "0.07 has no sign: write 0.07%, or 7% if it is meant as a part of 1")
	f("0.00001%", 0, "0.00001% is too small: 0.0001% at least, or 0")
	f("101%", 0, "101% is more than there is: 100% at most")
	f("-1%", 0, `"-1%" is not a share: write a number with a sign, such as 1% or 0.1%`)
	f("1e1%", 0, `"1e1%" is not a share: write a number with a sign, such as 1% or 0.1%`)
	f("half", 0, `"half" is not a share: write a number with a sign, such as 1% or 0.1%`)
	for _, s := range []Share{0, 1, 10_000, 1500, Million} {
		if got, err := ParseShare(s.String()); got != s || err != nil {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
}
