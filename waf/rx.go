package waf

import (
	"io"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/wafer-waf/wafer/waf/budget"
	"rsc.io/binaryregexp"
)

// pattern is a compiled regular expression, over UTF-8 or over bytes.
type pattern interface {
	MatchString(s string) bool
	FindStringSubmatchIndex(s string) []int
}

// patient is a pattern that can read a text by and by.
type patient struct {
	pattern
	prefix string // every match begins with it
	long   int    // from this length on a value is read by and by
	match  func(*slowly) bool
	find   func(*slowly) []int
}

// newRx is @rx.
func newRx(o options) (plugintypes.Operator, error) {
	p, err := compilePatient(o)
	if err != nil {
		return nil, err
	}
	return operator(func(tx state, value string) bool { return p().evaluate(tx, value) }), nil
}

// compilePatient compiles an expression, once for all policies that have it. Coraza lets . match line breaks and
// ^ and $ match at them.
func compilePatient(o options) (func() *patient, error) {
	made, err := remember(o, "rx "+o.Arguments, func() (any, error) {
		text := "(?sm)" + o.Arguments
		if overBytes(text) {
			p, err := binaryregexp.Compile(o.Arguments)
			made := overBytesPatient(p)
			return func() *patient { return made }, err
		}
		// They are large, and most of them are never asked: so it is made sure now that they are well-formed,
		// and the rest is done when somebody asks.
		_, err := syntax.Parse(text, syntax.Perl)
		return budget.OnceValue(func() *patient { return runesPatient(regexp.MustCompile(text)) }), err
	})
	if err != nil {
		return nil, err
	}
	return made.(func() *patient), nil
}

func overBytesPatient(p *binaryregexp.Regexp) *patient {
	return &patient{
		p, "", longValue,
		func(s *slowly) bool { return p.MatchReader(s) },
		func(s *slowly) []int { return p.FindReaderSubmatchIndex(s) },
	}
}

func runesPatient(p *regexp.Regexp) *patient {
	prefix, long := "", longValue
	if prefix, _ = p.LiteralPrefix(); prefix != "" {
		long = longWithPrefix
	}
	return &patient{
		p, prefix, long,
		func(s *slowly) bool { return p.MatchReader(s) },
		func(s *slowly) []int { return p.FindReaderSubmatchIndex(s) },
	}
}

// From these lengths on an expression reads a value by and by. Up to there it takes some milliseconds at most, and
// to match a string as a whole is faster: by far if every match begins with something that is looked for.
const (
	longValue      = 4 << 10
	longWithPrefix = 64 << 10
)

func (p *patient) evaluate(tx state, value string) bool {
	steps, long := dearest*len(value), len(value) > p.long
	if long {
		steps = cheap * len(value) // the rest as it is read
	}
	b := spend(tx, steps)
	switch {
	case long && !strings.Contains(value, p.prefix): // who reads by and by cannot look for it
		return false
	case long && tx.Capturing():
		return capture(tx, value, p.find(&slowly{text: value, budget: b}))
	case long:
		return p.match(&slowly{text: value, budget: b})
	case tx.Capturing():
		return capture(tx, value, p.FindStringSubmatchIndex(value))
	}
	return p.MatchString(value)
}

// capture keeps what the groups of an expression have found; nil: it has not matched.
func capture(tx state, value string, found []int) bool {
	for i := 0; i < len(found)/2 && i < 9; i++ {
		text := ""
		if from, to := found[2*i], found[2*i+1]; from >= 0 {
			text = value[from:to]
		}
		tx.CaptureField(i, text)
	}
	return found != nil
}

// slowly gives an expression a text by and by, as long as there is time.
type slowly struct {
	text   string
	pos    int
	budget *budget.Budget
}

// ReadRune returns the next rune, as package regexp reads it from a string.
func (s *slowly) ReadRune() (r rune, size int, err error) {
	c, err := s.ReadByte()
	if err != nil || c < utf8.RuneSelf {
		return rune(c), 1, err
	}
	r, size = utf8.DecodeRuneInString(s.text[s.pos-1:])
	s.pos += size - 1
	return r, size, nil
}

// ReadByte returns the next byte.
func (s *slowly) ReadByte() (byte, error) {
	if s.pos == len(s.text) {
		return 0, io.EOF
	}
	if !s.budget.Spend(dearest) {
		panic(outOfBudget{})
	}
	s.pos++
	return s.text[s.pos-1], nil
}

// overBytes reports whether Coraza matches an expression over bytes: if the bytes that it names by \x
// escapes are no valid UTF-8 together with the rest of it.
func overBytes(expr string) bool {
	var text []byte
	for i := 0; i < len(expr); i++ {
		if expr[i] != '\\' || i+3 >= len(expr) || expr[i+1] != 'x' {
			text = append(text, expr[i])
			continue
		}
		escape, rest := expr[i:], 3
		if escape[2] == '{' {
			if end := strings.IndexByte(escape, '}'); end >= 0 && len(escape) >= 6 {
				escape, rest = `\x`+escape[3:end], end
			}
		}
		c, wide, _, err := strconv.UnquoteChar(escape, 0)
		if err != nil || wide {
			text = append(text, expr[i])
			continue
		}
		text = append(text, byte(c))
		i += rest
	}
	return !utf8.Valid(text)
}
