package challenge

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// Prefix is where the tier answers by itself, on hosts with a challenge. Nothing below it reaches an application.
const Prefix = "/.well-known/wafer/"

// Path is where puzzles are answered.
const Path = Prefix + "challenge"

// MostBytes is how long the body of an answer can be: a way back with every byte escaped, and what goes with it.
const MostBytes = 3*longestBack + 1024

// Endpoint takes the answers to the puzzles of all challenges that have its keys: what was asked for stands in the
// puzzle.
type Endpoint struct {
	keys  *Keys
	guard *Guard
}

// NewEndpoint returns an endpoint for the challenges with these keys.
func NewEndpoint(guard *Guard, all ...*Keys) *Endpoint {
	e := &Endpoint{keys: &Keys{}, guard: guard}
	for _, ks := range all {
		for _, k := range ks.all {
			if !slices.ContainsFunc(e.keys.all, func(o *key) bool { return o.own == k.own }) {
				e.keys.all = append(e.keys.all, k)
			}
		}
	}
	return e
}

// Answer is what comes to Prefix.
type Answer struct {
	Method, Path, Query string
	Body                []byte // whole, at most MostBytes
	Client              Client
	Secure              bool // the client speaks TLS, with the tier or with who is in front of it
	ID                  string
	Now                 time.Time
}

// Outcome is what became of an answer.
type Outcome string

// What can.
const (
	Solved  Outcome = "solved"
	Waited  Outcome = "waited"
	Nowhere Outcome = "not_found"    // there is nothing at this path, or not with this method
	Rate    Outcome = "rate"         // too many answers of this network
	NoSlip  Outcome = "broken"       // what came is no puzzle
	NoKey   Outcome = "other_key"    // signed with a key that nobody knows any more
	NotHis  Outcome = "other_client" // made for another client, another way back, or by somebody else
	Late    Outcome = "late"         // the puzzle has ended
	Wrong   Outcome = "wrong"        // too little work
	Early   Outcome = "early"        // too little patience, or none is enough
)

// Outcomes are all of them.
func Outcomes() []Outcome {
	return []Outcome{Solved, Waited, Nowhere, Rate, NoSlip, NoKey, NotHis, Late, Wrong, Early}
}

// Take judges an answer.
func (e *Endpoint) Take(a *Answer) (Reply, Outcome) {
	text := a.Query
	switch {
	case a.Path != Path || a.Method != http.MethodPost && a.Method != http.MethodGet:
		return failed(http.StatusNotFound, "/", a.ID), Nowhere
	case a.Method == http.MethodPost:
		text = string(a.Body)
	}
	if len(text) > MostBytes {
		return failed(http.StatusForbidden, "/", a.ID), NoSlip
	}
	form, err := url.ParseQuery(text)
	back := form.Get("back")
	if err != nil || !sameSite(back) {
		return failed(http.StatusForbidden, "/", a.ID), NoSlip
	}
	if !e.guard.admits(a.Client.Address, a.Now) {
		r := failed(http.StatusTooManyRequests, back, a.ID)
		r.Fields = append(r.Fields, message.Field{Name: "Retry-After", Value: "1"})
		return r, Rate
	}
	s, maker, outcome := e.judge(form.Get("puzzle"), form.Get("answer"), back, a)
	switch outcome {
	case Solved:
		s.kind = worked
	case Waited:
		s.kind = waited
	default:
		return failed(http.StatusForbidden, back, a.ID), outcome
	}
	s.sign(maker, &a.Client, "") // so that all replicas make the same token of a puzzle
	cookie := Cookie + "=" + s.String() + "; Path=/; HttpOnly; SameSite=Lax"
	if a.Secure {
		cookie += "; Secure"
	}
	return Reply{Status: http.StatusSeeOther, Body: []byte{}, Fields: message.Fields{
		{Name: "Location", Value: back}, {Name: "Set-Cookie", Value: cookie}, {Name: "Cache-Control", Value: "no-store"},
	}}, outcome
}

// judge says what an answer is worth, and which key has made the puzzle.
func (e *Endpoint) judge(text, answer, back string, a *Answer) (slip, *key, Outcome) {
	s, ok := parse(text)
	if !ok || s.kind != puzzle {
		return s, nil, NoSlip
	}
	maker, known := e.keys.maker(&s, &a.Client, back)
	switch age := s.age(a.Now); {
	case !known:
		return s, nil, NoKey
	case maker == nil:
		return s, nil, NotHis
	case age > time.Duration(s.within)*time.Second || age < -skew:
		return s, nil, Late
	case answer != "" && s.done(answer):
		return s, maker, Solved
	case answer != "":
		return s, nil, Wrong
	case s.wait == 0 || age < time.Duration(s.wait)*time.Second:
		return s, nil, Early
	}
	return s, maker, Waited
}
