package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/proxy"
	"github.com/wafer-waf/wafer/traffic"
)

// replayed is one request of a file, and what became of it. Its text is masked and safe to show.
type replayed struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	N       int    `json:"n"`
	Name    string `json:"name,omitempty"` // the id that it had, or the name of the test
	Request string `json:"request"`        // method, host and path
	judged

	Recorded   *wasRecorded `json:"recorded,omitempty"`
	Differs    []string     `json:"differs,omitempty"` // from what the file says
	Unsure     string       `json:"unsure,omitempty"`  // why that need not be the policy's doing
	Lost       []string     `json:"lost,omitempty"`    // what of the request the file does not have
	Untried    string       `json:"untried,omitempty"`
	Unjudged   []string     `json:"unjudged,omitempty"`   // what else a test wants
	Unexpected []string     `json:"unexpected,omitempty"` // why it is not what --expect says

	known bool // the file says what became of it, or has to
}

// judged is what a tier makes of a request.
type judged struct {
	Verdict        string      `json:"verdict,omitempty"`
	Status         int         `json:"status,omitempty"` // 0: the application's
	Route          string      `json:"route,omitempty"`
	Policy         string      `json:"policy,omitempty"`
	Mode           string      `json:"mode,omitempty"`
	AccessRule     string      `json:"access_rule,omitempty"`
	Error          string      `json:"error,omitempty"`
	RuleID         int         `json:"rule_id,omitempty"` // that decided
	Score          int         `json:"score"`
	Threshold      int         `json:"threshold,omitempty"`
	Rules          []foundRule `json:"rules,omitempty"`
	Coverage       string      `json:"coverage,omitempty"`
	CoverageReason string      `json:"coverage_reason,omitempty"`
}

// foundRule is a rule that has found something.
type foundRule struct {
	ID      int    `json:"id"`
	Message string `json:"message,omitempty"`
	Score   int    `json:"score"`
	Target  string `json:"target,omitempty"`
}

// wasRecorded is what the file says became of a request.
type wasRecorded struct {
	Verdict string `json:"verdict,omitempty"`
	Status  int    `json:"status,omitempty"`
	Error   string `json:"error,omitempty"`
	Route   string `json:"route,omitempty"`
	Rules   []int  `json:"rules,omitempty"`
}

func newJudged(e *proxy.Explanation) judged {
	j := judged{
		Verdict: e.Verdict, Status: e.Status, Route: e.Route, Error: e.Failure, RuleID: e.Findings.Verdict.RuleID,
		Score: e.Findings.InboundScore, Coverage: e.Coverage, CoverageReason: e.CoverageReason,
	}
	if e.Policy != nil {
		j.Policy, j.Mode, j.Threshold = e.Policy.ID, string(e.Policy.Mode), e.Policy.Thresholds.Inbound
	}
	if e.Access != nil && e.Access.Decision.Verdict != 0 {
		j.AccessRule = e.Access.Decision.Rule
	}
	for i := range e.Findings.Matches {
		m := &e.Findings.Matches[i]
		if m.Summary {
			continue
		}
		r := foundRule{ID: m.RuleID, Message: shownMessage(e.Masking, m), Score: m.Score}
		if len(m.Targets) > 0 {
			r.Target = shownTarget(e.Masking, m.Targets[0].Name)
		}
		j.Rules = append(j.Rules, r)
	}
	return j
}

func newReplayed(one *tried) *replayed {
	r := one.request
	row := &replayed{File: audit.Shown(r.File, longestLine), Line: r.Line, N: r.N, Name: audit.Shown(r.Name, shownName), Lost: shownAll(r.Lost, shownText), Untried: r.Untried}
	if old := r.Recorded; old != nil && !old.Test {
		row.Recorded = &wasRecorded{
			Verdict: audit.Shown(old.Verdict, shownName), Status: old.Status, Error: audit.Shown(old.Error, shownName), Route: audit.Shown(old.Route, shownName), Rules: old.Rules,
		}
	}
	if r.Untried != "" {
		return row
	}
	e := one.answers[0]
	row.Request, row.judged = shownRequest(r, e), newJudged(e)
	got := traffic.Result{Verdict: e.Verdict, Status: e.Status}
	for i := range e.Findings.Matches {
		got.Rules = append(got.Rules, e.Findings.Matches[i].RuleID)
	}
	row.Differs, row.Unsure = r.Differences(got)
	row.Differs, row.Unsure = shownAll(row.Differs, longestLine), audit.Shown(row.Unsure, longestLine)
	if row.known = r.Recorded != nil; row.known {
		row.Unjudged = shownAll(r.Recorded.Unjudged, longestLine)
	}
	return row
}

// shownRequest is a request in one line: what was read of it, or else how it begins.
func shownRequest(r *traffic.Request, e *proxy.Explanation) string {
	if e.Method != "" {
		return audit.Shown(e.Method+" "+e.Host, shownName) + shownPath(e.Masking, e.Path)
	}
	line, _, _ := bytes.Cut(r.Raw, []byte("\r\n"))
	line, _, _ = bytes.Cut(line, []byte("?"))
	return shownPath(e.Masking, string(line[:min(len(line), shownName)]))
}

func shownAll(texts []string, limit int) (all []string) {
	for _, t := range texts {
		all = append(all, audit.Shown(t, limit))
	}
	return all
}

