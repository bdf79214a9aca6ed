package config

import (
	"math"
	"testing"
	"testing/quick"
)

// reads returns a check of what parse makes of a text: a value, or an error with that message.
func reads[T comparable](t *testing.T, parse func(string) (T, error)) func(text string, want T, wantErr string) {
	return func(text string, want T, wantErr string) {
		t.Helper()
		got, err := parse(text)
		if wantErr != "" {
			if err == nil || err.Error() != wantErr {
				t.Errorf("%q: got %v, %v, want error %s", text, got, err, wantErr)
			}
			return
		}
		if err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	f := reads(t, ParseSize)
	f("0", 0, "")
	f("0B", 0, "")
	f("512B", 512, "")
	f("10KiB", 10<<10, "")
	f("10MiB", 10<<20, "")
	f("2GiB", 2<<30, "")
	f("9223372036854775807B", math.MaxInt64, "")

	f("10485760", 0, "10485760 has no unit: write 10MiB")
	f("1000", 0, "1000 has no unit: write 1000B")
	f("", 0, `"" is not a size: write a number with a unit, such as 10MiB`)
	f("MiB", 0, `"MiB" is not a size: write a number with a unit, such as 10MiB`)
	f("-1KiB", 0, `"-1KiB" is not a size: write a number with a unit, such as 10MiB`)
	f("1.5MiB", 0, `"1.5MiB" has an unknown unit: known are B, KiB, MiB and GiB`)
	f("10MB", 0, `"10MB" has an unknown unit: write 10MiB`)
	f("10k", 0, `"10k" has an unknown unit: write 10KiB`)
	f("10 GiB", 0, `"10 GiB" has an unknown unit: write 10GiB`)
	f("10 ", 0, `"10 " has an unknown unit: known are B, KiB, MiB and GiB`)
	f("10TiB", 0, `"10TiB" has an unknown unit: known are B, KiB, MiB and GiB`)
	f("9223372036854775808B", 0, "9223372036854775808B is too large for a size")
	f("8589934592GiB", 0, "8589934592GiB is too large for a size")
}

func TestSizeReadsItselfBack(t *testing.T) {
	f := func(n int64) bool {
		s := Size(n &^ math.MinInt64)
		text, err := s.MarshalText()
		var back Size
		return err == nil && back.UnmarshalText(text) == nil && back == s
	}
	if err := quick.Check(f, nil); err != nil {
		t.Error(err)
	}
}
