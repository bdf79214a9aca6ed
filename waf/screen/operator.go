package screen

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"weak"

	ahocorasick "github.com/petar-dambovaliev/aho-corasick"
	"rsc.io/binaryregexp"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/screen/dfa"
	"github.com/wafer-waf/wafer/waf/screen/inject"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// operator is the test of one link, as Coraza's internal/operators has it.
type operator struct {
	// match reports whether the operator matches the value. Negation is the caller's.
	match func(e *evaluation, value string) bool
	// capture is match that also sets e.captures; nil: the operator captures nothing. groups
	// is how many of them a match is sure to set.
	capture func(e *evaluation, value string) bool
	groups  int
	// need is what a value must have to match.
	need prefilter.Need
	// constant: match reads nothing but the value. Otherwise it reads what arg has places for.
	constant bool
	arg      macro
	// number tells the operator from all others of its compiler; 0: it is of one policy only.
	number int
	// chance is how often the need holds for ordinary values.
	chance float64
	// expr is the expression of an @rx that is matched over UTF-8; empty: it is none.
	expr string
	// vague is why match may report a match that is none: the operator is not understood.
	vague string
}

// anything is an operator that is not understood.
func anything(why string) operator {
	return operator{match: func(*evaluation, string) bool { return true }, need: prefilter.Always(), vague: why}
}

// vaguely is anything as a link has it.
func vaguely(why string) *operator {
	o := anything(why)
	return &o
}

