package waf

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/wafer-waf/wafer/test/complexity"
	"github.com/wafer-waf/wafer/waf/budget"
)

// TestComplexityOfOperators is about the operators that Coraza asks, one by one.
func TestComplexityOfOperators(t *testing.T) {
	inputs := complexity.Inputs(complexity.Special)
	each, limit := 4, 16<<10
	if complexity.Full() {
		each, limit = 200, 64<<10
	}
	check := func(name string, inputs []complexity.Input, limit int, op plugintypes.Operator, err error) {
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			for _, captures := range []bool{false, true} {
				tx := ask(&budget.Budget{}, captures)
				complexity.Check(t, inputs, limit, func(text string) {
					tx.fields = tx.fields[:0]
					op.Evaluate(tx, text)
				})
			}
		})
	}
	for i, expr := range coreExpressions(t) {
		op, err := newRx(options{Arguments: expr})
		check(fmt.Sprint("rx ", i), complexity.Some(inputs, each, i*31), limit, op, err)
	}
	for i, name := range []string{"unix-shell.data", "php-function-names-933150.data", "sql-errors.data", "lfi-os-files.data"} {
		op, err := newPhraseFile(options{Arguments: name, Path: []string{"@owasp_crs"}, Root: rules()})
		check(name, complexity.Some(inputs, 50*each, i), 64<<10, op, err)
	}
	for name, op := range map[string]operator{"detectSQLi": detectSQLi, "detectXSS": detectXSS, "validateUrlEncoding": badURLEncoding, "validateUtf8Encoding": badUTF8} {
		check(name, complexity.Some(inputs, 50*each, 1), 64<<10, op, nil)
	}
}

// corazasTransformations are those that CRS uses, as Coraza has them.
var corazasTransformations = []string{
	"base64Decode", "base64DecodeExt", "cmdLine", "compressWhitespace", "cssDecode", "escapeSeqDecode", "hexDecode", "hexEncode", "htmlEntityDecode",
	"jsDecode", "length", "lowercase", "md5", "normalizePath", "normalizePathWin", "removeComments", "removeCommentsChar", "removeNulls", "removeWhitespace",
	"replaceComments", "replaceNulls", "sha1", "trim", "trimLeft", "trimRight", "uppercase", "urlDecode", "urlDecodeUni", "urlEncode", "utf8toUnicode",
}

// TestComplexityOfTransformations is about Coraza's transformations, one by one.
func TestComplexityOfTransformations(t *testing.T) {
	inputs := complexity.Some(complexity.Inputs(complexity.Special), 5000, 0)
	for _, name := range corazasTransformations {
		t.Run(name, func(t *testing.T) {
			register()
			w, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives("SecRuleEngine On\nSecRule ARGS \"@unconditionalMatch\" \"id:1,phase:1,pass,nolog,t:none,t:" + name + "\""))
			if err != nil {
				t.Fatal(err)
			}
			complexity.Check(t, inputs, 64<<10, func(text string) {
				tx := w.NewTransaction()
				tx.AddGetRequestArgument("a", text)
				tx.ProcessRequestHeaders()
				_ = tx.Close()
			})
		})
	}
}

// TestComplexityOfRequests is about all of it: a request is read, screened, and shown to the rules.
func TestComplexityOfRequests(t *testing.T) {
	inputs, limit := complexity.Some(complexity.Inputs(complexity.Special), 40, 0), 16<<10
	if complexity.Full() {
		inputs, limit = complexity.Some(complexity.Inputs(complexity.Special), 3000, 0), 32<<10
	}
	for _, paranoia := range []int{1, 4} {
		e := mustEngine(t, func(p *Policy) { *p = benchPolicy("complexity"); paranoid(p, paranoia); p.Mode = ModeDetect })
		for name, body := range map[string]func(text string) (mediaType, body string){
			"form": func(text string) (string, string) {
				return "application/x-www-form-urlencoded", "a=" + url.QueryEscape(text)
			},
			"fields": func(text string) (string, string) { return "application/x-www-form-urlencoded", text },
			"json":   func(text string) (string, string) { return "application/json", fmt.Sprintf(`{"a":%q}`, text) },
			"text":   func(text string) (string, string) { return "text/plain", text },
		} {
			t.Run(fmt.Sprintf("pl%d %s", paranoia, name), func(t *testing.T) {
				complexity.Check(t, inputs, limit, func(text string) {
					mediaType, body := body(text)
					both(t, e, hostileMessage(mediaType, []byte(body)))
				})
			})
		}
	}
}
