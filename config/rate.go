package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Amount is a number of requests or of bytes. Bytes are written with a unit, as 20MiB.
type Amount struct {
	N     int64
	Bytes bool
}

// ParseAmount reads a whole number, which B, KiB, MiB or GiB may follow directly.
func ParseAmount(s string) (Amount, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && s[0] != '+' {
		return Amount{N: n}, nil
	}
	if size, err := ParseSize(s); err == nil {
		return Amount{int64(size), true}, nil
	}
	return Amount{}, fmt.Errorf("%q is no amount: write a whole number, such as 20, or of bytes a size, such as 20MiB", s)
}

// String gives the amount as ParseAmount reads it.
func (a Amount) String() string {
	if a.Bytes {
		return Size(a.N).String()
	}
	return strconv.FormatInt(a.N, 10)
}

// Rate is an amount in a time. It is written as 10/s, 300/m, 5000/h, 5/10m or 10MiB/s.
type Rate struct {
	Amount
	Period time.Duration
}

// rateUnits are the times that have a letter of their own.
var rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// ParseRate reads an amount, a slash, and a time.
func ParseRate(s string) (Rate, error) {
	no := fmt.Errorf("%q is no rate: write how many in which time, such as 10/s, 300/m, 5000/h, 5/10m or 10MiB/s", s)
	amount, time, ok := strings.Cut(s, "/")
	if !ok {
		return Rate{}, no
	}
	a, err := ParseAmount(amount)
	if err != nil {
		return Rate{}, no
	}
	period, ok := rateUnits[time]
	if !ok {
		if period, err = parseDuration(time); err != nil {
			return Rate{}, no
		}
	}
	return Rate{a, period}, nil
}

// String gives the rate as ParseRate reads it.
func (r Rate) String() string {
	if r == (Rate{}) {
		return ""
	}
	for name, period := range rateUnits {
		if r.Period == period {
			return r.Amount.String() + "/" + name
		}
	}
	return r.Amount.String() + "/" + r.Period.String()
}

// Bounds of rates. A bucket that takes longer than a day to give one is none; what is faster than a million requests per
// second is no limit.
const (
	longestPeriod  = 24 * time.Hour
	shortestPeriod = time.Second
	mostPerSecond  = 1_000_000
	mostBytes      = 1 << 50
)

// check says what is wrong with a rate.
func (r Rate) check() error {
	switch {
	case r.N < 1:
		return fmt.Errorf("%s lets nothing pass: deny by a rule instead", r)
	case r.Period < shortestPeriod || r.Period > longestPeriod:
		return fmt.Errorf("%s: the time is out of range: %s to %s", r, shortestPeriod, longestPeriod)
	case !r.Bytes && float64(r.N) > mostPerSecond*r.Period.Seconds():
		return fmt.Errorf("%s is too large: at most %d/s", r, mostPerSecond)
	case r.N > mostBytes:
		return fmt.Errorf("%s is too large", r)
	}
	return nil
}
