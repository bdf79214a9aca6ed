package importer

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
)

// Outcome are entries of a route file, and the drafts of its policies.
type Outcome struct {
	file.Entries
	Drafts []*Draft // of each policy, nil for those that no text was read for
	Notes  Notes
}

// AddPolicy adds a policy, unless one that says the same is there, and returns the id of the one that is.
func (o *Outcome) AddPolicy(p file.Policy, d *Draft) string {
	if d != nil {
		for _, n := range d.Notes {
			o.Notes.add(n)
		}
		d.Notes = nil
	}
	for _, have := range o.Policies {
		if same(have, p) {
			return have.ID
		}
	}
	o.Policies, o.Drafts = append(o.Policies, p), append(o.Drafts, d)
	return p.ID
}

// same reports whether policies differ in their ids and in reasons only.
func same(a, b file.Policy) bool {
	text := func(p file.Policy) string {
		p.ID = ""
		p.Exclusions = slices.Clone(p.Exclusions)
		for i := range p.Exclusions {
			p.Exclusions[i].Reason = ""
		}
		out, err := file.Encode(p)
		return fmt.Sprint(string(out), err)
	}
	return text(a) == text(b)
}

// Settle has somebody compile what came out, as often as it is refused. Each refusal takes the part out that it
// is about and becomes a note. It returns what is still wrong with what is left.
func (o *Outcome) Settle(check func(routes []byte) error) error {
	for {
		text, err := o.YAML()
		if err != nil {
			return err
		}
		refused := check(text)
		if refused == nil {
			return nil
		}
		if !o.takeOut(refused.Error()) {
			return fmt.Errorf("what was imported is refused: %w", refused)
		}
		for i, d := range o.Drafts {
			if d != nil {
				o.Policies[i] = d.Policy()
				for _, n := range d.Notes {
					o.Notes.add(n)
				}
				d.Notes = nil
			}
		}
	}
}

var (
	// refusal is a line of what is refused: a key of the route file, the line within a text, and why.
	refusal = regexp.MustCompile(`(routes|upstreams|policies)\[([0-9]+)\]((?:\.[a-z_]+(?:\[[0-9]+\])?)*)(?: line ([0-9]+))?: (.*)$`)
	probe   = regexp.MustCompile(`probe (attack-[a-z]+)`)
	listKey = regexp.MustCompile(`^\.(exclusions|rules_before|rules_after)\[([0-9]+)\]`)
)

// takeOut takes out what is refused, and reports whether that was something.
func (o *Outcome) takeOut(refused string) (done bool) {
	routes, upstreams := map[int]string{}, map[int]string{}
	excluded := map[int]map[int]string{} // reasons by policy and exclusion
	at := -1                             // the policy that lines without a key are about
	narrowed := map[int]bool{}           // policies in which something was taken out for the proof: the rest may be right by now
	for line := range strings.Lines(refused) {
		line = strings.TrimSpace(line)
		m := refusal.FindStringSubmatch(line)
		for m != nil { // the last key of the line is the one that it is about
			inner := refusal.FindStringSubmatch(m[5])
			if inner == nil {
				break
			}
			m = inner
		}
		if m == nil {
			if class := probe.FindStringSubmatch(line); class != nil && at >= 0 && !narrowed[at] {
				narrowed[at] = o.Drafts[at].narrow(class[1], line)
				done = done || narrowed[at]
			}
			continue
		}
		m[5] = strings.TrimPrefix(m[5], `"secrule": `)
		i, _ := strconv.Atoi(m[2]) // digits
		switch {
		case m[1] == "routes" && i < len(o.Routes):
			routes[i] = m[5]
		case m[1] == "upstreams" && i < len(o.Upstreams):
			upstreams[i] = m[5]
		case m[1] == "policies" && i < len(o.Drafts) && o.Drafts[i] != nil:
			d := o.Drafts[i]
			if list := listKey.FindStringSubmatch(m[3]); len(list) == 3 && list[1] == "exclusions" {
				if excluded[i] == nil {
					excluded[i] = map[int]string{}
				}
				n, _ := strconv.Atoi(list[2]) // digits
				excluded[i][n] = m[5]
				continue
			}
			at = i
			if probe.MatchString(m[5]) && narrowed[i] {
				continue
			}
			took := d.refuse(m[3], m[4], m[5])
			narrowed[i] = narrowed[i] || took && probe.MatchString(m[5])
			done = done || took
		}
	}
	for i, which := range excluded {
		done = o.Drafts[i].unexclude(o.Policies[i].Exclusions, which) || done
	}
	return o.withoutRoutes(routes, upstreams) || done
}

