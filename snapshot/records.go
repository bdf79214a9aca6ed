package snapshot

import (
	"math/rand/v2"
	"net/netip"
	"regexp"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/record"
)

// Recording says which transactions of a route are recorded, and how much of each.
type Recording struct {
	Terms record.Terms

	sample    config.Share
	verdicts  [inspect.Verdicts]bool
	scoreFrom int // 0: it does not matter
	statuses  []config.StatusRange
	clients   []netip.Prefix
	headers   []fieldMatch
}

// Reasons are why a transaction is recorded.
type Reasons uint8

// The reasons. The first three are known when the head of the request is there.
const (
	BySample Reasons = 1 << iota
	ByClient
	ByHeader
	ByVerdict
	ByScore
	ByStatus
)

var reasonWords = []string{"sample", "client", "header", "verdict", "score", "status"}

// Words are the reasons as records tell them.
func (r Reasons) Words() (words []string) {
	for i, word := range reasonWords {
		if r&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return words
}

// fieldMatch is a condition on a field of a head.
type fieldMatch struct {
	name  string
	exact string
	regex *regexp.Regexp // nil: exact, or any value if that is empty
}

func (m *fieldMatch) matches(f *message.Field) bool {
	switch {
	case !f.Is(m.name):
		return false
	case m.regex != nil:
		return m.regex.MatchString(f.Value)
	}
	return m.exact == "" || m.exact == f.Value
}

// recordings are the entries of records, by id.
func recordings(c *config.Routes) map[string]*Recording {
	all := map[string]*Recording{}
	for i := range c.Records {
		all[c.Records[i].ID] = recordingOf(&c.Records[i])
	}
	return all
}

func recordingOf(c *config.Recording) *Recording {
	r := &Recording{
		Terms: record.Terms{
			ID: c.ID, Parts: record.PartsOf(c.Parts), RequestBody: int(c.Limits.RequestBody), ResponseBody: int(c.Limits.ResponseBody),
			Record: int(c.Limits.Record), Unreadable: c.Unreadable == config.UnreadableKeep, Budget: record.NewBudget(int64(c.Limits.PerSecond)),
		},
		sample: c.Sample, scoreFrom: c.When.ScoreFrom, statuses: c.When.Statuses, clients: c.When.Networks(),
	}
	for v := range inspect.Verdicts {
		for _, word := range c.When.Verdicts {
			r.verdicts[v] = r.verdicts[v] || v.String() == word
		}
	}
	for _, h := range c.When.Headers {
		m := fieldMatch{name: h.Name, exact: h.Exact}
		if h.Regex != "" {
			m.regex = regexp.MustCompile(`^(?:` + h.Regex + `)$`) // config has checked it
		}
		r.headers = append(r.headers, m)
	}
	return r
}

// AtHead returns why a request is recorded whatever becomes of it.
func (r *Recording) AtHead(client netip.Addr, fields message.Fields) (why Reasons) {
	if r.sample > 0 && config.Share(rand.IntN(int(config.Million))) < r.sample {
		why |= BySample
	}
	for _, network := range r.clients {
		if network.Contains(client) {
			why |= ByClient
		}
	}
	for i := range r.headers {
		for k := range fields {
			if r.headers[i].matches(&fields[k]) {
				why |= ByHeader
			}
		}
	}
	return why
}

// ByOutcome returns why a transaction is recorded that has come to this.
func (r *Recording) ByOutcome(v inspect.Verdict, score, status int) (why Reasons) {
	if r.verdicts[v] {
		why |= ByVerdict
	}
	if r.scoreFrom > 0 && score >= r.scoreFrom {
		why |= ByScore
	}
	for _, s := range r.statuses {
		if s.Has(status) {
			why |= ByStatus
		}
	}
	return why
}

// Scores reports whether the score matters.
func (r *Recording) Scores() bool { return r.scoreFrom > 0 }
