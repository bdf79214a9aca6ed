package seclang

import (
	"slices"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/corazawaf/coraza/v3/types"
)

// TestCoreRuleSet compares what is read of all of the Core Rule Set with what Coraza reads.
func TestCoreRuleSet(t *testing.T) {
	const text = `
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecAction "id:900000,phase:1,pass,nolog,setvar:tx.crs_setup_version=4250"
Include @owasp_crs/*.conf
`
	var want []types.RuleMetadata
	w, err := coraza.NewWAF(experimental.WAFConfigWithRuleObserver(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(text), func(r types.RuleMetadata) {
		want = append(want, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(coreruleset.FS, []Text{{Source: "test", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	if all := w.(experimental.WAFWithRules).RulesCount(); len(p.Rules) != all || len(want) != all {
		t.Fatalf("%d rules, want %d; %d observed", len(p.Rules), all, len(want))
	}
	for i, r := range p.Rules {
		o := want[i]
		if r.Marker != o.SecMark() || r.ID != o.ID() || r.Marker == "" && (r.Phase != int(o.Phase()) || !slices.Equal(r.Tags, o.Tags())) {
			t.Errorf("rule %d: got %d %q phase %d tags %v, want %d %q phase %d tags %v", i, r.ID, r.Marker, r.Phase, r.Tags, o.ID(), o.SecMark(), o.Phase(), o.Tags())
		}
	}
}
