package screen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
	"github.com/wafer-waf/wafer/waf/screen/prefilter"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// literalsOf are the quoted literals of a need's formula.
func literalsOf(n prefilter.Need) []string {
	var list []string
	for i, part := range strings.Split(n.String(), `"`) {
		if i%2 == 1 && len(part) > 1 && !strings.Contains(part, `\`) {
			list = append(list, part)
		}
	}
	return list
}

// disguised is a literal as somebody writes it who knows the transformations.
func disguised(r *rand.Rand, s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch r.IntN(14) {
		case 0:
			b.WriteString([]string{`"`, `'`, `\`, `^`, `""`, "\x00", " ", "\t", "\u00a0"}[r.IntN(9)])
		case 1:
			if c == '/' {
				b.WriteString([]string{" ", "/.", "/x/..", `\`, ". ", ":"}[r.IntN(6)])
			}
		case 2:
			if c == ' ' {
				b.WriteString([]string{",", ";", "\t\t", "\r\n", "  ,"}[r.IntN(5)])
				continue
			}
		case 3:
			c = strings.ToUpper(s[i : i+1])[0]
		case 4, 5, 6:
			if special := map[byte]string{'k': "\u212a", 'i': "\u0130"}[c]; special != "" { // in lower case these letters
				b.WriteString(special)
				continue
			}
		case 7:
			fmt.Fprintf(&b, []string{"%%%02x", "&#%d;", `\x%02x`}[r.IntN(3)], c)
			continue
		}
		b.WriteByte(c)
		if c == '(' && r.IntN(4) == 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// TestPossible holds what is passed over, since nothing that it turns into can have
// candidates, against what it turns into.
func TestPossible(t *testing.T) {
	for _, paranoia := range []int{1, 2} {
		s := compileCRS(t, NewCompiler(coreruleset.FS), paranoia)
		c := s.index.kinds[reading.ArgsPost]
		var lists [][]string // of literals, by guard whose text is transformed
		for i := range s.index.guards {
			g := &s.index.guards[i]
			if list := literalsOf(g.rule.Links[0].Operator.Need); len(list) > 0 && !slices.Equal(g.nodes, []int32{0}) {
				lists = append(lists, list)
			}
		}
		rnd := rand.New(rand.NewPCG(7, 4))
		r := s.Begin(new(reading.Values))
		r.acquire()
		passed, candidates := 0, 0
		for range 20000 {
			list := lists[rnd.IntN(len(lists))]
			value := disguised(rnd, list[rnd.IntN(len(list))])
			if rnd.IntN(2) == 0 {
				value += []string{" ", "/", ".", ". ", "( ", "\xff", "€", "-", " the order; "}[rnd.IntN(9)] + disguised(rnd, list[rnd.IntN(len(list))])
			}
			bytes := byteset.Of(value)
			for i := range c.steps {
				first := &c.steps[i]
				if first.parent != 0 || bytes&first.touches == 0 && !first.changes {
					continue
				}
				below := c.steps[i:first.below]
				possible := r.possible(c, below, &text{value, bytes})
				texts := map[int32]string{0: value}
				var buffer transform.Buffer
				for j := range below {
					n := &below[j]
					out, changed := n.step.Apply(texts[n.parent], &buffer)
					if n.reported && !changed {
						out = texts[n.parent]
					}
					texts[n.node] = out
					if c.views[n.node] == nil || out == value {
						continue
					}
					r.scratch.Take(out, byteset.Of(out))
					s.index.set.Scan(&r.scratch)
					found := c.views[n.node].Candidates(&r.scratch)
					candidates += len(found)
					if !possible && len(found) > 0 {
						t.Fatalf("%q becomes %q, which rule %d may match, but is passed over", value, out, s.index.guards[found[0]].rule.ID)
					}
				}
				if !possible {
					passed++
				}
			}
		}
		r.End()
		t.Logf("paranoia level %d: %d times passed over, %d candidates", paranoia, passed, candidates)
		if passed < 1000 || candidates < 1000 {
			t.Error("too few to tell")
		}
	}
}
