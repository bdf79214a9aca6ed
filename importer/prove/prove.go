package prove

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/wafer-waf/wafer/importer"
	"github.com/wafer-waf/wafer/importer/suite"
)

// Ask says what the tier does with a request, as it goes over the wire: whether it stops it, or would in
// mode block, and which rules matched.
type Ask func(request []byte) (stops bool, rules []int, err error)

// Subject is one policy and what it came from.
type Subject struct {
	Policy string
	Mode   string
	Host   string // of a route with the policy
	Draft  *importer.Draft
	New    Ask // the tier with the policy
	Plain  Ask // the tier with the policy's settings, without its exclusions and rules
}

// Difference is a request that the old firewall and the tier decide differently.
type Difference struct {
	Attack   *suite.Attack
	Stopped  bool  // by the old firewall
	Old, New []int // rules that matched
}

// Proof is what came of a policy.
type Proof struct {
	Policy, Mode    string
	Stopped, Let    int          // requests that the old rules stopped, and that only exclusions of theirs let through
	Lost, Blocked   []Difference // of the former those that pass, of the latter those that are stopped
	Design          []Difference // that the tier lets pass whatever was imported
	Stricter        []Difference // that the tier stops whatever was imported, by rules of which no exclusion spoke
	Skipped         []importer.Directive
	NoExclusionsHit bool // there are exclusions, and no request that they are about was found
}

// Differs reports whether the import has changed what is decided.
func (p *Proof) Differs() bool { return len(p.Lost)+len(p.Blocked) > 0 }

// Run compares. every takes of the attacks every so manieth only, 1 all.
func Run(s *Subject, every int) (*Proof, error) {
	judges, err := judgesOf(s.Draft)
	p := &Proof{Policy: s.Policy, Mode: s.Mode}
	if err == nil {
		err = p.run(s, judges, every)
	}
	return p, errors.Join(err, dismiss(judges))
}

// judgesOf compiles each part of the old firewall's text.
func judgesOf(d *importer.Draft) ([]*old, error) {
	var judges []*old
	for of := settingsAlone; of <= whole; of++ {
		o, err := compileOld(d, of)
		if err != nil {
			return judges, err
		}
		judges = append(judges, o)
	}
	return judges, nil
}

func dismiss(judges []*old) error {
	var errs []error
	for _, o := range judges {
		errs = append(errs, o.close())
	}
	return errors.Join(errs...)
}

// run has judges for each part of the old firewall's text.
func (p *Proof) run(s *Subject, judges []*old, every int) error {
	p.Skipped = judges[whole].skipped
	all, err := suite.Attacks()
	if err != nil {
		return err
	}
	var attacks []suite.Attack
	for i := 0; i < len(all); i += max(every, 1) {
		attacks = append(attacks, to(all[i], s.Host))
	}
	// Of the variants there are many, so that a few attacks of each rule have to do.
	var few []suite.Attack
	byRule := map[string]int{}
	for _, a := range attacks {
		rule, _, _ := strings.Cut(a.Name, "-")
		if stops, _, err := judges[withoutExclusions].judge(&a); err == nil && stops && byRule[rule] < 2 {
			byRule[rule]++
			few = append(few, a)
		}
	}
	excludes := slices.ContainsFunc(s.Draft.AsWritten(), func(d importer.Directive) bool { return d.Excludes() })
	attacks = append(attacks, variants(aboutOf(s.Draft.AsWritten()), few)...)
	if err := p.compare(s, judges, attacks); err != nil {
		return err
	}
	p.NoExclusionsHit = excludes && p.Let == 0
	return nil
}

// to sends an attack to another host. Those that are about the host stay as they are, since it is what they are.
func to(a suite.Attack, host string) suite.Attack {
	if h, _ := a.Headers.Get("Host"); host == "" || h != "localhost" {
		return a
	}
	a.Headers = slices.Clone(a.Headers)
	for i := range a.Headers {
		if strings.EqualFold(a.Headers[i].Name, "Host") {
			a.Headers[i].Value = host
		}
	}
	return a
}

