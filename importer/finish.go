package importer

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// Ids that own rules are given if theirs are taken.
const firstOwnID = 100001

// settle does what has to wait until all is read.
func (r *reader) settle() {
	for _, x := range r.removals {
		r.remove(x)
	}
	// Of rules that are taken out no target can be taken out any more, so that those come first.
	slices.SortStableFunc(r.exclusions, func(a, b exclusion) int {
		if whole := a.Target == ""; whole != (b.Target == "") {
			return map[bool]int{true: 1, false: -1}[whole]
		}
		return a.from.n - b.from.n
	})
	r.identify()
	r.withoutLost()
	p := &r.policy
	p.Mode = cmp.Or(r.forced, p.Mode)
	if p.Mode == "detect" && p.RequestBody.Oversize == "" {
		p.RequestBody.Oversize = "inspect_prefix" // as ModSecurity does while it only detects
	}
	if l := p.Paranoia; l != nil && l.Detection > 0 && l.Detection < max(l.Blocking, 1) {
		r.Notes.Add(Told, r.opts.ID, "paranoia.detection %d is below paranoia.blocking %d, which CRS 4 refuses: both are %[2]d", l.Detection, max(l.Blocking, 1))
		l.Detection = max(l.Blocking, 1)
	}
	if b := p.ResponseBody; b != nil && (b.Inspect == nil || !*b.Inspect) {
		p.ResponseBody = nil // as the tier does unless it is told
	}
	if r.deciders && p.Mode == "detect" && slices.ContainsFunc(slices.Concat(r.before, r.after), denies) {
		r.Notes.Add(Decide, r.opts.ID, "with mode detect rules of its own that deny are only reported, too: once scores may decide again, write mode: block")
	}
	r.said = r.setBy["secruleengine"] != nil
	if p.Mode == "off" {
		p.RequestBody, p.ResponseBody = nil, nil
	}
	slices.SortStableFunc(r.Notes, func(a, b Note) int { return a.n - b.n })
}

func denies(s *statement) bool {
	for _, name := range []string{"deny", "drop", "redirect"} {
		if _, ok := s.links[0].Action(name); ok {
			return true
		}
	}
	return false
}

// identify gives rules ids that nobody else has.
func (r *reader) identify() {
	taken := map[int]bool{200002: true, 200003: true, 200004: true, 200005: true, 200009: true, 200020: true, 900000: true}
	next := firstOwnID
	for _, s := range slices.Concat(r.before, r.after) {
		if !s.isRule() || s.lost {
			continue
		}
		id, err := strconv.Atoi(s.action("id"))
		if err == nil && id > 0 && id < 9880000 && !taken[id] && len(coreRules().within(id, id)) == 0 {
			taken[id] = true
			continue
		}
		for taken[next] || r.own[next] != nil {
			next++
		}
		taken[next] = true
		if s.action("id") == "" {
			r.note(Told, s, "%s has no id: it gets %d", s, next)
		} else {
			r.note(Told, s, "id %s is taken: the rule gets %d", s.action("id"), next)
		}
		first := &s.links[0]
		first.Actions = slices.DeleteFunc(slices.Clone(first.Actions), func(a seclang.Action) bool { return a.Name == "id" })
		first.Actions = append([]seclang.Action{{Name: "id", Arg: strconv.Itoa(next)}}, first.Actions...)
		s.edited = true
	}
}

// InForce tells what all of the policy does otherwise than the old firewall did. where names that.
func (d *Draft) InForce(where string) {
	switch {
	case d.policy.Mode == "off":
		d.Notes.Add(Decide, where, "was not inspected (SecRuleEngine Off), and stays so")
	case !d.CRS:
		d.Notes.Add(Decide, where, "had no Core Rule Set, as far as what was read says, and the tier always runs it: more is found, and with mode block more is blocked, than before")
	}
	if d.policy.Mode == "detect" && !d.said {
		d.Notes.Add(Told, where, "only detected, as SecRuleEngine On is not said: its policy has mode detect")
	}
}
