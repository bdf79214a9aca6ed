package residue

import (
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/prefilter"
)

// numeric is a comparison of numbers; what is no number counts as 0.
func numeric(name string, arg Macro) Operator {
	compare := map[string]func(v, arg int) bool{
		"eq": func(v, arg int) bool { return v == arg },
		"ge": func(v, arg int) bool { return v >= arg },
		"gt": func(v, arg int) bool { return v > arg },
		"le": func(v, arg int) bool { return v <= arg },
		"lt": func(v, arg int) bool { return v < arg },
	}[name]
	o := Operator{Need: prefilter.Always(), Arg: arg}
	text, constant := arg.Constant()
	switch {
	case constant:
		n, _ := strconv.Atoi(text)
		o.Match = func(v, _ string) bool { return compare(atoi(v), n) }
		o.Constant = true
	case arg.Understood():
		o.Match = func(v, arg string) bool { return compare(atoi(v), atoi(arg)) }
	default:
		return opaqueOperator("@" + name + " with a variable")
	}
	return o
}

// textual is a comparison of texts.
func textual(name string, arg Macro) Operator {
	compare := map[string]func(v, arg string) bool{
		"streq":      func(v, arg string) bool { return v == arg },
		"contains":   strings.Contains,
		"strmatch":   strings.Contains,
		"beginswith": strings.HasPrefix,
		"endswith":   strings.HasSuffix,
		"within":     func(v, arg string) bool { return strings.Contains(arg, v) },
	}[name]
	o := Operator{Need: prefilter.Always(), Arg: arg}
	text, constant := arg.Constant()
	switch {
	case constant:
		o.Match = func(v, _ string) bool { return compare(v, text) }
		o.Constant = true
		if name != "within" {
			o.Need = prefilter.Contains(text)
		}
	case arg.Understood():
		o.Match = func(v, arg string) bool { return compare(v, arg) }
	default:
		return opaqueOperator("@" + name + " with a variable")
	}
	return o
}

// atoi is strconv.Atoi without its error, and for what begins like no number without the
// memory that an error takes.
func atoi(s string) int {
	if s == "" || s[0] != '-' && s[0] != '+' && (s[0] < '0' || s[0] > '9') {
		return 0
	}
	n, _ := strconv.Atoi(s)
	return n
}
