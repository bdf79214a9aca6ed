package transform

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// peeker is an operator that never matches and notes what it is given. Its argument, "plain" or
// "multi", says for which kind of rule.
type peeker struct {
	saw   *observed
	multi bool
}

func (p peeker) Evaluate(_ plugintypes.TransactionState, value string) bool {
	// Coraza's strings may share memory with the transaction.
	value = strings.Clone(value)
	if p.multi {
		p.saw.multi = append(p.saw.multi, value)
	} else {
		p.saw.plain = append(p.saw.plain, value)
	}
	return false
}

// observed is what Coraza gave the operators of rules with the same transformations: one value to
// the plain rule, all values to the multiMatch rule.
type observed struct {
	plain, multi []string
}

// oracle is Coraza with two rules, one of them multiMatch, that have the same transformations.
type oracle struct {
	waf coraza.WAF
	saw *observed
}

// registry is Coraza's: one for the process, filled before use. current is the oracle that is being
// built, because a factory of operators gets nothing but text.
var registry struct {
	sync.Mutex
	registered bool
	current    *observed
}

func newOracle(t testing.TB, names ...string) oracle {
	t.Helper()
	registry.Lock()
	defer registry.Unlock()
	if !registry.registered {
		plugins.RegisterOperator("peek", func(options plugintypes.OperatorOptions) (plugintypes.Operator, error) {
			return peeker{saw: registry.current, multi: options.Arguments == "multi"}, nil
		})
		for _, own := range Own() {
			plugins.RegisterTransformation(own.Name(), func(s string) (string, bool, error) {
				out, changed := own.Apply(s, new(Buffer))
				return out, changed, nil
			})
		}
		registry.registered = true
	}
	registry.current = &observed{}

	actions := ""
	for _, name := range names {
		actions += ",t:" + name
	}
	rules := fmt.Sprintf("SecRuleEngine On\n"+
		"SecRule REQUEST_HEADERS:v \"@peek plain\" \"id:1,phase:1,pass,nolog%s\"\n"+
		"SecRule REQUEST_HEADERS:v \"@peek multi\" \"id:2,phase:1,pass,nolog,multiMatch%s\"\n", actions, actions)
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithDirectives(rules))
	if err != nil {
		t.Fatal(err)
	}
	return oracle{waf: waf, saw: registry.current}
}

// observe returns what Coraza tests for the value.
func (o oracle) observe(t testing.TB, value string) observed {
	t.Helper()
	*o.saw = observed{}
	tx := o.waf.NewTransaction()
	tx.AddRequestHeader("v", value)
	tx.ProcessRequestHeaders()
	if err := tx.Close(); err != nil {
		t.Fatal(err)
	}
	if len(o.saw.plain) != 1 || len(o.saw.multi) == 0 || o.saw.multi[0] != value {
		t.Fatalf("the rules saw %q for %q", *o.saw, value)
	}
	return *o.saw
}

// compare checks the chain against what Coraza tests for the value.
func compare(t *testing.T, o oracle, names []string, chain Chain, value string) {
	t.Helper()
	want := o.observe(t, value)
	buf := &Buffer{}
	if got := chain.Apply(value, buf); got != want.plain[0] {
		t.Errorf("%v of %q\n got %q\nwant %q", names, value, got, want.plain[0])
	}
	var multi []string
	chain.Each(value, buf, func(v string) bool {
		multi = append(multi, v)
		return true
	})
	if !slices.Equal(multi, want.multi) {
		t.Errorf("%v with multiMatch of %q\n got %q\nwant %q", names, value, multi, want.multi)
	}
}

// mustChain looks the names up.
func mustChain(t testing.TB, names ...string) Chain {
	t.Helper()
	var chain Chain
	for _, name := range names {
		transformation, ok := Lookup(name)
		if !ok {
			t.Fatalf("no transformation %q", name)
		}
		chain = append(chain, transformation)
	}
	return chain
}
