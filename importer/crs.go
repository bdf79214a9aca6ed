package importer

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// known is a rule of the Core Rule Set that the tier runs.
type known struct {
	id    int
	msg   string
	tags  []string
	looks []string // variables that it and its chain look at
}

// rulesInForce are those of the Core Rule Set, and those of the tier that have ids of ModSecurity's
// recommended settings and mean the same.
type rulesInForce struct {
	rules   []known // in the order of their ids
	tags    []string
	markers []string
}

// coreRules returns them.
var coreRules = sync.OnceValue(func() *rulesInForce {
	r := &rulesInForce{rules: []known{
		{id: 200002, looks: []string{"REQBODY_ERROR"}}, {id: 200003, looks: []string{"MULTIPART_STRICT_ERROR"}},
	}}
	names, _ := fs.Glob(coreruleset.FS, "@owasp_crs/*.conf") // the pattern is well-formed
	for _, name := range names {
		text, err := fs.ReadFile(coreruleset.FS, name)
		if err != nil {
			continue // it is embedded
		}
		r.add(string(text))
	}
	slices.SortFunc(r.rules, func(a, b known) int { return a.id - b.id })
	slices.Sort(r.tags)
	r.tags = slices.Compact(r.tags)
	return r
})

func (r *rulesInForce) add(text string) {
	chained := false
	for _, d := range seclang.Directives(text) {
		id, isRule := d.Action("id")
		switch {
		case d.Name == "secmarker":
			r.markers = append(r.markers, strings.Trim(d.Args, `"'`))
			continue
		case isRule:
			k := known{looks: d.Variables()}
			k.id, _ = strconv.Atoi(id) // digits
			k.msg, _ = d.Action("msg")
			for _, a := range d.Actions {
				if a.Name == "tag" {
					k.tags = append(k.tags, a.Arg)
				}
			}
			r.tags = append(r.tags, k.tags...)
			r.rules = append(r.rules, k)
		case chained:
			last := &r.rules[len(r.rules)-1]
			last.looks = append(last.looks, d.Variables()...)
		}
		_, chained = d.Action("chain")
	}
}

// within are the rules whose ids are in a range.
func (r *rulesInForce) within(from, to int) []known {
	i, _ := slices.BinarySearchFunc(r.rules, from, func(k known, id int) int { return k.id - id })
	j := i
	for j < len(r.rules) && r.rules[j].id <= to {
		j++
	}
	return r.rules[i:j]
}

// tagged are the rules with a tag.
func (r *rulesInForce) tagged(tag string) (out []known) {
	for _, k := range r.rules {
		if slices.Contains(k.tags, tag) {
			out = append(out, k)
		}
	}
	return out
}

// lookAt reports whether one of some rules looks at a variable.
func lookAt(rules []known, variable string) bool {
	return slices.ContainsFunc(rules, func(k known) bool { return slices.Contains(k.looks, variable) })
}

// Rules with which the Core Rule Set decides, by the scores of the others.
const (
	decidesRequests  = 949110
	decidesResponses = 959100
)

// successors are what rules of the Core Rule Set 3 have become that are gone.
var successors = map[int]string{
	913101: "913100", 913102: "913100", 913110: "913100", 913120: "913100",
	920341: "920340",
	932100: "932230, 932235, 932250 and 932260", 932105: "932230, 932235, 932250 and 932260", 932106: "932236 and 932239",
	932110: "932370 and 932380", 932115: "932370 and 932380",
	932150: "932250 and 932260",
	942110: "942100",
	980130: "980170", 980140: "980170",
}

// gone says why there is no such rule, and what to do instead.
func gone(from, to int) string {
	if from == to {
		if next := successors[from]; next != "" {
			return fmt.Sprintf("there is no rule %d in CRS 4: what it looked for is found by %s. See whether they find what was harmless, and exclude them then", from, next)
		}
	}
	which := "there is no rule " + strconv.Itoa(from)
	if to != from {
		which = fmt.Sprintf("there are no rules %d-%d", from, to)
	}
	switch {
	case 910000 <= from && to < 911000:
		return which + " in CRS 4: it asks no list of addresses, so that nothing is to be excluded"
	case 912000 <= from && to < 913000:
		return which + " in CRS 4, which counts no requests: limits.in_flight of a route bounds what is going on at once"
	case 9000000 <= from && to < 9600000, 903000 <= from && to < 904000:
		return which + " in CRS 4: exclusions for applications are plugins there. Write those that the application needs as exclusions, with its paths"
	case 200000 <= from && to < 200010:
		return which + " here: the tier reads bodies itself, and refuses what it cannot read. See request_body of a policy"
	case 900000 <= from && to < 1000000:
		return which + " in CRS 4: there is nothing to exclude. Watch the log for what has taken its place"
	}
	return which + ": the files that hold it are not among what was read"
}

// coreFolder is a folder that only the Core Rule Set is installed to.
var (
	coreFolder = regexp.MustCompile(`(^|/)(owasp[-_]modsecurity[-_]crs|owasp[-_]crs|owasp-modsecurity-crs-[0-9.]+|coreruleset(-[0-9.]+)?|modsecurity-crs)/`)
	coreFile   = regexp.MustCompile(`^(REQUEST|RESPONSE)-(90[1-9]|9[1-8][0-9]|999-COMMON)[-A-Z0-9*]*\.conf$`)
	coreSet    = regexp.MustCompile(`^(nginx-modsecurity\.conf|owasp-crs\.load|\*\.(conf|load))$`)
)

// isCore reports whether a file, or a pattern of files, is the Core Rule Set as it is installed. Its files for
// exclusions of one's own are not.
func isCore(name string) bool {
	base := path.Base(name)
	switch {
	case strings.HasPrefix(name, "@owasp_crs/"), coreFile.MatchString(base):
		return true
	case coreSet.MatchString(base):
		return coreFolder.MatchString(name)
	}
	return false
}

// isSetup reports whether a file sets the Core Rule Set up, so that without its text it is as it comes.
func isSetup(name string) bool {
	base := path.Base(name)
	return base == "crs-setup.conf" || base == "crs-setup.conf.example" || base == "modsecurity_crs_10_setup.conf" || name == "@crs-setup-conf" || name == "@crs-setup.conf.example"
}

// isRecommended reports whether a file holds the recommended settings of Coraza or ModSecurity, without which
// they detect.
func isRecommended(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "@coraza.conf-recommended") || base == "@recommended-conf" || base == "modsecurity.conf-recommended"
}