// compile compiles an operator, unless a live screen has the same one. arg is its argument
// with what is known filled in.
func (c *Compiler) compile(o seclang.Operator, arg macro) (*operator, error) {
	text, constant := arg.constant()
	o.Negated, o.Arg = false, text
	if !constant {
		return c.new(o, arg)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if out := c.made[o].Value(); out != nil {
		return out, nil
	}
	out, err := c.new(o, arg)
	if err != nil {
		return nil, err
	}
	c.numbers++
	out.number = c.numbers
	c.made[o] = weak.Make(out)
	return out, nil
}

// tables are what many policies have in common, as long as their rules wait for the same.
type tables struct {
	set       *prefilter.Set
	operators []*operator // whose numbers are in the key

	mu    sync.Mutex
	views map[string]*prefilter.View // by needs
}

// tables returns the tables for guards with these operators, which are all that the needs
// come from.
func (c *Compiler) tables(operators []*operator, needs []prefilter.Need) *tables {
	var key strings.Builder
	for i, o := range operators {
		switch {
		case needs[i].IsAlways():
			key.WriteString("a ")
		case o.number > 0:
			fmt.Fprintf(&key, "%d ", o.number)
		default:
			fmt.Fprintf(&key, "%q ", needs[i].String())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if out := c.shared[key.String()].Value(); out != nil {
		return out
	}
	out := &tables{set: prefilter.NewSet(needs), operators: operators, views: map[string]*prefilter.View{}}
	c.shared[key.String()] = weak.Make(out)
	return out
}

// view returns the view of some needs.
func (t *tables) view(needs []int32) *prefilter.View {
	slices.Sort(needs)
	key := fmt.Sprint(needs)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.views[key] == nil {
		t.views[key] = t.set.View(needs)
	}
	return t.views[key]
}

// tidy forgets operators that no screen has any more.
func (c *Compiler) tidy() {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.made, func(_ seclang.Operator, o weak.Pointer[operator]) bool { return o.Value() == nil })
	maps.DeleteFunc(c.shared, func(_ string, t weak.Pointer[tables]) bool { return t.Value() == nil })
	maps.DeleteFunc(c.unions, func(_ string, m weak.Pointer[dfa.Matcher]) bool { return m.Value() == nil })
}

// union compiles a matcher that matches what any of the expressions matches.
func (c *Compiler) union(exprs []string) (*dfa.Matcher, error) {
	expr := "(?:" + strings.Join(exprs, ")|(?:") + ")"
	c.mu.Lock()
	defer c.mu.Unlock()
	if out := c.unions[expr].Value(); out != nil {
		return out, nil
	}
	out, err := dfa.Compile(expr, c.budget)
	if err == nil {
		c.unions[expr] = weak.Make(out)
	}
	return out, err
}

func (c *Compiler) new(o seclang.Operator, arg macro) (*operator, error) {
	out, err := c.make(o, arg)
	if err == nil {
		out.chance = out.need.Chance()
	}
	return &out, err
}

func (c *Compiler) make(o seclang.Operator, arg macro) (operator, error) {
	switch o.Name {
	case "rx":
		return rx(o.Arg, c.budget)
	case "pm":
		return phrases(strings.Split(strings.ToLower(o.Arg), " ")), nil
	case "pmfromfile", "pmf":
		list, err := phraseFile(c.root, o)
		if err != nil {
			return operator{}, err
		}
		return phrases(list), nil
	case "eq", "ge", "gt", "le", "lt":
		return numeric(o.Name, arg), nil
	case "streq", "contains", "strmatch", "beginswith", "endswith", "within":
		return textual(o.Name, arg), nil
	case "ipmatch":
		return addresses(o.Arg), nil
	case "validatebyterange":
		return byteRange(o.Arg)
	case "validateurlencoding":
		return operator{match: func(_ *evaluation, v string) bool { return !validURLEncoding(v) }, need: prefilter.Contains("%"), constant: true}, nil
	case "validateutf8encoding":
		return operator{match: func(_ *evaluation, v string) bool { return !utf8.ValidString(v) }, need: prefilter.AnyByte(highBytes()), constant: true}, nil
	case "detectsqli":
		return operator{
			match:    func(_ *evaluation, v string) bool { return inject.SQLi(v) },
			need:     prefilter.Always(),
			constant: true,
		}, nil
	case "detectxss":
		return operator{
			match:    func(_ *evaluation, v string) bool { return inject.XSS(v) },
			need:     prefilter.Always(),
			constant: true,
		}, nil
	case "restpath":
		return operator{}, fmt.Errorf("@restpath makes arguments of the path")
	case "nomatch":
		return operator{match: func(*evaluation, string) bool { return false }, need: prefilter.Never(), constant: true}, nil
	case "unconditionalmatch":
		return operator{match: func(*evaluation, string) bool { return true }, need: prefilter.Always(), constant: true}, nil
	}
	return anything("operator @" + o.Name), nil
}

// rx is @rx. Coraza lets . match line breaks and ^ and $ match at them.
func rx(expr string, room *dfa.Budget) (operator, error) {
	if overBytes("(?sm)" + expr) {
		return binaryRx(expr)
	}
	expr = "(?sm)" + expr
	fast, err := dfa.Compile(expr, room)
	if err != nil {
		return operator{}, fmt.Errorf("@rx: %w", err)
	}
	need, err := prefilter.Regexp(expr)
	if err != nil {
		return operator{}, fmt.Errorf("@rx: %w", err)
	}
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return operator{}, fmt.Errorf("@rx: %w", err)
	}
	// Few rules have somebody read what they capture.
	slow := budget.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
	return operator{
		match: func(_ *evaluation, v string) bool { return fast.MatchString(v) },
		capture: func(e *evaluation, v string) bool {
			if !fast.MatchString(v) {
				return false
			}
			found := slow().FindStringSubmatchIndex(v)
			for i := 0; i < len(found)/2 && i < 9; i++ {
				e.captures[i] = ""
				if found[2*i] >= 0 {
					e.captures[i] = v[found[2*i]:found[2*i+1]]
				}
			}
			return true
		},
		groups: min(parsed.MaxCap()+1, 9), need: need, constant: true, expr: expr,
	}, nil
}

// binaryRx is @rx with an expression over bytes.
func binaryRx(expr string) (operator, error) {
	binary, err := binaryregexp.Compile(expr)
	if err != nil {
		return operator{}, fmt.Errorf("@rx: %w", err)
	}
	need, err := prefilter.BinaryRegexp(expr)
	if err != nil {
		return operator{}, fmt.Errorf("@rx: %w", err)
	}
	return operator{match: func(_ *evaluation, v string) bool { return binary.MatchString(v) }, need: need, constant: true}, nil
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

// phrases is @pm, by the automaton that Coraza uses.
func phrases(list []string) operator {
	for _, p := range list {
		if p == "" {
			return anything("@pm with an empty phrase")
		}
	}
	if len(list) == 0 {
		return anything("@pm without phrases")
	}
	// Large, and asked only where the condition holds.
	automaton := budget.OnceValue(func() ahocorasick.AhoCorasick {
		b := ahocorasick.NewAhoCorasickBuilder(ahocorasick.Opts{AsciiCaseInsensitive: true, MatchKind: ahocorasick.LeftMostLongestMatch})
		return b.Build(list)
	})
	return operator{
		match:    func(_ *evaluation, v string) bool { return automaton().Iter(v).Next() != nil },
		need:     prefilter.Phrases(list),
		constant: true,
	}
}

// phraseFile reads the file of @pmFromFile: a phrase a line.
func phraseFile(root fs.FS, o seclang.Operator) ([]string, error) {
	name := o.Arg
	if !path.IsAbs(name) {
		name = path.Join(o.Dir, name)
	}
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, fmt.Errorf("@pmFromFile: %w", err)
	}
	var list []string
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if l := strings.TrimSpace(lines.Text()); l != "" && l[0] != '#' {
			list = append(list, strings.ToLower(l))
		}
	}
	return list, nil
}

