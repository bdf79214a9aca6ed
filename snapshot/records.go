package snapshot

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/record"
	"github.com/wafer-waf/wafer/routing"
)

// Recording says which transactions of a route are recorded, and how much of each.
type Recording struct {
	Terms record.Terms

	sample    config.Share
	verdicts  [inspect.Verdicts]bool
	scoreFrom int // 0: it does not matter
	statuses  []config.StatusRange
	clients   []netip.Prefix
	headers   *routing.Conditions // of which one has to hold
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

// recordings are the entries of records, by id.
func recordings(c *config.Routes, report func(path string, err error)) map[string]*Recording {
	all := map[string]*Recording{}
	for i := range c.Records {
		e := &c.Records[i]
		all[e.ID] = recordingOf(e, func(key string, err error) {
			if e.Sources["when.headers"] == e.ID { // else it is reported where it stands
				report(fmt.Sprintf("records[%d].when.%s", i, key), err)
			}
		})
	}
	return all
}

func recordingOf(c *config.Recording, report func(key string, err error)) *Recording {
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
	var problems []error
	r.headers, problems = routing.NewConditions(nil, nil, nil, headers(c.When.Headers))
	for _, err := range problems {
		var p *routing.Problem
		if errors.As(err, &p) {
			report(p.Key, errors.New(p.What))
		}
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
	if r.headers.SomeHeader(fields) {
		why |= ByHeader
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
