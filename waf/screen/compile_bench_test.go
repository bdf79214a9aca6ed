package screen

import (
	"fmt"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

const benchSetup = `SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 1048577
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecDefaultAction "phase:3,log,auditlog,pass"
SecDefaultAction "phase:4,log,auditlog,pass"
SecDefaultAction "phase:5,log,auditlog,pass"
SecAction "id:900000,phase:1,pass,nolog,setvar:tx.crs_setup_version=4250"`

// BenchmarkCompile compiles CRS at paranoia level 1: alone, and beside a screen that has the
// same rules.
func BenchmarkCompile(b *testing.B) {
	texts := []Text{{Source: "setup", Text: benchSetup}, {Source: "crs", Text: "Include @owasp_crs/*.conf"}}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := NewCompiler(coreruleset.FS).Compile(texts, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("second", func(b *testing.B) {
		b.ReportAllocs()
		c := NewCompiler(coreruleset.FS)
		first, err := c.Compile(texts, nil)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := c.Compile(texts, nil); err != nil {
				b.Fatal(err)
			}
		}
		if _, all := first.Rules(); all == 0 {
			b.Fatal("no rules")
		}
	})
}

// compileCRS compiles CRS at a paranoia level.
func compileCRS(t *testing.T, c *Compiler, paranoia int) *Screen {
	t.Helper()
	setup := fmt.Sprintf(`%s,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d"`, strings.TrimSuffix(benchSetup, `"`), paranoia, paranoia)
	s, err := c.Compile([]Text{{Source: "setup", Text: setup}, {Source: "crs", Text: "Include @owasp_crs/*.conf"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
