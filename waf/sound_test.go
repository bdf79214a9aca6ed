package waf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/corpus"
)

// message is a request and a response as the screen and Coraza are shown them.
type message struct {
	request  *Request
	body     []byte
	response *Response
	answer   []byte
}

// soundness compares the screen with Coraza on one message: what is clean to the screen up to
// a phase has to be without findings for Coraza. It reports how many phases the screen found it clean.
func soundness(t testing.TB, e *Engine, m *message) (clean int, why string) {
	t.Helper()
	if !e.Screening() {
		t.Fatalf("policy %s has no screen: %v", e.policy.ID, e.NoScreen())
	}
	body, whole := m.body, true
	limit := e.policy.ResponseBodyBytes // for both
	if len(body) > limit {
		body, whole = body[:limit], false
	}
	answer := m.answer[:min(len(m.answer), limit)]
	tx := e.Begin(t.Context(), Terms{ID: "0193a7b2-sound", Gate: closed{}})
	again := func() *Transaction {
		return &Transaction{engine: e, ctx: t.Context(), id: "0193a7b2-sound", read: newTranscript(e.policy.Reading), view: tx.view.Apart(), request: m.request, body: body, whole: whole, response: m.response, answer: answer}
	}
	steps := []func() bool{
		func() bool { return passed(tx.RequestHead(m.request)) },
		func() bool { return passed(tx.RequestBody(body, whole)) },
		func() bool { return passed(tx.ResponseHead(m.response)) },
		func() bool { return passed(tx.ResponseBody(answer)) },
		func() bool { return tx.screened(5, tx.run.Last) },
	}
	for _, step := range steps {
		if !step() {
			break
		}
		clean++
	}
	why = fmt.Sprintf("%+v", tx.asked)
	if !e.Screening() {
		t.Fatal("the screen failed")
	}
	if clean == 5 {
		again := again()
		f, err := again.replay(4)
		if err != nil || f.Verdict.Action != Pass || len(f.Matches) > 0 {
			t.Errorf("clean to the screen, but Coraza: %+v %v %v", f.Verdict, targets(f), err)
		}
		if got, want := changesOf(tx), changesOf(again); got != want {
			t.Errorf("clean to the screen, which keeps\n%s\nwhere Coraza keeps\n%s", got, want)
		}
	} else if clean > 0 { // what the screen had passed must not have been Coraza's to stop
		again := again()
		if v, err := again.catchUp(min(clean, 4)); err != nil || v.Action != Pass {
			t.Errorf("clean to the screen up to phase %d, but Coraza: %+v %v", clean, v, err)
		}
		_ = again.tx.Close()
	}
	tx.endScreen()
	if clean < 5 {
		narrowed(t, e, m, body, answer, whole, again)
	}
	return clean, why
}

// narrowed compares what Coraza finds without the rules that the screen rules out with what it
// finds with all of them. all makes a transaction for that.
func narrowed(t testing.TB, e *Engine, m *message, body, answer []byte, whole bool, all func() *Transaction) {
	t.Helper()
	full := all()
	want, err := full.replay(4)
	if err != nil {
		return // Coraza fails, in both ways
	}
	const times = 100
	tx := e.Begin(t.Context(), Terms{ID: "0193a7b2-sound", Apart: true})
	if tx.view != nil {
		tx.view = full.view.Apart() // of the same
		if tx.run != nil {
			tx.run.Keep(tx.view)
		}
	}
	_, err = through(tx, &message{m.request, body, m.response, answer}, whole)
	got, ferr := tx.Finish()
	for i := 0; err != nil || ferr != nil; i++ {
		if _, err := all().replay(4); err != nil {
			return // Coraza fails, sometimes
		}
		if i == times {
			t.Fatal("fails only without rules that were ruled out:", err, ferr)
		}
	}
	// Coraza goes through its maps in an order that is random, and what it finds may depend on it: a
	// rule that it finds each time must have been found, and one that it never finds must not.
	counts, random, keeps := map[int]int{}, false, false
	for range times {
		if want.foundBy(tx.leftOut) {
			t.Errorf("a rule that was left out has findings: %v; left out: %v", targets(want), tx.leftOut)
			return
		}
		same := changesOf(tx) == changesOf(full)
		keeps = keeps || same
		if same && got.Verdict == want.Verdict && got.InboundScore == want.InboundScore && got.OutboundScore == want.OutboundScore && slices.Equal(ruleIDs(got), ruleIDs(want)) {
			return
		}
		for _, id := range slices.Compact(ruleIDs(want)) {
			counts[id]++
		}
		last := ruleIDs(want)
		full = all()
		if want, err = full.replay(4); err != nil {
			return // sometimes, then
		}
		random = random || !slices.Equal(last, ruleIDs(want))
	}
	if !keeps {
		t.Errorf("without rules that were ruled out is kept\n%s\nand with them\n%s", changesOf(tx), changesOf(full))
	}
	for _, id := range ruleIDs(got) {
		if !random || counts[id] == 0 {
			t.Errorf("rule %d has findings only without those that were ruled out", id)
		}
	}
	for id, n := range counts {
		if n == times && !slices.Contains(ruleIDs(got), id) {
			t.Errorf("rule %d has findings, but not without rules that were ruled out", id)
		}
	}
	if t.Failed() {
		t.Errorf("without rules that were ruled out: %+v %d %d %v\nwith them: %+v %d %d %v",
			got.Verdict, got.InboundScore, got.OutboundScore, targets(got), want.Verdict, want.InboundScore, want.OutboundScore, targets(want))
	}
}

