package residue

import (
	"slices"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// harmlessFlow reports whether a rule that a request decides may be taken for one that does
// not skip: if all that it skips are checks.
func (f *folder) harmlessFlow(at int, r *seclang.Rule) bool {
	if r.Skip == "" && r.SkipAfter == "" {
		return true
	}
	left := atoi(r.Skip)
	inside := map[string]bool{}
	var jumps []string
	for _, s := range f.program.Rules[at+1:] {
		if s.Marker != "" {
			inside[s.Marker] = true
		}
		if r.SkipAfter != "" && s.Marker == r.SkipAfter {
			// What would have skipped on from inside must not lead further.
			return r.Skip == "" && !slices.ContainsFunc(jumps, func(j string) bool { return !inside[j] })
		}
		if s.Marker == "" && s.Phase != f.phase {
			continue
		}
		if s.Skip != "" || !f.onlyChecks(s) {
			return false
		}
		if s.SkipAfter != "" {
			jumps = append(jumps, s.SkipAfter)
		}
		if r.Skip != "" && !f.mayBeGone(s, r) {
			if left--; left == 0 {
				return r.SkipAfter == "" && len(jumps) == 0
			}
		}
	}
	return false // the end is not where it should be
}
