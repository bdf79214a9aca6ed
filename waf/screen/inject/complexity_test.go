package inject

import (
	"testing"

	libinjection "github.com/corazawaf/libinjection-go"

	"github.com/wafer-waf/wafer/test/complexity"
)

// TestComplexity is about both functions, and about the library.
func TestComplexity(t *testing.T) {
	inputs := complexity.Inputs(complexity.Special)
	for _, words := range []string{"'',", "1,", "or 1 ", "a.", "select.", "-- \n", "/**/", "$a$b", "q'[", "x'1", "@a,", "int ", "1e", "0x", "n'", "((", "a or ", "in (", "\\'", "<a<", "on=", "href =", "<!-", "</a", "&#1;"} {
		inputs = append(inputs, complexity.Input{Unit: words}, complexity.Input{Prefix: "'", Unit: words}, complexity.Input{Prefix: "1 or ", Unit: words}, complexity.Input{Prefix: "<a ", Unit: words})
	}
	for name, work := range map[string]func(string){
		"SQLi": func(s string) { SQLi(s) }, "XSS": func(s string) { XSS(s) },
		"library's SQLi": func(s string) { libinjection.IsSQLi(s) }, "library's XSS": func(s string) { libinjection.IsXSS(s) },
	} {
		t.Run(name, func(t *testing.T) { complexity.Check(t, inputs, 64<<10, work) })
	}
}