// changesOf is what a transaction has changed in collections.
func changesOf(t *Transaction) string {
	var out []string
	for _, c := range t.view.Changes() {
		for _, s := range c.Steps {
			out = append(out, fmt.Sprintf("%v %x %v %+v", c.Key.Kind, c.Key.Sum, c.Timeout, s))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// ruleIDs are the rules that have found something, in order, each as often as it has targets.
func ruleIDs(f Findings) (ids []int) {
	for _, m := range f.Matches {
		for range max(1, len(m.Targets)) {
			ids = append(ids, m.RuleID)
		}
	}
	return ids
}

func targets(f Findings) []string {
	var out []string
	for _, m := range f.Matches {
		out = append(out, fmt.Sprint(m.RuleID, m.Targets))
	}
	return out
}

var plainResponse = &Response{Status: 200, Protocol: "HTTP/1.1", Headers: []Header{{Name: "Content-Type", Value: "text/html; charset=utf-8"}, {Name: "Content-Length", Value: "12"}}}

// fromCorpus is a request of the corpus as a message.
func fromCorpus(r *corpus.Request) *message {
	req := &Request{
		Method: r.Method, Target: r.Target, Protocol: "HTTP/1.1", Host: corpus.Host,
		ClientAddr: "192.0.2.7", ClientPort: 40000, ServerAddr: "192.0.2.1", ServerPort: 8080,
	}
	for _, f := range r.Header {
		req.Headers = append(req.Headers, Header(f))
	}
	res := *plainResponse
	return &message{request: req, body: r.Body, response: &res, answer: []byte("<p>hello</p>")}
}

func screenEngine(t testing.TB, paranoia int) *Engine {
	return mustEngine(t, func(p *Policy) {
		*p = benchPolicy(fmt.Sprint("pl", paranoia))
		p.BlockingParanoia, p.DetectionParanoia = paranoia, paranoia
		p.ResponseBody, p.ResponseMIMETypes = true, []string{"text/html", "text/plain", "application/json"}
	})
}

// TestSoundOnAttacks is for every request of the Core Rule Set's own tests, at every paranoia
// level; with -short each at one of the levels, whose turn it is.
func TestSoundOnAttacks(t *testing.T) {
	attacks, err := corpus.Attacks()
	if err != nil {
		t.Fatal(err)
	}
	for paranoia := 1; paranoia <= 4; paranoia++ {
		t.Run(fmt.Sprint("pl", paranoia), func(t *testing.T) {
			t.Parallel()
			e := screenEngine(t, paranoia)
			clean := 0
			compared := 0
			for i := range attacks {
				if testing.Short() && i%4 != paranoia-1 {
					continue
				}
				compared++
				a := &attacks[i]
				n, _ := soundness(t, e, fromCorpus(a))
				if n == 5 {
					clean++
				}
				if t.Failed() {
					t.Fatalf("%s: %s", a.Source, a.Bytes())
				}
			}
			t.Logf("%d of %d clean at this level", clean, compared)
		})
	}
}

// ordinaryCount is how many requests of a kind are compared: few of those that take Coraza the
// better part of a second each, and fewer with -short.
func ordinaryCount(kind string) int {
	if testing.Short() {
		switch kind {
		case "json-100KB", "json-10KB", "bulk", "article", "upload", "thumbnail":
			return 1
		}
		return 5
	}
	switch kind {
	case "json-100KB":
		return 1
	case "json-10KB", "bulk", "article", "upload", "thumbnail":
		return 3
	}
	return 20
}

// TestSoundOnOrdinary is for ordinary traffic, of which most has to be clean.
func TestSoundOnOrdinary(t *testing.T) {
	for paranoia := 1; paranoia <= 4; paranoia++ {
		t.Run(fmt.Sprint("pl", paranoia), func(t *testing.T) {
			t.Parallel()
			e := screenEngine(t, paranoia)
			for _, kind := range corpus.Kinds() {
				requests, err := corpus.Ordinary(kind, ordinaryCount(kind))
				if err != nil {
					t.Fatal(err)
				}
				clean := 0
				reasons := map[string]int{}
				for i := range requests {
					n, why := soundness(t, e, fromCorpus(&requests[i]))
					if n == 5 {
						clean++
					} else {
						reasons[strings.ToValidUTF8(why[:min(len(why), 150)], "?")]++
					}
					if t.Failed() {
						t.Fatalf("%s", requests[i].Bytes())
					}
				}
				t.Logf("%-12s %d of %d clean; %d reasons %v", kind, clean, len(requests), len(reasons), first(reasons, 3))
			}
		})
	}
}

func first(m map[string]int, n int) []string {
	var out []string
	for k := range m {
		if len(out) == n {
			break
		}
		out = append(out, k)
	}
	return out
}
