package grpc

import "time"

// TimeoutField is the field in which a client says how long a call may take.
const TimeoutField = "grpc-timeout"

// ParseTimeout reads such a field: up to eight digits and a unit. It reports false for what is none.
func ParseTimeout(s string) (time.Duration, bool) {
	if len(s) < 2 || len(s) > 9 {
		return 0, false
	}
	n := time.Duration(0)
	for i := range len(s) - 1 {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + time.Duration(c-'0')
	}
	switch s[len(s)-1] {
	case 'H':
		return n * time.Hour, n < 1<<21 // 239 years
	case 'M':
		return n * time.Minute, true
	case 'S':
		return n * time.Second, true
	case 'm':
		return n * time.Millisecond, true
	case 'u':
		return n * time.Microsecond, true
	case 'n':
		return n, true
	}
	return 0, false
}
