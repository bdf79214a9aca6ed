package screen

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/wafer-waf/wafer/waf/reading"
	"github.com/wafer-waf/wafer/waf/screen/byteset"
	"github.com/wafer-waf/wafer/waf/screen/residue"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
	"github.com/wafer-waf/wafer/waf/screen/transform"
)

// documented is the rule that docs/screen.md follows.
const documented = 941110

// TestDocument compares what docs/screen.md says of one rule, stage by stage, with what the
// stages have.
func TestDocument(t *testing.T) {
	const path = "../../docs/screen.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	program, err := seclang.Parse(coreruleset.FS, []Text{{Source: "crs", Text: "Include @owasp_crs/*.conf"}})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(program.Rules, func(r *seclang.Rule) bool { return r.ID == documented })
	s := compileCRS(t, NewCompiler(coreruleset.FS), 1)
	n := slices.IndexFunc(s.rules, func(r *residue.Rule) bool { return r.ID == documented })
	if at < 0 || n < 0 {
		t.Fatalf("rule %d is not there", documented)
	}
	stages := []string{readStage(program.Rules[at]), residueStage(s.rules[n]), indexStage(s, s.rules[n])}
	for _, value := range []string{"blue shoes", "10 &lt; 20", "%3Cscript%3E"} {
		stages = append(stages, valueStage(s, s.rules[n], value))
	}
	for _, stage := range stages {
		block := "```text\n" + stage + "```\n"
		if !strings.Contains(string(text), block) {
			t.Errorf("%s does not have:\n%s", path, block)
		}
	}
}

// lines writes names and what they stand for, as a table.
func lines(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "%-20s %s\n", pairs[i], pairs[i+1])
	}
	return b.String()
}

// readStage is what package seclang has read of the rule.
func readStage(r *seclang.Rule) string {
	l := &r.Links[0]
	var targets, actions []string
	for _, target := range l.Targets {
		name := target.Variable
		if target.Key != "" {
			name += ":" + target.Key
		}
		for _, e := range target.Exceptions {
			name += " without " + e.Key
		}
		targets = append(targets, name)
	}
	for _, a := range l.Actions {
		actions = append(actions, a.Name+":"+a.Arg)
	}
	return lines("rule", fmt.Sprintf("%d, phase %d, links: %d", r.ID, r.Phase, len(r.Links)), "targets", strings.Join(targets, ", "),
		"transformations", strings.Join(l.Transformations, ", "), "operator", "@"+l.Operator.Name+" "+l.Operator.Arg,
		"actions", strings.Join(actions, "\n"+strings.Repeat(" ", 21)))
}

// residueStage is what package residue has left of it.
func residueStage(r *residue.Rule) string {
	l := &r.Links[0]
	guard := fmt.Sprintf("link %d", r.Guard+1)
	kinds := 0
	for _, target := range l.Targets {
		kinds += len(target.Kinds)
	}
	return lines("effect", fmt.Sprint(r.Effect), "assignments", fmt.Sprint(len(l.Sets)), "capture", fmt.Sprint(l.Capture), "guard", guard,
		"by value", fmt.Sprint(r.ByValue), "omittable", fmt.Sprint(r.Omittable), "kinds of values", fmt.Sprint(kinds), "need", l.Operator.Need.String())
}

// indexStage is what the index has for arguments, and for the rule among them.
func indexStage(s *Screen, r *residue.Rule) string {
	c := s.index.of(&reading.Value{Kind: reading.ArgsGet, Key: "q", Text: "x"})
	id := guardOf(s, r)
	var chain []string
	for n := s.index.guards[id].nodes[0]; n != 0; n = s.index.nodes[n].parent {
		node := &s.index.nodes[n]
		chain = append([]string{fmt.Sprintf("%-18s if the text has one of %s", node.step.Name(), touched(node.touches))}, chain...)
	}
	return lines("class", fmt.Sprintf("values of arguments: %d guards, %d steps", c.view.Len(), len(c.steps)), "steps to the rule", chain[0]) +
		strings.Join(lineUp(chain[1:]), "")
}

func lineUp(list []string) []string {
	var out []string
	for _, l := range list {
		out = append(out, strings.Repeat(" ", 21)+l+"\n")
	}
	return out
}

func touched(set byteset.Set) string {
	if set == byteset.High {
		return "0x80 to 0xff"
	}
	return set.String()
}

func guardOf(s *Screen, r *residue.Rule) int32 {
	return int32(slices.IndexFunc(s.index.guards, func(g guard) bool { return g.rule == r }))
}

// valueStage is what becomes of a value of an argument.
func valueStage(s *Screen, r *residue.Rule, value string) string {
	v := reading.Value{Kind: reading.ArgsGet, Key: "q", Text: value}
	c, id := s.index.of(&v), guardOf(s, r)
	run := s.Begin(new(reading.Values))
	defer run.End()
	run.acquire()
	defer run.release()
	_, candidates := run.scanned(c, value)
	first := fmt.Sprintf("%d of %d guards", len(candidates), c.view.Len())
	run.value(c, &v)
	out := lines("value", fmt.Sprintf("%q", value), "bytes", "["+byteset.Of(value).String()+"]", "candidates", first)
	form := value
	for _, step := range stepsTo(s, id) {
		after, _ := step.Apply(form, new(transform.Buffer))
		if after != form {
			form = after
			out += lines(step.Name(), fmt.Sprintf("makes of it %q", form))
		}
	}
	run.scratch.Take(form, byteset.Of(form))
	s.index.set.Scan(&run.scratch)
	out += lines("need of the rule", holds(slices.Contains(c.view.Candidates(&run.scratch), id)))
	if s.index.guards[id].rule.Links[0].Operator.Match(form, "") {
		out += lines("operator of it", "matches")
	} else {
		out += lines("operator of it", "does not match")
	}
	if run.unclean {
		return out + lines("answer", fmt.Sprintf("Coraza is asked, because of rule %d", run.reason.Rule))
	}
	return out + lines("answer", "clean")
}

func holds(yes bool) string {
	if yes {
		return "holds"
	}
	return "does not hold"
}

// stepsTo are the transformations of a guard, in order.
func stepsTo(s *Screen, id int32) []*transform.Transformation {
	var list []*transform.Transformation
	for n := s.index.guards[id].nodes[0]; n != 0; n = s.index.nodes[n].parent {
		list = append([]*transform.Transformation{s.index.nodes[n].step}, list...)
	}
	return list
}
