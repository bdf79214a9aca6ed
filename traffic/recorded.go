package traffic

import (
	"fmt"
	"slices"
)

// Recorded is what a file says became of a request, or has to.
type Recorded struct {
	Verdict string // in the tier's words; empty: the file does not know it
	Status  int    // that the client got; 0: likewise
	Error   string // why it was refused
	Route   string
	Rules   []int // that matched

	// Late is true if the response decided, which is not there when the request is tried again.
	Late bool

	// What a test of go-ftw wants.
	Expect, ExpectNot []int // rules
	Statuses          []int // one of them; none: any
	Fails             bool  // no proper answer
	Test              bool
	Unjudged          []string // wants of a test that are about more than rules and a status
}

// Result is what became of a request now.
type Result struct {
	Verdict string
	Status  int   // 0: the application would answer
	Rules   []int // that matched
}

// stops reports whether a request with that verdict does not reach the application.
func stops(verdict string) bool {
	return verdict != "pass" && verdict != "would_block" && verdict != "error_allow"
}

// Differences says in what a result is not what was recorded; nil: in nothing that the file knows. unsure says why that
// need not be the policy's doing; empty: it is.
func (r *Request) Differences(got Result) (differs []string, unsure string) {
	old := r.Recorded
	if old == nil {
		return nil, ""
	}
	switch {
	case old.Test:
		differs = old.missed(got)
	case old.Verdict != "" && old.Verdict != got.Verdict:
		differs = []string{fmt.Sprintf("recorded %s, now %s", said(old.Verdict, old.Status), said(got.Verdict, got.Status))}
	case old.Verdict == "" && old.Status != 0 && stops(got.Verdict) && old.Status != got.Status:
		differs = []string{fmt.Sprintf("recorded status %d, now %s", old.Status, said(got.Verdict, got.Status))}
	}
	if differs == nil {
		return nil, ""
	}
	switch {
	case len(r.Lost) > 0:
		unsure = "the request is not the one that was sent"
	case old.Late:
		unsure = "the response decided, which is not tried"
	case !old.Test && old.depends():
		unsure = "it hung on more than the request: " + old.Error
	}
	return differs, unsure
}

// depends reports whether what was recorded hung on more than the request: on how often its client had asked, on how
// busy the tier was, or on the time.
func (r *Recorded) depends() bool {
	switch r.Error {
	case "":
		return false
	case "banned", "challenged", "unauthenticated", "rate_limited", "client_gone", "timeout", "overload", "memory", "budget":
		return true
	}
	return stops(r.Verdict) && (r.Status == 0 || r.Status == 408 || r.Status >= 500)
}

func said(verdict string, status int) string {
	if status == 0 || !stops(verdict) {
		return verdict
	}
	return fmt.Sprintf("%s %d", verdict, status)
}

// missed says what of a test does not hold.
func (r *Recorded) missed(got Result) []string {
	var out []string
	refused := got.Status == 400 && got.Verdict == "refused"
	if r.Fails && !stops(got.Verdict) {
		out = append(out, "expected no proper answer, now "+said(got.Verdict, got.Status))
	}
	for _, id := range r.Expect {
		if !slices.Contains(got.Rules, id) {
			out = append(out, fmt.Sprintf("rule %d did not match", id))
		}
	}
	if len(out) > 0 && refused {
		out = []string{"the request was refused before any rule was asked"}
	}
	for _, id := range r.ExpectNot {
		if slices.Contains(got.Rules, id) {
			out = append(out, fmt.Sprintf("rule %d matched", id))
		}
	}
	switch {
	case len(r.Statuses) == 0, slices.Contains(r.Statuses, got.Status):
	case got.Status != 0:
		out = append(out, fmt.Sprintf("status %d, expected %s", got.Status, anyOf(r.Statuses)))
	case slices.Min(r.Statuses) >= 400: // what answers behind a tested firewall finds nothing wrong
		out = append(out, fmt.Sprintf("now %s, expected status %s", got.Verdict, anyOf(r.Statuses)))
	}
	return out
}

func anyOf(statuses []int) string {
	text := fmt.Sprint(statuses[0])
	for _, s := range statuses[1:] {
		text += fmt.Sprintf(" or %d", s)
	}
	return text
}
