package waf

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/macro"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/libinjection-go"
	ahocorasick "github.com/petar-dambovaliev/aho-corasick"
	"github.com/wafer-waf/wafer/waf/budget"
)

// Coraza's registry gives no operator out, so that none can be wrapped: those that look at every byte of
// a value are written once more here, to keep within the budget of their transaction. They say what
// Coraza's say (TestOperators), by the same libraries; the screen has others of its own, so that
// each checks the other. What is not here (numbers, addresses, look-ups) looks at few bytes.

type (
	options = plugintypes.OperatorOptions
	state   = plugintypes.TransactionState
)

// operator is one that Coraza asks.
type operator func(tx state, value string) bool

// Evaluate is what Coraza calls.
func (o operator) Evaluate(tx state, value string) bool { return o(tx, value) }

// What a byte costs, in steps of about a nanosecond.
const (
	cheap   = 1  // a comparison, a table
	dear    = 8  // an automaton of phrases, a tokenizer
	dearest = 16 // a regular expression
)

// registerOperators puts them into Coraza's registry, which is one for the process.
func registerOperators() {
	register := func(name string, make func(options) (plugintypes.Operator, error)) {
		plugins.RegisterOperator(name, make)
	}
	register("rx", newRx)
	register("pm", newPhrases)
	register("pmFromFile", newPhraseFile)
	register("pmf", newPhraseFile)
	register("ipMatchFromFile", newAddressFile)
	register("ipMatchF", newAddressFile)
	register("validateSchema", newSchemaFile)
	register("detectSQLi", func(options) (plugintypes.Operator, error) { return operator(detectSQLi), nil })
	register("detectXSS", func(options) (plugintypes.Operator, error) { return operator(detectXSS), nil })
	register("validateByteRange", newByteRange)
	register("validateUrlEncoding", func(options) (plugintypes.Operator, error) { return operator(badURLEncoding), nil })
	register("validateUtf8Encoding", func(options) (plugintypes.Operator, error) { return operator(badUTF8), nil })
	for name, compare := range map[string]func(value, argument string) bool{
		"contains": strings.Contains, "strmatch": strings.Contains, "beginsWith": strings.HasPrefix, "endsWith": strings.HasSuffix,
		"streq":  func(value, argument string) bool { return value == argument },
		"within": func(value, argument string) bool { return strings.Contains(argument, value) },
	} {
		register(name, func(o options) (plugintypes.Operator, error) { return newComparison(o, compare) })
	}
}

func newComparison(o options, compare func(value, argument string) bool) (plugintypes.Operator, error) {
	argument, err := macro.NewMacro(o.Arguments)
	if err != nil {
		return nil, err
	}
	return operator(func(tx state, value string) bool {
		spend(tx, cheap*len(value))
		return compare(value, argument.Expand(tx))
	}), nil
}

// newPhrases is @pm.
func newPhrases(o options) (plugintypes.Operator, error) {
	text := strings.ToLower(o.Arguments)
	return phraseOperator(o, text, strings.Split(text, " "), true)
}

// newPhraseFile is @pmFromFile: a phrase a line.
func newPhraseFile(o options) (plugintypes.Operator, error) {
	text, err := readFile(o)
	if err != nil {
		return nil, err
	}
	var list []string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if l := strings.TrimSpace(lines.Text()); l != "" && l[0] != '#' {
			list = append(list, strings.ToLower(l))
		}
	}
	// By what is in it: the same file stands in the folders of several paranoia levels.
	return phraseOperator(o, fmt.Sprintf("%x", sha256.Sum256(text)), list, false)
}

func readFile(o options) (text []byte, err error) {
	if path.IsAbs(o.Arguments) {
		return fs.ReadFile(o.Root, o.Arguments)
	}
	err = errors.New("no folder to look in")
	for _, dir := range o.Path {
		if text, err = fs.ReadFile(o.Root, path.Join(dir, o.Arguments)); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return text, err
}

func phraseOperator(o options, key string, list []string, fast bool) (plugintypes.Operator, error) {
	// They are large, and most of them are never asked.
	made, err := remember(o, "phrases "+key, func() (any, error) {
		b := ahocorasick.NewAhoCorasickBuilder(ahocorasick.Opts{AsciiCaseInsensitive: true, MatchKind: ahocorasick.LeftMostLongestMatch, DFA: fast})
		return budget.OnceValue(func() ahocorasick.AhoCorasick { return b.Build(list) }), nil
	})
	if err != nil {
		return nil, err
	}
	automaton := made.(func() ahocorasick.AhoCorasick)
	shortest := math.MaxInt
	for _, phrase := range list {
		shortest = min(shortest, len(phrase))
	}
	return operator(func(tx state, value string) bool {
		if len(value) < shortest {
			return false
		}
		spend(tx, dear*len(value))
		found := automaton().Iter(value)
		if !tx.Capturing() {
			return found.Next() != nil
		}
		n := 0
		for ; n < 10; n++ {
			m := found.Next()
			if m == nil {
				break
			}
			tx.CaptureField(n, value[m.Start():m.End()])
		}
		return n > 0
	}), nil
}

// remember makes something that is the same for all policies that ask for it by this key.
func remember(o options, key string, make func() (any, error)) (any, error) {
	if o.Memoizer == nil {
		return make()
	}
	return o.Memoizer.Do(key, make)
}

func detectSQLi(tx state, value string) bool {
	spend(tx, dear*len(value))
	found, fingerprint := libinjection.IsSQLi(value)
	if found {
		tx.CaptureField(0, fingerprint)
	}
	return found
}

func detectXSS(tx state, value string) bool {
	spend(tx, dear*len(value))
	return libinjection.IsXSS(value)
}

func badUTF8(tx state, value string) bool {
	spend(tx, cheap*len(value))
	return !utf8.ValidString(value)
}

func badURLEncoding(tx state, value string) bool {
	spend(tx, cheap*len(value))
	isHex := func(c byte) bool { return c-'0' <= 9 || c|0x20-'a' < 6 }
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			continue
		}
		if i+2 >= len(value) || !isHex(value[i+1]) || !isHex(value[i+2]) {
			return true
		}
		i += 2
	}
	return false
}

// newByteRange is @validateByteRange, which finds values that have another byte.
func newByteRange(o options) (plugintypes.Operator, error) {
	if o.Arguments == "" {
		return operator(func(state, string) bool { return true }), nil
	}
	var valid [256]bool
	for item := range strings.SplitSeq(o.Arguments, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(item), "-")
		if !ranged {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if first < 0 || first > 255 || last < 0 || last > 255 {
			return nil, fmt.Errorf("%q is no range of bytes", item)
		}
		for c := first; c <= last; c++ {
			valid[c] = true
		}
	}
	return operator(func(tx state, value string) bool {
		spend(tx, cheap*len(value))
		for i := range len(value) {
			if !valid[value[i]] {
				return true
			}
		}
		return false
	}), nil
}