// judge compares the request with what is expected.
func (r *replayed) judge(expect string, strict bool) {
	if r.Untried != "" {
		if strict && expect != expectNothing {
			r.Unexpected = []string{"not tried: " + r.Untried}
		}
		return
	}
	passes := r.Verdict == "pass"
	switch expect {
	case expectPass:
		if !passes {
			r.Unexpected = []string{"expected pass, now " + r.said()}
		}
	case expectStop:
		if passes || r.Verdict == "error_allow" {
			r.Unexpected = []string{"expected a stop, now " + r.said()}
		}
	case expectRecorded:
		if r.Unsure == "" || strict {
			r.Unexpected = r.Differs
		}
	}
}

// said is a verdict with the status that the client gets and what has led to it.
func (j *judged) said() string {
	text := j.Verdict
	if j.Status != 0 {
		text += fmt.Sprintf(" %d", j.Status)
	}
	switch {
	case j.Error != "":
		text += " (" + j.Error + ")"
	case j.Score > 0:
		text += fmt.Sprintf(" (score %d of %d)", j.Score, j.Threshold)
	case j.RuleID != 0:
		text += fmt.Sprintf(" (rule %d)", j.RuleID)
	}
	return text
}

// replaySummary is what became of all requests.
type replaySummary struct {
	Requests   int            `json:"requests"`
	Untried    int            `json:"untried"`    // not among those below
	Unreadable int            `json:"unreadable"` // likewise
	Verdicts   map[string]int `json:"verdicts"`
	Coverage   map[string]int `json:"coverage"`
	Routes     map[string]int `json:"routes"` // "": none
	Rules      []ruleCount    `json:"rules"`  // those that most requests matched first
	Lost       int            `json:"lost"`   // requests of which something is missing
	Same       int            `json:"same"`   // as recorded
	Differ     int            `json:"differ"` // without what is unsure
	Unsure     int            `json:"unsure"`
	Expect     string         `json:"expect"`
	Failed     int            `json:"failed"` // requests that are not as expected

	rules map[int]*ruleCount
}

// ruleCount is how many requests a rule has matched.
type ruleCount struct {
	ID       int    `json:"id"`
	Message  string `json:"message,omitempty"`
	Requests int    `json:"requests"`
	Passed   int    `json:"passed"` // of these
}

func newReplaySummary(expect string) *replaySummary {
	return &replaySummary{Verdicts: map[string]int{}, Coverage: map[string]int{}, Routes: map[string]int{}, Expect: expect, rules: map[int]*ruleCount{}}
}

func (s *replaySummary) add(r *replayed) {
	s.Requests++
	if len(r.Unexpected) > 0 {
		s.Failed++
	}
	if r.Untried != "" {
		s.Untried++
		return
	}
	s.Verdicts[r.Verdict]++
	s.Coverage[r.Coverage]++
	s.Routes[r.Route]++
	if len(r.Lost) > 0 {
		s.Lost++
	}
	switch {
	case r.Unsure != "":
		s.Unsure++
	case len(r.Differs) > 0:
		s.Differ++
	case r.known:
		s.Same++
	}
	for i, f := range r.Rules {
		if slices.ContainsFunc(r.Rules[:i], func(other foundRule) bool { return other.ID == f.ID }) {
			continue
		}
		c := s.rules[f.ID]
		if c == nil {
			c = &ruleCount{ID: f.ID, Message: f.Message}
			s.rules[f.ID] = c
		}
		if c.Requests++; r.Verdict == "pass" {
			c.Passed++
		}
	}
}

// sorted brings the rules in order.
func (s *replaySummary) sorted() {
	s.Rules = []ruleCount{}
	for _, c := range s.rules {
		s.Rules = append(s.Rules, *c)
	}
	slices.SortFunc(s.Rules, func(a, b ruleCount) int { return cmp.Or(b.Requests-a.Requests, a.ID-b.ID) })
}

// counts are numbers by word, the largest first.
func counts(of map[string]int, none string) string {
	names := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(of[b]-of[a], cmp.Compare(a, b)) })
	text := ""
	for i, name := range names {
		if i == shownCounts {
			return text + fmt.Sprintf(", and %d more", len(names)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %d", cmp.Or(name, none), of[name])
	}
	return text
}

const shownCounts = 12

// problemList tells what could not be read: the first few one by one.
type problemList struct {
	w     io.Writer
	clear func()
	n     int
}

const shownProblems = 20

func (l *problemList) tell(p *traffic.Problem) {
	if l.n++; l.n <= shownProblems {
		l.clear()
		fmt.Fprintln(l.w, audit.Shown(p.Error(), longestLine))
	}
}

// ended says how a run ends that has told all problems: what could not be read counts first, then that there was nothing, then
// how many requests are not as they should be, which is said already.
func (l *problemList) ended(requests, wrong int, what error) error {
	if more := l.n - shownProblems; more > 0 {
		fmt.Fprintf(l.w, "and %d more that could not be read\n", more)
	}
	switch {
	case l.n > 0:
		return saidError{error: errors.New("not everything could be read"), code: 1}
	case requests == 0:
		return errors.New("there is no request in the files")
	case wrong > 0:
		return saidError{error: what, code: stoppedCode}
	}
	return nil
}
