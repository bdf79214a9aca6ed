package access

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/identity"
	"github.com/wafer-waf/wafer/routing"
	"github.com/wafer-waf/wafer/waf/screen/dfa"
)

// When are conditions on a request. Each that is set must hold; of each, one of the list is enough.
type When struct {
	Addresses  []Addresses // one of which has the client's
	Countries  []string    // codes; empty is the one that is not known
	ASNs       []uint32    // numbers of networks; 0 is the one that is not known
	Methods    []string
	Hosts      []string
	Paths      []routing.Path
	Headers    []routing.Header // each must hold
	UserAgents []string         // RE2, found anywhere
	Identity   *identity.Allow  // of the client's certificate; empty: any
	Robots     []*Robot         // one of which the client is verified to be
	Claims     []Claim          // each must hold
	APIKeys    []string         // clients one of whose keys it is; "*": any

	Not *When // of which none may hold
}

func (w *When) readsPaths() bool {
	return w != nil && (len(w.Paths) > 0 || w.Not.readsPaths())
}

// test is one condition, compiled.
type test struct {
	name  string // as conditions are written: "not.paths"
	not   bool
	holds func(*Request) bool
	late  int // those of more come behind all others

	why func(*Request) string // it holds or does not, for people; nil: its name says it
}

// tests are compiled conditions, the cheap ones first. None: they hold for every request.
type tests []test

// missed returns the name of the first condition that a request does not meet; empty: it meets all of them.
func (t tests) missed(r *Request) string {
	r.undecided = false
	for i := range t {
		if t[i].holds(r) == t[i].not {
			return t[i].name
		}
	}
	return ""
}

// compileWhen compiles conditions. Restricts says that meeting them brings a request nothing good: then a path meets a
// condition if one of its readings does, and otherwise if all do.
func compileWhen(w *When, restricts bool, report func(key string, err error)) tests {
	if w == nil {
		return nil
	}
	all := compileParts(w, restricts, report)
	if w.Not != nil {
		for _, t := range compileParts(w.Not, !restricts, func(key string, err error) { report("not."+key, err) }) {
			t.name, t.not = "not."+t.name, true
			all = append(all, t)
		}
	}
	// What has to be found out is asked last, for those alone for whom it matters.
	slices.SortStableFunc(all, func(a, b test) int { return cmp.Compare(a.late, b.late) })
	return all
}

func compileParts(w *When, restricts bool, report func(key string, err error)) (all tests) {
	add := func(name string, given bool, holds func(*Request) bool) {
		if given {
			all = append(all, test{name: name, holds: holds})
		}
	}
	c, problems := routing.NewConditions(w.Hosts, w.Paths, w.Methods, w.Headers)
	for _, err := range problems {
		var p *routing.Problem
		if errors.As(err, &p) {
			report(p.Key, errors.New(p.What))
		} else {
			report("", err)
		}
	}
	add("methods", len(w.Methods) > 0, func(r *Request) bool { return c.Method(r.Method) })
	if len(w.Addresses) > 0 {
		all = append(all, addressTest(w.Addresses))
	}
	all = append(all, placeTests(w)...)
	add("hosts", len(w.Hosts) > 0, func(r *Request) bool { return c.Host(r.Host) })
	if restricts {
		add("paths", len(w.Paths) > 0, func(r *Request) bool { return r.someReading(c.Path) })
	} else {
		add("paths", len(w.Paths) > 0, func(r *Request) bool { return r.everyReading(c.Path) })
	}
	add("identity", w.Identity != nil, func(r *Request) bool {
		return r.Certificate != nil && w.Identity.Admits(r.Certificate)
	})
	add("headers", len(w.Headers) > 0, func(r *Request) bool { return c.Headers(r.Fields) })
	claims, err := compileClaims(w.Claims)
	if err != nil {
		report("claims", err)
	}
	add("claims", len(w.Claims) > 0, func(r *Request) bool { return r.claims(claims) })
	add("api_keys", len(w.APIKeys) > 0, func(r *Request) bool { return r.keyOf(w.APIKeys) })
	if len(w.UserAgents) > 0 {
		agents, err := oneOf(w.UserAgents)
		if err != nil {
			report("user_agents", err)
			return all
		}
		add("user_agents", true, func(r *Request) bool { return agents.MatchString(r.Fields.Get("User-Agent")) })
	}
	if len(w.Robots) > 0 {
		all = append(all, test{name: "bots", late: 1, holds: func(r *Request) bool { return isRobot(w.Robots, r) }})
	}
	return all
}

// agentBytes bound what the automaton of a condition on user agents may take.
const agentBytes = 1 << 20

// oneOf matches what one of several patterns does. Package regexp takes microseconds for each request.
func oneOf(patterns []string) (*dfa.Matcher, error) {
	for _, p := range patterns { // alone first: "a)|(b" must not become valid by what stands around it
		if _, err := regexp.Compile(p); err != nil {
			return nil, err
		}
	}
	return dfa.Compile("(?:"+strings.Join(patterns, ")|(?:")+")", dfa.NewBudget(agentBytes))
}
