package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. It is written with a unit: B, KiB, MiB or GiB.
type Size int64

// Units of Size.
const (
	Byte Size = 1
	KiB       = 1024 * Byte
	MiB       = 1024 * KiB
	GiB       = 1024 * MiB
)

// sizeUnits go from the largest to the smallest, as String tries them.
var sizeUnits = [...]struct {
	name  string
	bytes Size
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", Byte}}

// ParseSize reads a whole number directly followed by B, KiB, MiB or GiB. Only 0 may
// stand without a unit.
func ParseSize(s string) (Size, error) {
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if digits == 0 {
		return 0, fmt.Errorf("%q is not a size: write a number with a unit, such as 10MiB", s)
	}
	unit := s[digits:]
	n, err := strconv.ParseInt(s[:digits], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is too large for a size", s)
	}
	if unit == "" {
		if n == 0 {
			return 0, nil
		}
		return 0, fmt.Errorf("%s has no unit: write %s", s, Size(n))
	}
	for _, u := range sizeUnits {
		if u.name != unit {
			continue
		}
		if Size(n) > math.MaxInt64/u.bytes {
			return 0, fmt.Errorf("%s is too large for a size", s)
		}
		return Size(n) * u.bytes, nil
	}
	return 0, unknownUnit(s, unit)
}

func unknownUnit(s, unit string) error {
	letters := strings.TrimLeft(unit, " ")
	for _, u := range sizeUnits {
		if letters != "" && strings.EqualFold(letters[:1], u.name[:1]) {
			return fmt.Errorf("%q has an unknown unit: write %s%s", s, strings.TrimSuffix(s, unit), u.name)
		}
	}
	return fmt.Errorf("%q has an unknown unit: known are B, KiB, MiB and GiB", s)
}

// String gives the size in the largest unit that needs no fraction; ParseSize reads it back.
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	for _, u := range sizeUnits {
		if s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	panic("BUG: every size is a multiple of one byte")
}

// UnmarshalText implements encoding.TextUnmarshaler with ParseSize.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := ParseSize(string(text))
	if err != nil {
		return err
	}
	*s = n
	return nil
}

// MarshalText implements encoding.TextMarshaler with String.
func (s Size) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}