// compare has all judges judge all attacks, several at a time.
func (p *Proof) compare(s *Subject, judges []*old, attacks []suite.Attack) error {
	type verdict struct {
		stopped, let, differs, design bool // design: whatever was imported
		d                             Difference
		err                           error
	}
	verdicts := make([]verdict, len(attacks))
	judge := func(i int) {
		v, a := &verdicts[i], &attacks[i]
		v.d.Attack = a
		v.d.Stopped, v.d.Old, v.err = judges[whole].judge(a)
		v.stopped = v.d.Stopped
		if v.err != nil {
			return
		}
		if !v.stopped {
			stops, rules, err := judges[withoutExclusions].judge(a)
			v.let, v.err = stops, err
			v.d.Old = rules
			if !stops || err != nil {
				return
			}
		}
		stops, rules, err := s.New(a.Bytes())
		v.d.New, v.err = rules, err
		if v.differs = stops != v.stopped; !v.differs || err != nil {
			return
		}
		if v.stopped { // what the tier decides otherwise with settings alone is not the import's fault
			old, _, err := judges[settingsAlone].judge(a)
			tier, _, err2 := s.Plain(a.Bytes())
			v.design, v.err = old && !tier, errors.Join(err, err2)
			return
		}
		stops, rules, err = s.Plain(a.Bytes())
		v.design, v.err = stops && v.d.others(rules), err
	}
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				judge(i)
			}
		})
	}
	for i := range attacks {
		next <- i
	}
	close(next)
	workers.Wait()
	for _, v := range verdicts {
		switch {
		case v.err != nil:
			return fmt.Errorf("attack %s: %w", v.d.Attack.Name, v.err)
		case v.stopped:
			p.Stopped++
		case v.let:
			p.Let++
		}
		switch {
		case !v.differs:
		case v.design && v.let:
			p.Stricter = append(p.Stricter, v.d)
		case v.design:
			p.Design = append(p.Design, v.d)
		case v.stopped:
			p.Lost = append(p.Lost, v.d)
		default:
			p.Blocked = append(p.Blocked, v.d)
		}
	}
	p.sameDesign()
	return nil
}

// others reports whether the tier has found only what it finds with settings alone, too, and what the old firewall
// has not found without its exclusions either: they were not about that. The tier shows rules more than others do.
func (d *Difference) others(plain []int) bool {
	found := slices.DeleteFunc(slices.Clone(d.New), func(id int) bool { return !finding(id) })
	return len(found) > 0 && !slices.ContainsFunc(found, func(id int) bool {
		return slices.Contains(d.Old, id) || !slices.Contains(plain, id)
	})
}

// sameDesign finds variants of attacks that the tier decides otherwise by design, for the same rules. At a
// path or in an argument that the settings alone have other rules stop, that is not seen otherwise.
func (p *Proof) sameDesign() {
	because := map[string][]int{} // rules by attack
	for _, d := range p.Design {
		because[d.Attack.Name] = append(because[d.Attack.Name], d.Old...)
	}
	var lost []Difference
	for _, d := range p.Lost {
		rules := because[d.Attack.Name]
		if len(rules) > 0 && !slices.ContainsFunc(d.Old, func(id int) bool { return !slices.Contains(rules, id) }) {
			p.Design = append(p.Design, d)
			continue
		}
		lost = append(lost, d)
	}
	p.Lost = lost
}

// shown bounds how many differences of a kind are printed.
const shown = 10

// Write prints the proof.
func (p *Proof) Write(w io.Writer) {
	would := ""
	if p.Mode == "detect" {
		would = " (with mode block)"
	}
	fmt.Fprintf(w, "proof of policy %s%s: of %d attacks that the old rules stopped, %d pass, and %d more by the tier's design; "+
		"of %d requests that exclusions let through, %d are stopped, and %d more by the tier's design\n",
		p.Policy, would, p.Stopped, len(p.Lost), len(p.Design), p.Let, len(p.Blocked), len(p.Stricter))
	if p.NoExclusionsHit {
		fmt.Fprintf(w, "  no request was found that the exclusions let through: what they are about is not proved\n")
	}
	for _, d := range p.Skipped {
		fmt.Fprintf(w, "  %s is not part of the proof: what stands in for the old firewall does not take it\n", d.At)
	}
	list := func(what string, all []Difference) {
		for i, d := range all {
			if i == shown {
				fmt.Fprintf(w, "  %s: %d more\n", what, len(all)-shown)
				return
			}
			fmt.Fprintf(w, "  %s: %s %.120s (test %s; old rules %v, the tier's %v)\n", what, d.Attack.Method, d.Attack.Target, d.Attack.Name, d.Old, d.New)
		}
	}
	list("passes by design", p.Design)
	list("is stopped by design", p.Stricter)
	list("passes", p.Lost)
	list("is stopped", p.Blocked)
}
