package prefilter

import (
	"regexp/syntax"
	"unicode"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/waf/screen/byteset"
)

// Runes beyond ASCII that (?i) takes for an ASCII letter, k and s.
const (
	kelvin = '\u212a'
	longS  = '\u017f'
)

// alphabets are the sets of bytes for which a pattern is specialized, each within the next. A
// value that has only bytes of the first cannot match through what needs another byte, so that
// most parts of an attack pattern are dead and the rest joins to longer literals: b["']*u["']*s
// is the word bus for every value without quotes.
var alphabets = func() []byteset.Set {
	var list []byteset.Set
	set := byteset.Letters
	for _, more := range []string{"0.-_\x80", " ", "/:,@+=", "?&#%", ";()*!~'", "\"[]\\^<>{}|`\t\r\n\x00"} {
		set |= byteset.Of(more)
		list = append(list, set)
	}
	return append(list, byteset.All)
}()

// evasion is the set of bytes that shells ignore inside of words, and that patterns therefore
// allow between any two letters. What a match looks like without them is a condition of its
// own; it holds for the value without them, which is scanned too (see [Set.Scan]).
const evasionBytes = "\"'\\^)["

var evasion = byteset.Of(evasionBytes)

// Regexp returns the need of a value that matches expr, an expression as regexp.Compile takes
// it, flags included. A byte of the value that is not valid UTF-8 counts as U+FFFD, as it does for
// package regexp.
func Regexp(expr string) (Need, error) {
	if n, ok := derived(derivedNeeds, expr, false); ok {
		return n, nil
	}
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return Need{}, err
	}
	return specialize(re, false), nil
}

// BinaryRegexp is [Regexp] for an expression that matches single bytes instead of UTF-8, which
// Coraza does for those that name a byte that is not valid UTF-8 (internal/operators/rx.go,
// with package rsc.io/binaryregexp).
func BinaryRegexp(expr string) (Need, error) {
	for i := range len(expr) {
		if expr[i] >= utf8.RuneSelf {
			return Always(), nil // only escapes are understood
		}
	}
	if n, ok := derived(derivedNeeds, expr, true); ok {
		return n, nil
	}
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return Need{}, err
	}
	return specialize(re, true), nil
}

// specialize joins what is needed within each alphabet: a value that reaches into one alphabet and
// not beyond needs what the pattern needs within it.
func specialize(re *syntax.Regexp, binary bool) Need {
	type level struct {
		reached byteset.Set
		need    Need
		formula string
	}
	folds := false
	var levels []level
	var below byteset.Set
	for _, alphabet := range alphabets {
		plain := reader{alive: alphabet, binary: binary, folds: &folds}
		erased := plain
		erased.erase = evasion
		need, formula := tidy(And(plain.read(re).condition(), erased.read(re).condition()))
		reached := alphabet &^ below // does not matter for the first
		if last := len(levels) - 1; last >= 0 && levels[last].formula == formula {
			levels[last].reached |= reached
		} else {
			levels = append(levels, level{reached, need, formula})
		}
		below = alphabet
	}
	n := levels[0].need
	for _, l := range levels[1:] {
		n = when(l.reached, l.need, n)
	}
	if folds {
		n = Or(n, Contains(string(kelvin)), Contains(string(longS)))
	}
	return n
}

// reader derives what the strings have in common that a parsed pattern matches.
type reader struct {
	alive  byteset.Set // no other byte occurs
	erase  byteset.Set // these bytes are left out of every string
	binary bool        // a rune below 0x100 stands for that byte
	folds  *bool       // set if kelvin and longS were left out of a set for a letter
}

func (r reader) read(re *syntax.Regexp) language {
	switch re.Op {
	case syntax.OpNoMatch:
		return nothing
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return exactly("")
	case syntax.OpLiteral:
		l := exactly("")
		for _, c := range re.Rune {
			l = l.then(r.literal(c, re.Flags&syntax.FoldCase != 0))
		}
		return l
	case syntax.OpCharClass:
		return r.class(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return something(Always())
	case syntax.OpCapture:
		return r.read(re.Sub[0])
	case syntax.OpStar:
		return r.repeat(r.read(re.Sub[0]), 0, -1)
	case syntax.OpPlus:
		return r.repeat(r.read(re.Sub[0]), 1, -1)
	case syntax.OpQuest:
		return r.repeat(r.read(re.Sub[0]), 0, 1)
	case syntax.OpRepeat:
		return r.repeat(r.read(re.Sub[0]), re.Min, re.Max)
	case syntax.OpConcat:
		l := exactly("")
		for _, sub := range re.Sub {
			l = l.then(r.read(sub))
		}
		return l
	case syntax.OpAlternate:
		list := make([]language, len(re.Sub))
		for i, sub := range re.Sub {
			list[i] = r.read(sub)
		}
		return either(list)
	}
	return something(Always()) // an operation of a later Go
}

// maxCopies bounds how often a repeated part is written out.
const maxCopies = 4

// repeat is the language of lowest to highest copies of l; highest is -1 for no bound.
func (r reader) repeat(l language, lowest, highest int) language {
	if l.dead() || highest == 0 || len(l.exact) == 1 && l.exact[0] == "" {
		if lowest == 0 || !l.dead() {
			return exactly("")
		}
		return nothing
	}
	if lowest == 0 && highest == 1 {
		return l.optional()
	}
	if lowest == 0 {
		return something(Always())
	}
	copies := l
	for range min(lowest, maxCopies) - 1 {
		copies = copies.then(l)
	}
	if lowest == highest && lowest <= maxCopies {
		return copies
	}
	return copies.open()
}

// literal is the language of one rune.
func (r reader) literal(c rune, foldCase bool) language {
	if !foldCase {
		return r.class([]rune{c, c})
	}
	var set []rune
	for f := c; ; {
		set = append(set, f, f)
		if f = unicode.SimpleFold(f); f == c {
			return r.class(set)
		}
	}
}

// maxChoices bounds the bytes of a set that are tried one by one where it stands.
const maxChoices = 6

// class is the language of one rune out of a set, given as pairs of first and last.
func (r reader) class(pairs []rune) language {
	var set byteset.Set  // the bytes of which one occurs
	var choices []string // the strings of which one occurs, if few
	few, erased := true, false
	add := func(s string) {
		switch groups := byteset.Of(s); {
		case groups&^r.alive != 0:
		case groups&r.erase != 0:
			erased = true
		default:
			set |= groups
			choices = append(choices, fold(s))
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		for c := pairs[i]; c <= min(pairs[i+1], utf8.RuneSelf-1); c++ {
			add(string(c))
		}
		first, last := max(pairs[i], utf8.RuneSelf), pairs[i+1]
		single := first == last
		switch {
		case first > last, r.binary && first > 0xff:
		case r.binary && single:
			add(string([]byte{byte(first)}))
		case single && (first == kelvin || first == longS):
			*r.folds = true
		case single && first != utf8.RuneError && !r.binary:
			add(string(first))
		default:
			set |= byteset.High & r.alive
			few = false
		}
	}
	choices = union(choices)
	few = few && len(choices) <= maxChoices
	switch {
	case set == 0 && !erased:
		return nothing
	case few && erased:
		return exactly(union(choices, unknown)...)
	case few:
		return exactly(choices...)
	case erased:
		return something(Always())
	}
	return something(class(set))
}
