package residue

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/waf/screen/inject"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// Operator is the test of one link, as Coraza's internal/operators has it.
type Operator struct {
	// match reports whether the operator matches the value. arg is what arg says for the request at
	// hand, and is not looked at if the operator is constant. Negation is the caller's.
	Match func(value, arg string) bool
	// capture is match that also sets what the operator captures; nil: it captures nothing. groups
	// is how many captures a match is sure to set.
	Capture func(value string, captures *[10]string) bool
	Groups  func() int
	// need is what a value must have to match.
	Need prefilter.Need
	// constant: match depends on nothing but the value. Otherwise arg has places to fill in.
	Constant bool
	Arg      Macro
	// number tells the operator from all others of its compiler; 0: it is of one policy only.
	Number int
	// chance is how often the need holds for ordinary values.
	Chance float64
	// expr is the expression of an @rx that is matched over UTF-8; empty: it is none.
	Expr string
	// vague is why match may report a match that is none: the operator is not understood.
	Opaque string
}

// opaqueOperator is an operator that is not understood.
func opaqueOperator(why string) Operator {
	return Operator{Match: func(string, string) bool { return true }, Need: prefilter.Always(), Opaque: why}
}

// opaque is opaqueOperator as a link has it.
func opaque(why string) *Operator {
	o := opaqueOperator(why)
	return &o
}

func (c *Compiler) compileOperator(o seclang.Operator, arg Macro) (Operator, error) {
	switch o.Name {
	case "rx":
		return rx(o.Arg, c.budget)
	case "pm":
		return phrases(strings.Split(strings.ToLower(o.Arg), " ")), nil
	case "pmfromfile", "pmf":
		return phrases(phrasesIn(o.Arg)), nil
	case "eq", "ge", "gt", "le", "lt":
		return numeric(o.Name, arg), nil
	case "streq", "contains", "strmatch", "beginswith", "endswith", "within":
		return textual(o.Name, arg), nil
	case "ipmatch":
		return addresses(o.Arg), nil
	case "ipmatchfromfile", "ipmatchf":
		return addressFile(o.Arg)
	case "validatebyterange":
		return byteRange(o.Arg)
	case "validateurlencoding":
		return Operator{Match: func(v, _ string) bool { return !validURLEncoding(v) }, Need: prefilter.Contains("%"), Constant: true}, nil
	case "validateutf8encoding":
		return Operator{Match: func(v, _ string) bool { return !utf8.ValidString(v) }, Need: prefilter.AnyByte(highBytes()), Constant: true}, nil
	case "detectsqli":
		return Operator{
			Match:    func(v, _ string) bool { return inject.SQLi(v) },
			Need:     prefilter.Always(),
			Constant: true,
		}, nil
	case "detectxss":
		return Operator{
			Match:    func(v, _ string) bool { return inject.XSS(v) },
			Need:     prefilter.Always(),
			Constant: true,
		}, nil
	case "restpath":
		return Operator{}, fmt.Errorf("@restpath makes arguments of the path")
	case "nomatch":
		return Operator{Match: func(string, string) bool { return false }, Need: prefilter.Never(), Constant: true}, nil
	case "unconditionalmatch":
		return Operator{Match: func(string, string) bool { return true }, Need: prefilter.Always(), Constant: true}, nil
	}
	return opaqueOperator("operator @" + o.Name), nil
}
