package waf

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corazawaf/coraza/v3/debuglog"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/wafer-waf/wafer/waf/budget"
	"rsc.io/binaryregexp"
)

// asked is a transaction as operators see it.
type asked struct {
	plugintypes.TransactionState
	purse    *purse
	captures bool
	fields   []string
}

func ask(b *budget.Budget, captures bool) *asked {
	return &asked{purse: &purse{Logger: debuglog.Noop(), budget: b}, captures: captures}
}

func (a *asked) DebugLogger() debuglog.Logger { return a.purse }
func (a *asked) Capturing() bool              { return a.captures }
func (a *asked) CaptureField(i int, value string) {
	a.fields = append(a.fields, fmt.Sprint(i, "=", value))
}

// coreExpressions are the arguments of @rx in CRS.
func coreExpressions(t *testing.T) (list []string) {
	t.Helper()
	files, err := fs.Glob(rules(), "@owasp_crs/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	rx := regexp.MustCompile(`"!?@rx ((?:[^"\\]|\\.)*)"`)
	for _, f := range files {
		text, err := fs.ReadFile(rules(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range rx.FindAllStringSubmatch(string(text), -1) {
			list = append(list, strings.ReplaceAll(m[1], `\"`, `"`))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// TestSlowExpressions compares what expressions say of long values, which they read by and by, with what
// they say of strings: with a match at the beginning, far behind, and none.
func TestSlowExpressions(t *testing.T) {
	expressions := append(coreExpressions(t), `\xe4(b+)`, `^(a)|(b)$`, `\bx\b`, `é+(.)`, `(?i)ſelect`, `a(?:b|(c))d`, ``)
	if len(expressions) < 150 {
		t.Fatalf("%d expressions cannot be all of CRS", len(expressions))
	}
	padding := strings.Repeat("abc de\né \xff%27;", 100)
	values := []string{
		padding + padding, "x" + padding + "acd", padding + "\xe4bb" + padding, padding + "b",
		padding + `<script>alert(1)</script> ' or 1=1 -- ; cat /etc/passwd ${jndi:ldap://x} SELECT a FROM b`,
		"' union select 1,2 from t -- " + padding,
	}
	for _, expr := range expressions {
		compiled, err := compilePatient(options{Arguments: expr})
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		p := compiled()
		p.long = 0
		for i, v := range values {
			for _, captures := range []bool{false, true} {
				tx := ask(&budget.Budget{}, captures)
				got := p.evaluate(tx, v)
				var want []string
				found := submatches(t, expr, v)
				if captures {
					for n := 0; n < len(found)/2 && n < 9; n++ {
						text := ""
						if found[2*n] >= 0 {
							text = v[found[2*n]:found[2*n+1]]
						}
						want = append(want, fmt.Sprint(n, "=", text))
					}
				}
				if got != (found != nil) || !slices.Equal(tx.fields, want) {
					t.Errorf("%s, value %d: %t %.100q, want %t %.100q", expr, i, got, tx.fields, found != nil, want)
				}
			}
		}
	}
}

func submatches(t *testing.T, expr, v string) []int {
	t.Helper()
	if overBytes("(?sm)" + expr) {
		return binaryregexp.MustCompile(expr).FindStringSubmatchIndex(v)
	}
	return regexp.MustCompile("(?sm)" + expr).FindStringSubmatchIndex(v)
}

// TestOutOfBudget is about an expression in the middle of a value.
func TestOutOfBudget(t *testing.T) {
	op, err := newRx(options{Arguments: `(?:a|b|c)*d`})
	if err != nil {
		t.Fatal(err)
	}
	b := budget.New(time.Nanosecond)
	defer b.Rest()
	defer func() {
		if r := recover(); r != (any)(outOfBudget{}) {
			t.Errorf("it ends with %v", r)
		}
	}()
	t.Errorf("it says %t", op.Evaluate(ask(&b, false), strings.Repeat("abc", 1<<20)))
}

func TestOverBytes(t *testing.T) {
	for expr, want := range map[string]bool{
		`abc`: false, `\xe4`: true, `\xc3\xa9`: false, `\x{e4}`: true, `\x{1F600}`: false, `\\xe4`: true, `[\x80-\xff]`: true, `\x4`: false, `\x41`: false,
	} {
		if got := overBytes(expr); got != want {
			t.Errorf("%s: %t", expr, got)
		}
	}
}

// TestOperators is about the others.
func TestOperators(t *testing.T) {
	made := func(op plugintypes.Operator, err error) plugintypes.Operator {
		if err != nil {
			t.Fatal(err)
		}
		return op
	}
	phrases := made(newPhrases(options{Arguments: "Cat dog"}))
	file := made(newPhraseFile(options{Arguments: "unix-shell.data", Path: []string{"nowhere", "@owasp_crs"}, Root: rules()}))
	letters := made(newByteRange(options{Arguments: "65-90, 97-122,32"}))
	for _, c := range []struct {
		op    plugintypes.Operator
		value string
		want  string
	}{
		{phrases, "a CAT and a dog", "true 0=CAT 1=dog"}, {phrases, "a ca", "false"}, {phrases, strings.Repeat("dog", 12), "true 0=dog 1=dog 2=dog 3=dog 4=dog 5=dog 6=dog 7=dog 8=dog 9=dog"},
		{file, "x bin/BASH", "true 0=bin/BASH"}, {file, "bin/besen", "false"},
		{letters, "Wafer is", "false"}, {letters, "Wafer-", "true"}, {letters, "", "false"},
		{made(newByteRange(options{})), "", "true"},
		{operator(detectSQLi), "1' or '1'='1", "true 0=s&sos"}, {operator(detectSQLi), "Emma O'Brien", "false"},
		{operator(detectXSS), "<script>", "true"}, {operator(detectXSS), "a < b", "false"},
		{operator(badURLEncoding), "%41%", "true"}, {operator(badURLEncoding), "a%4g", "true"}, {operator(badURLEncoding), "%41+", "false"},
		{operator(badUTF8), "\xff", "true"}, {operator(badUTF8), "é", "false"},
	} {
		tx := ask(&budget.Budget{}, true)
		if got := strings.TrimSpace(fmt.Sprint(c.op.Evaluate(tx, c.value), " ", strings.Join(tx.fields, " "))); got != c.want {
			t.Errorf("%.40q: %s, want %s", c.value, got, c.want)
		}
	}
	for _, bad := range []func(options) (plugintypes.Operator, error){newRx, newByteRange, newPhraseFile} {
		if _, err := bad(options{Arguments: "(300-", Root: rules()}); err == nil {
			t.Error("an argument that is none is taken")
		}
	}
}
