package residue

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"rsc.io/binaryregexp"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/screen/dfa"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
)

// rx is @rx. Coraza lets . match line breaks and ^ and $ match at them.
func rx(expr string, room *dfa.Budget) (Operator, error) {
	if overBytes("(?sm)" + expr) {
		return binaryRx(expr)
	}
	expr = "(?sm)" + expr
	need, err := prefilter.Regexp(expr)
	if err != nil {
		return Operator{}, fmt.Errorf("@rx: %w", err)
	}
	// What has a need is well-formed. Of most expressions it never holds, and few have somebody
	// read what they capture.
	fast := budget.OnceValue(func() *dfa.Matcher { return dfa.MustCompile(expr, room) })
	slow := budget.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
	return Operator{
		Match: func(v, _ string) bool { return fast().MatchString(v) },
		Capture: func(v string, captures *[10]string) bool {
			if !fast().MatchString(v) {
				return false
			}
			found := slow().FindStringSubmatchIndex(v)
			for i := 0; i < len(found)/2 && i < 9; i++ {
				captures[i] = ""
				if found[2*i] >= 0 {
					captures[i] = v[found[2*i]:found[2*i+1]]
				}
			}
			return true
		},
		Groups: func() int { return min(slow().NumSubexp()+1, 9) }, Need: need, Constant: true, Expr: expr,
	}, nil
}

// binaryRx is @rx with an expression over bytes.
func binaryRx(expr string) (Operator, error) {
	binary, err := binaryregexp.Compile(expr)
	if err != nil {
		return Operator{}, fmt.Errorf("@rx: %w", err)
	}
	need, err := prefilter.BinaryRegexp(expr)
	if err != nil {
		return Operator{}, fmt.Errorf("@rx: %w", err)
	}
	return Operator{Match: func(v, _ string) bool { return binary.MatchString(v) }, Need: need, Constant: true}, nil
}

// overBytes reports whether Coraza matches an expression over bytes, not over UTF-8: if the
// bytes that it names by \x escapes are no valid UTF-8 together with the rest of it
// (internal/operators/rx.go, matchesArbitraryBytes).
func overBytes(expr string) bool {
	var text []byte
	for i := 0; i < len(expr); i++ {
		text = append(text, expr[i])
		if i+3 >= len(expr) || expr[i] != '\\' || expr[i+1] != 'x' {
			continue
		}
		digits, end := expr[i+2:], i+3
		if expr[i+2] == '{' {
			if size := strings.IndexByte(digits, '}'); size >= 0 && i+6 <= len(expr) {
				digits, end = digits[1:size], i+2+size
			}
		}
		if len(digits) < 2 || !isHex(digits[0]) || !isHex(digits[1]) {
			continue
		}
		value, _ := strconv.ParseUint(digits[:2], 16, 8)
		text[len(text)-1] = byte(value)
		i = end
	}
	return !utf8.Valid(text)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
