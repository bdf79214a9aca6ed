package screen

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"weak"

	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/screen/dfa"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/residue"
)

// tables are what many policies have in common, as long as their rules wait for the same.
type tables struct {
	set       *prefilter.Set
	operators []*residue.Operator // whose numbers are in the key

	mu    sync.Mutex
	views map[string]*prefilter.View // by needs
}

// tables returns the tables for guards with these operators, which are all that the needs
// come from.
func (c *Compiler) tables(operators []*residue.Operator, needs []prefilter.Need) *tables {
	var key strings.Builder
	for i, o := range operators {
		switch {
		case needs[i].IsAlways():
			key.WriteString("a ")
		case o.Number > 0:
			fmt.Fprintf(&key, "%d ", o.Number)
		default:
			fmt.Fprintf(&key, "%q ", needs[i].String())
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if out := c.shared[key.String()].Value(); out != nil {
		return out
	}
	lexicon := c.lexicon.Value()
	if lexicon == nil || lexicon.Overgrown() {
		lexicon = prefilter.NewLexicon()
		c.lexicon = weak.Make(lexicon)
	}
	out := &tables{set: lexicon.NewSet(needs), operators: operators, views: map[string]*prefilter.View{}}
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

// unionSize is how many expressions share an automaton. Of expressions that need common words,
// some are candidates for any longer text; asked together they cost what one costs. With eight,
// automata stay small on prose (300 KiB); with all in one there would be no end of states.
const unionSize = 8

// unite makes the unions of guards that are decided by one expression on one text: of rules of the same
// paranoia level, which policies of other levels have too, and those together that are candidates most.
func (x *index) unite(c *Compiler) {
	var asIs, lowered []int32
	for i := range x.guards {
		g := &x.guards[i]
		l := &g.rule.Links[0]
		switch {
		case !g.rule.ByValue || len(g.rule.Links) > 1 || len(g.nodes) > 1 || l.Negated || l.Operator.Expr == "":
		case g.lowers:
			lowered = append(lowered, int32(i))
		default:
			asIs = append(asIs, int32(i))
		}
	}
	byLevelAndChance := func(a, b int32) int {
		x, y := x.guards[a].rule, x.guards[b].rule
		return cmp.Or(cmp.Compare(x.Level, y.Level), cmp.Compare(y.Links[0].Operator.Chance, x.Links[0].Operator.Chance))
	}
	level := func(i int32) string { return x.guards[i].rule.Level }
	for _, single := range [][]int32{asIs, lowered} {
		slices.SortStableFunc(single, byLevelAndChance)
		for len(single) > 0 {
			n := 1
			for n < min(len(single), unionSize) && level(single[n]) == level(single[0]) {
				n++
			}
			list := single[:n]
			single = single[n:]
			var exprs []string
			for _, i := range list {
				exprs = append(exprs, x.guards[i].rule.Links[0].Operator.Expr)
				x.guards[i].union = int32(len(x.unions))
			}
			x.unions = append(x.unions, c.union(exprs))
		}
	}
}

// union matches what any of some expressions matches. Its matcher is made when several of them are
// candidates for the first time, since most unions are never asked.
type union struct{ matcher func() *dfa.Matcher }

// mayMatch reports false for texts that none of the expressions matches.
func (u *union) mayMatch(text string) bool {
	m := u.matcher()
	return m == nil || m.MatchString(text)
}

// union returns the union of some expressions.
func (c *Compiler) union(exprs []string) *union {
	expr := "(?:" + strings.Join(exprs, ")|(?:") + ")"
	c.mu.Lock()
	defer c.mu.Unlock()
	if out := c.unions[expr].Value(); out != nil {
		return out
	}
	out := &union{budget.OnceValue(func() *dfa.Matcher {
		m, err := dfa.Compile(expr, c.budget)
		if err != nil {
			return nil // too large together: then each is asked alone
		}
		return m
	})}
	c.unions[expr] = weak.Make(out)
	return out
}

// tidy forgets what no screen has any more.
func (c *Compiler) tidy() {
	c.rules.Tidy()
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.shared, func(_ string, t weak.Pointer[tables]) bool { return t.Value() == nil })
	maps.DeleteFunc(c.unions, func(_ string, m weak.Pointer[union]) bool { return m.Value() == nil })
}