// numeric is a comparison of numbers; what is no number counts as 0.
func numeric(name string, arg macro) operator {
	compare := map[string]func(v, arg int) bool{
		"eq": func(v, arg int) bool { return v == arg },
		"ge": func(v, arg int) bool { return v >= arg },
		"gt": func(v, arg int) bool { return v > arg },
		"le": func(v, arg int) bool { return v <= arg },
		"lt": func(v, arg int) bool { return v < arg },
	}[name]
	o := operator{need: prefilter.Always(), arg: arg}
	text, constant := arg.constant()
	switch {
	case constant:
		n, _ := strconv.Atoi(text)
		o.match = func(_ *evaluation, v string) bool { return compare(atoi(v), n) }
		o.constant = true
	case arg.understood():
		o.match = func(e *evaluation, v string) bool { return compare(atoi(v), atoi(arg.expand(e))) }
	default:
		return anything("@" + name + " with a variable")
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

// textual is a comparison of texts.
func textual(name string, arg macro) operator {
	compare := map[string]func(v, arg string) bool{
		"streq":      func(v, arg string) bool { return v == arg },
		"contains":   strings.Contains,
		"strmatch":   strings.Contains,
		"beginswith": strings.HasPrefix,
		"endswith":   strings.HasSuffix,
		"within":     func(v, arg string) bool { return strings.Contains(arg, v) },
	}[name]
	o := operator{need: prefilter.Always(), arg: arg}
	text, constant := arg.constant()
	switch {
	case constant:
		o.match = func(_ *evaluation, v string) bool { return compare(v, text) }
		o.constant = true
		if name != "within" {
			o.need = prefilter.Contains(text)
		}
	case arg.understood():
		o.match = func(e *evaluation, v string) bool { return compare(v, arg.expand(e)) }
	default:
		return anything("@" + name + " with a variable")
	}
	return o
}

// addresses is @ipMatch.
func addresses(list string) operator {
	var nets []*net.IPNet
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		switch {
		case strings.Contains(item, "/"):
		case strings.Contains(item, ":"):
			item += "/128"
		case strings.Contains(item, "."):
			item += "/32"
		}
		if _, n, err := net.ParseCIDR(item); err == nil {
			nets = append(nets, n)
		}
	}
	return operator{
		match: func(_ *evaluation, v string) bool {
			ip := net.ParseIP(v)
			for _, n := range nets {
				if n.Contains(ip) {
					return true
				}
			}
			return false
		},
		need: prefilter.Always(), constant: true,
	}
}

// byteRange is @validateByteRange: it matches values that have another byte.
func byteRange(ranges string) (operator, error) {
	if ranges == "" {
		return operator{match: func(*evaluation, string) bool { return true }, need: prefilter.Always(), constant: true}, nil
	}
	var valid [256]bool
	for item := range strings.SplitSeq(ranges, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(item), "-")
		if !ranged {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || a < 0 || b > 255 {
			return operator{}, fmt.Errorf("@validateByteRange: %q is no range of bytes", item)
		}
		for c := a; c <= b; c++ {
			valid[c] = true
		}
	}
	var others []byte
	for c, ok := range valid {
		if !ok {
			others = append(others, byte(c))
		}
	}
	return operator{
		match: func(_ *evaluation, v string) bool {
			for i := range len(v) {
				if !valid[v[i]] {
					return true
				}
			}
			return false
		},
		need: prefilter.AnyByte(string(others)), constant: true,
	}, nil
}

func highBytes() string {
	var b []byte
	for c := 0x80; c <= 0xff; c++ {
		b = append(b, byte(c))
	}
	return string(b)
}

func validURLEncoding(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return false
		}
		i += 2
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
