package residue

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// folder evaluates a policy's rules as far as no request is needed for it: set-up rules
// become constants, what a paranoia level switches off disappears, and what is left are the
// rules that a request decides.
//
// It follows Coraza's order, phase by phase. Of the rules that it cannot decide it assumes
// that those with an effect do not match: if one does, the request goes to Coraza, and
// nothing that was concluded from the assumption counts.
type folder struct {
	program   *seclang.Program
	operators *Compiler
	reads     reads

	phase    int
	known    *Constants
	rules    []*Rule
	of       map[*seclang.Rule]*Rule // of those that a request decides
	changed  map[*seclang.Rule]bool  // set-up rules that made a difference
	skips    map[*seclang.Rule]bool  // rules that skip others for every request
	removers map[*seclang.Rule]bool  // rules whose taking others out must not be passed over
}

func (f *folder) fold() error {
	for f.phase = 1; f.phase <= 5; f.phase++ {
		skipAfter := ""
		for i, r := range f.program.Rules {
			switch {
			case r.Marker != "":
				if r.Marker == skipAfter {
					skipAfter = ""
				}
			case skipAfter != "" || r.Phase != f.phase:
			default:
				next, err := f.add(i, r)
				if err != nil {
					return fmt.Errorf("rule %d %w", r.ID, err)
				}
				skipAfter = next
			}
		}
	}
	f.order()
	f.markOmittable()
	if err := f.addTraps(); err != nil {
		return err
	}
	for n, r := range f.rules {
		r.Number = n
	}
	return nil
}

// add compiles a rule, or decides it. It returns the marker to go on at.
func (f *folder) add(at int, r *seclang.Rule) (skipAfter string, err error) {
	out := &Rule{ID: r.ID, Phase: r.Phase, Guard: -1, Known: f.known}
	if i := slices.IndexFunc(r.Tags, func(tag string) bool { return strings.HasPrefix(tag, "paranoia-level/") }); i >= 0 {
		out.Level = r.Tags[i]
	}
	sure := true // all links so far match always
	local := f.known.snapshot()
	for i := range r.Links {
		l, err := f.link(r, i, local, out.Links)
		if err != nil {
			return "", err
		}
		last := i == len(r.Links)-1
		if last && f.effective(r) || f.acts(r, i) {
			l.Sets, l.Keeps = nil, nil // it matches, or nothing is set
		}
		result := f.decide(&l, r.Links[i].Operator.Name == "", local)
		if result == always && (len(l.Keeps) > 0 || setsByRequest(&l, local)) {
			result = unsure // what it does is done for each request
		}
		if result == never {
			if sure {
				f.known = local // what the links before have set stays
				return "", nil
			}
			f.keep(out, r, local) // what the links before set, remains
			return "", nil
		}
		if sure = sure && result == always; sure {
			if err := f.run(r, &l, local); err != nil {
				return "", err
			}
			l.Sets = nil
		} else {
			f.forget(&l, local)
		}
		out.Links = append(out.Links, l)
		if f.guesses(r, i, &l, out.Links[:i]) {
			out.Effect = true
			break
		}
		if !last && (f.acts(r, i) || i > 0 && len(l.Sets)+len(l.Keeps) > 0) {
			// What a link does, it does whether or not those behind it match; and what one in the
			// middle sets, it sets once for each of its values, not once for each of those before.
			out.Effect = true
			break
		}
	}
	if sure {
		f.known = local
		return f.conclude(at, r)
	}
	out.Effect = out.Effect || f.effective(r) || !f.harmlessFlow(at, r)
	f.keep(out, r, local)
	return "", nil
}

// keep takes a rule up that a request decides, unless nothing follows from it.
func (f *folder) keep(out *Rule, r *seclang.Rule, local *Constants) {
	sets, controls, foreign, opaque := false, false, false, false
	for i := range out.Links {
		l := &out.Links[i]
		opaque = opaque || l.Opaque()
		sets = sets || len(l.Sets) > 0
		controls = controls || len(l.Controls) > 0
		foreign = foreign || len(l.Sets) > 0 && !f.setsOwn(r, &r.Links[i])
	}
	if !out.Effect && !sets && !controls && !out.keeps() {
		return
	}
	if foreign && len(out.Links) > 1 || (foreign || controls) && opaque {
		// In a chain it is open which of several values comes last, and so what others read; and a
		// rule that is not understood may as well set nothing.
		out.Effect = true
	}
	f.known, out.Known = local, local
	f.rules = append(f.rules, out)
	f.of[r] = out
}

// conclude decides a rule that matches always.
func (f *folder) conclude(at int, r *seclang.Rule) (skipAfter string, err error) {
	switch {
	case f.effective(r):
		return "", fmt.Errorf("matches every request")
	case r.Skip != "":
		return "", fmt.Errorf("skips by number")
	case r.SkipAfter == "":
		return "", nil
	}
	if !slices.ContainsFunc(f.program.Rules[at:], func(m *seclang.Rule) bool { return m.Marker == r.SkipAfter }) {
		return "", fmt.Errorf("skips to %q, which does not follow", r.SkipAfter)
	}
	f.skips[r] = true
	return r.SkipAfter, nil
}
