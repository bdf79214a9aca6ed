package access

import (
	"regexp"
	"slices"

	"github.com/wafer-waf/wafer/access/rate"
)

// Claim is a condition on a claim of the token that a request carries. Without values and without an expression, the
// claim has to be there.
type Claim struct {
	Name   string
	Values []string // of which it has one
	Regex  string   // RE2, that matches the whole of one of its values
}

// claim is a Claim, compiled.
type claim struct {
	Claim
	whole *regexp.Regexp // nil: there is none
}

func compileClaims(all []Claim) ([]claim, error) {
	var made []claim
	for _, c := range all {
		one := claim{Claim: c}
		if c.Regex != "" {
			if _, err := regexp.Compile(c.Regex); err != nil { // alone first, as in oneOf
				return nil, err
			}
			var err error
			if one.whole, err = regexp.Compile("^(?:" + c.Regex + ")$"); err != nil { // an open \Q
				return nil, err
			}
		}
		made = append(made, one)
	}
	return made, nil
}

// claims reports whether a request's valid token meets all conditions.
func (r *Request) claims(all []claim) bool {
	for i := range all {
		c := &all[i]
		values := r.Claim(c.Name)
		if len(values) == 0 || !slices.ContainsFunc(values, c.accepts) {
			return false
		}
	}
	return true
}

func (c *claim) accepts(value string) bool {
	if c.whole != nil {
		return c.whole.MatchString(value)
	}
	return len(c.Values) == 0 || slices.Contains(c.Values, value)
}

// keyOf reports whether a request's valid API key is one of a client of the list.
func (r *Request) keyOf(clients []string) bool {
	client := r.APIKey()
	return client != "" && (slices.Contains(clients, client) || slices.Contains(clients, "*"))
}

// claimNames are the claims that conditions ask for.
func (w *When) claimNames(to []string) []string {
	if w == nil {
		return to
	}
	for _, c := range w.Claims {
		to = append(to, c.Name)
	}
	return w.Not.claimNames(to)
}

// claimNames are the claims that a limit asks for.
func (l *LimitSpec) claimNames(to []string) []string {
	for i := range l.Key {
		if l.Key[i].Kind == rate.PartClaim {
			to = append(to, l.Key[i].Name)
		}
	}
	return l.When.claimNames(to)
}
