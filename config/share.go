package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Share is a share of a whole in millionths. It is written with its sign, as 1% or 0.1%.
type Share int

// Million is the whole.
const Million Share = 1_000_000

// ParseShare reads a number directly followed by %. Only 0 may stand without it.
func ParseShare(s string) (Share, error) {
	digits, signed := strings.CutSuffix(s, "%")
	n, err := strconv.ParseFloat(digits, 64)
	switch {
	case err != nil || strings.Trim(digits, "0123456789.") != "":
		return 0, fmt.Errorf("%q is not a share: write a number with a sign, such as 1%% or 0.1%%", s)
	case !signed && n > 0 && n < 1: // others want a ratio here
		return 0, fmt.Errorf("%s has no sign: write %s%%, or %s%% if it is meant as a part of 1", s, s, strconv.FormatFloat(math.Round(n*1e8)/1e6, 'f', -1, 64))
	case !signed && n != 0:
		return 0, fmt.Errorf("%s has no sign: write %s%%", s, s)
	case n > 100:
		return 0, fmt.Errorf("%s is more than there is: 100%% at most", s)
	}
	millionths := Share(n*float64(Million)/100 + 0.5)
	if n > 0 && millionths == 0 {
		return 0, fmt.Errorf("%s is too small: 0.0001%% at least, or 0", s)
	}
	return millionths, nil
}

// String gives the share with its sign; ParseShare reads it back.
func (s Share) String() string {
	return strconv.FormatFloat(float64(s)*100/float64(Million), 'f', -1, 64) + "%"
}
