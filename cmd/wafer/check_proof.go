package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/snapshot"
)

// printProof says what stopped the attacks of a proof: a line for those that the same rules stopped, the
// most of them first.
func printProof(w io.Writer, proof []snapshot.Stopped) {
	type group struct {
		how     string
		attacks []string
	}
	var groups []group
	for _, s := range proof {
		how := fmt.Sprintf("rule %d", s.Rule)
		if len(s.Before) > 0 {
			how = "rule " + strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Before), " ", ", "), "[]") + "; without it by " + how
			if len(s.Before) > 1 {
				how = "rules" + strings.Replace(strings.TrimPrefix(how, "rule"), "without it", "without them", 1)
			}
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.how == how })
		if i < 0 {
			i, groups = len(groups), append(groups, group{how: how})
		}
		groups[i].attacks = append(groups[i].attacks, s.Attack+" by "+s.By)
	}
	slices.SortStableFunc(groups, func(a, b group) int { return len(b.attacks) - len(a.attacks) })
	for i, g := range groups {
		which := ""
		if i > 0 {
			which = " (" + strings.Join(g.attacks, ", ") + ")"
		}
		fmt.Fprintf(w, "    proof: %d of %d attacks stopped by %s%s\n", len(g.attacks), len(proof), g.how, which)
	}
}