// withoutRoutes takes out routes, and upstreams with the routes that lead to them.
func (o *Outcome) withoutRoutes(routes, upstreams map[int]string) bool {
	for i, why := range upstreams {
		for n, r := range o.Routes {
			if slices.ContainsFunc(r.Upstreams, func(u file.UpstreamRef) bool { return u.ID == o.Upstreams[i].ID }) {
				routes[n] = "its upstream " + o.Upstreams[i].ID + ": " + why
			}
		}
	}
	var kept []file.Route
	for i, r := range o.Routes {
		if why, out := routes[i]; out {
			o.Notes.Add(Decide, "route "+r.ID, "is left out: %s", why)
			continue
		}
		kept = append(kept, r)
	}
	var ups []file.Upstream
	for i, u := range o.Upstreams {
		if _, out := upstreams[i]; !out {
			ups = append(ups, u)
		}
	}
	found := len(kept) < len(o.Routes) || len(ups) < len(o.Upstreams)
	o.Routes, o.Upstreams = kept, ups
	return found
}

// refuse takes out the part of a policy that a refusal is about.
func (d *Draft) refuse(key, line, why string) bool {
	n, _ := strconv.Atoi(line) // digits, or none
	list := map[bool][]*statement{true: d.before, false: d.after}[strings.HasPrefix(key, ".rules_before")]
	if m := listKey.FindStringSubmatch(key); m != nil {
		for _, s := range list {
			if (n == 0 || s == d.at(list, n)) && !s.lost {
				d.lose(s, "%s", why)
				d.withoutLost()
				return true
			}
		}
		return false
	}
	for i := len(d.settings) - 1; i >= 0; i-- {
		s := d.settings[i]
		if key != "" && strings.HasPrefix(strings.TrimPrefix(key, "."), s.key) {
			d.settings = slices.Delete(d.settings, i, i+1)
			s.undo()
			d.note(Decide, s.from, "%s is not carried: %s", s.from, why)
			return true
		}
	}
	if class := probe.FindStringSubmatch(why); class != nil {
		return d.narrow(class[1], why)
	}
	if strings.Contains(why, "fewer than the floor") && len(d.exclusions) > 0 {
		_, why, _ = strings.Cut(why, `": `) // behind the policy's name, which the old rules do not know
		return d.widest(func([]known) bool { return true }, why)
	}
	return false
}

// unexclude takes out exclusions, by their places in the policy.
func (d *Draft) unexclude(all []file.Exclusion, which map[int]string) (done bool) {
	for i, why := range which {
		if i >= len(all) {
			continue
		}
		d.exclusions = slices.DeleteFunc(d.exclusions, func(x exclusion) bool {
			if x.Exclusion != all[i] {
				return false
			}
			d.note(Decide, x.from, "%s is not carried: %s", x.from, why)
			done = true
			return true
		})
	}
	return done
}

// narrow takes out the widest exclusion of a class of attacks, since a policy that blocks has to stop each class. With
// no exclusion left that is about it, what lets it pass is a rule or a threshold: then the policy only detects.
func (d *Draft) narrow(class, why string) bool {
	isClass := func(rules []known) bool {
		return slices.ContainsFunc(rules, func(k known) bool { return slices.Contains(k.tags, class) })
	}
	if d.widest(isClass, "a policy that blocks has to stop "+class+". Narrow it by target or path; until then requests that it let through are blocked") {
		return true
	}
	if d.policy.Mode != "block" {
		return false
	}
	d.policy.Mode = "detect"
	d.Notes.Add(Decide, "policy "+d.policy.ID, "has mode detect, since it lets attacks pass whatever scores say: %s", why)
	return true
}

// widest takes out the exclusion that takes the most rules for the most requests.
func (d *Draft) widest(about func([]known) bool, why string) bool {
	best, most := -1, 0
	for i, x := range d.exclusions {
		from, to := idsOf(cmp.Or(x.Rules, strconv.Itoa(x.Rule)))
		rules := coreRules().within(from, to)
		if x.Tag != "" {
			rules = coreRules().tagged(x.Tag)
		}
		weight := len(rules)
		if x.Target != "" {
			weight = min(weight, 1)
			if !reachesProof(x.Target) {
				continue
			}
		}
		if x.Path == "" && weight > most && about(rules) {
			best, most = i, weight
		}
	}
	if best < 0 {
		return false
	}
	x := d.exclusions[best]
	d.note(Decide, x.from, "%s is not carried: %s", x.from, why)
	d.exclusions = slices.Delete(d.exclusions, best, best+1)
	return true
}

// reachesProof reports whether a target may be about the attacks by which the tier proves that a policy blocks. They
// stand in an argument that no application has, or in XML.
func reachesProof(target string) bool {
	variable, key, named := strings.Cut(target, ":")
	expr, isExpr := strings.CutPrefix(key, "/")
	switch {
	case !named || variable == "XML" || variable == "JSON":
		return true
	case !isExpr:
		return false
	}
	rx, err := regexp.Compile(strings.TrimSuffix(expr, "/"))
	return err != nil || rx.MatchString("waferprobe")
}
