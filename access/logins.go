package access

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/wafer-waf/wafer/access/login"
	"github.com/wafer-waf/wafer/routing"
)

// Login is how logins are protected.
type Login struct {
	login.Config
	Mode    Mode
	Methods []string
	Paths   []routing.Path
	Account login.Field

	// Statuses and Location are those of responses to logins that have failed or, with Inverse, to those that have not.
	Statuses  []Statuses
	Location  string // RE2, found in the field; empty: it does not matter
	Inverse   bool
	Challenge bool // in place of 429
}

// Statuses are statuses from one to another.
type Statuses struct{ From, To int }

// logins protects the logins of a policy.
type logins struct {
	Login
	guard    *login.Guard
	applies  *routing.Conditions // methods and paths
	alike    *routing.Conditions // paths without regard to case and to a slash at the end
	location *regexp.Regexp
}

func newLogins(id string, l *Login, state *login.State) (*logins, error) {
	c, problems := routing.NewConditions(nil, l.Paths, l.Methods, nil)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	alike, _ := routing.NewConditions(nil, allCases(l.Paths), nil, nil) // which are those that are valid
	made := &logins{Login: *l, guard: state.Guard(id, l.Config), applies: c, alike: alike}
	if l.Location != "" {
		var err error
		if made.location, err = regexp.Compile(l.Location); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// is reports whether a request is a login, by one of the readings of its path. Many applications take /Login/ for /login,
// and who is counted once too often loses nothing.
func (l *logins) is(r *Request) bool {
	return l.applies.Method(r.Method) && r.someReading(func(path []byte) bool {
		return l.applies.Path(path) || l.alike.Path(oneCase(path))
	})
}

// allCases are paths that meet what oneCase makes of all that applications may take for them.
func allCases(paths []routing.Path) (all []routing.Path) {
	for _, p := range paths {
		if p.Kind == routing.PathRegex {
			p.Value = "(?i)" + p.Value
		} else {
			p.Value = string(oneCase([]byte(p.Value)))
		}
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// oneCase is a path in lower case, and without a slash at its end.
func oneCase(path []byte) []byte {
	path = bytes.ToLower(path)
	if len(path) > 1 {
		path = bytes.TrimSuffix(path, []byte("/"))
	}
	return path
}

// loginRules are the words for reasons of logins.
var loginRules = func() (all [login.Reasons]string) {
	for r := range login.Reasons {
		all[r] = "login." + r.String()
	}
	return all
}()

// ReadsBody reports whether the body of a request has to be known: what it says of an account decides.
func (p *Policy) ReadsBody(r *Request, d *Decision) bool {
	return p.logins != nil && !d.Always && p.logins.is(r)
}

// Account is the field of a body that says the account of a login.
func (p *Policy) Account() *login.Field { return &p.logins.Account }

// DecideBody decides about a login by the accounts that its body names, when the body was inspected and before the
// request is forwarded. Whole says that all of the body was read, so that there is no other account in it.
func (p *Policy) DecideBody(r *Request, accounts []string, whole bool) (d Decision) {
	d.Rule = Default
	l := p.logins
	why, wait := login.Unread, time.Duration(0)
	if whole {
		r.attempt, why, wait = l.guard.Begin(r.Household.Addr(), accounts, r.Now)
	}
	if why == login.None {
		return d
	}
	v := Decision{Verdict: Limit, Status: http.StatusTooManyRequests, Rule: loginRules[why], RetryAfter: wait}
	switch {
	case why == login.Unread || why == login.Ambiguous:
		v = Decision{Verdict: Deny, Status: http.StatusBadRequest, Rule: loginRules[why]}
	case l.Challenge && p.challenge != nil:
		if v = p.challenge.Decide(r, loginRules[why]); v.Verdict == Pass {
			return d // it has proved enough
		}
	}
	if l.Mode == Observe || p.observe {
		p.count(v.Rule, v.Verdict, true)
		d.would(v.Verdict, v.Rule)
		return d
	}
	p.count(v.Rule, v.Verdict, false)
	return v
}

// Done implements [Follower].
func (l *logins) Done(r *Request, _ *Decision, o *Outcome) {
	if !r.attempt.Begun() {
		return
	}
	end := login.Neither
	if o.Answer > 0 && o.Answer < http.StatusInternalServerError {
		if l.matches(o) != l.Inverse {
			end = login.Failed
		} else {
			end = login.Succeeded
		}
	}
	r.attempt.Ended(end, time.Now())
}

// matches reports whether a response is one of those that the policy names.
func (l *logins) matches(o *Outcome) bool {
	status := len(l.Statuses) == 0
	for _, s := range l.Statuses {
		status = status || s.From <= o.Answer && o.Answer <= s.To
	}
	return status && (l.location == nil || l.location.MatchString(o.Location))
}

// Explain says what it would do with a login.
func (l *logins) Explain(*Request) string {
	return fmt.Sprintf("counted by address and by account when its body is read; only a running tier knows what has failed (%d in %s for an address, %d in %s for an account there)",
		l.Address.Units, l.Address.Period, l.Both.Units, l.Both.Period)
}
