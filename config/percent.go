package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Percent is a share of a whole. It is written with its sign, as 50%.
type Percent int

// ParsePercent reads a whole number directly followed by %. Only 0 may stand without it.
func ParsePercent(s string) (Percent, error) {
	digits, signed := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil || digits[0] == '+':
		return 0, fmt.Errorf("%q is not a share: write a whole number with a sign, such as 50%%", s)
	case !signed && n != 0:
		return 0, fmt.Errorf("%s has no sign: write %d%%", s, n)
	}
	return Percent(n), nil
}

// String gives the share with its sign; ParsePercent reads it back.
func (p Percent) String() string { return strconv.Itoa(int(p)) + "%" }
