package waf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/screen"
)

// errScreenOff says that a policy does without a screen by choice.
var errScreenOff = errors.New("screen: off")

// compileScreen makes the engine's screen. A policy whose text the screen does not
// understand has none, which NoScreen tells; it is as safe as with one, and slower.
func (e *Engine) compileScreen(c Screener, phases map[int]int) {
	if e.policy.ScreenOff {
		e.noScreen = errScreenOff
		return
	}
	var texts []screen.Text
	for _, piece := range e.policy.pieces() {
		texts = append(texts, screen.Text{Source: piece.source, Text: piece.text})
	}
	s, err := c.Compile(texts, e.policy.mimeTypes())
	if err != nil {
		e.noScreen = err
		return
	}
	// Both have read the same text; if they differ in what they found, the screen is wrong.
	ids, all := s.Rules()
	if all != e.rules {
		e.noScreen = fmt.Errorf("%d rules read where Coraza has %d", all, e.rules)
		return
	}
	for _, r := range ids {
		if phase, ok := phases[r.ID]; !ok || phase != r.Phase {
			e.noScreen = fmt.Errorf("rule %d read for phase %d, which Coraza runs in phase %d", r.ID, r.Phase, phase)
			return
		}
	}
	e.screen = s
	e.screens.Store(true)
}

// NoScreen is why the engine has no screen; nil: it has one.
func (e *Engine) NoScreen() error { return e.noScreen }

// Disagreement is a message that the screen found clean and that Coraza has findings about, one with
// findings of a rule that the screen had ruled out, or a failure of the screen itself.
type Disagreement struct {
	Findings Findings
	Panic    *PanicError // instead of findings
}

// OnDisagreement has report called, from any goroutine, when a check of the screen fails. The
// screen is off then. It is set before the first transaction.
func (e *Engine) OnDisagreement(report func(Disagreement)) { e.checks.report = report }

// disagree switches the screen off.
func (e *Engine) disagree(d Disagreement) {
	if e.screens.Swap(false) && e.checks.report != nil {
		e.checks.report(d)
	}
}

// Screening reports whether the engine has a screen that has not been switched off.
func (e *Engine) Screening() bool { return e.screens.Load() }

// said is what the screen has said of the transaction.
func (t *Transaction) said() Screened {
	switch {
	case !t.screenAsked:
		return ScreenOff
	case t.clean:
		return ScreenClean
	}
	return ScreenInspect
}

// BodyRead says what is left of reading the request's body: how much memory it holds until Finish, and in
// the reading's word, why a part of it was not read; empty if all of it was.
func (t *Transaction) BodyRead() (holds int, uninspected string) {
	holds, uninspected = t.read.values.Holds(), t.read.values.Uninspected()
	if t.tx != nil {
		holds = 2*holds + 3*len(t.body)
	}
	return holds, uninspected
}

// askedBytes is how much of a value [Findings.Asked] has at most.
const askedBytes = 256

// screened asks the screen about the next phase, if everything was clean so far.
func (t *Transaction) screened(phase int, ask func() bool) bool {
	if !t.clean {
		return false
	}
	t.clean = false
	defer t.budget.Rest()
	t.guarded(func() { t.clean = ask() })
	switch {
	case t.clean:
		t.completed = min(phase, 4)
	case t.run != nil:
		t.asked = t.run.Reason()
		t.asked.Value = strings.Clone(t.asked.Value[:min(len(t.asked.Value), askedBytes)]) // the run's memory is used again
	}
	return t.clean
}

// guarded does something with the screen's run. A panic in it switches the screen off, unless the budget is
// spent.
func (t *Transaction) guarded(do func()) {
	defer func() {
		if r := recover(); r != nil {
			t.run = nil // and not used again
			if t.budget.Spent() {
				t.asked = Reason{What: "budget"}
				return
			}
			t.engine.disagree(Disagreement{Panic: &PanicError{Value: r, Stack: debug.Stack()}})
		}
	}()
	do()
}

// narrow has Coraza leave out the rules of the next phase that the screen rules out. ask asks the screen
// about the phase, for what it has not seen of it.
func (t *Transaction) narrow(phase int, ask func() bool) {
	tx, ok := t.tx.(interface{ RemoveRuleByIDRange(start, end int) })
	if !ok || t.run == nil || !t.engine.screens.Load() {
		return
	}
	t.guarded(func() {
		if t.run.Seen() < phase {
			ask()
		}
		for from, to := range t.run.RuledOut(phase) {
			tx.RemoveRuleByIDRange(from, to)
			t.leftOut = append(t.leftOut, leftOut{phase, from, to})
		}
	})
}

// begin makes Coraza's transaction.
func (t *Transaction) begin() {
	t.clean = false
	if t.tx == nil {
		t.view.Again()
		if t.run != nil {
			t.run.Keep(nil) // from here on Coraza counts, and the screen only rules out
		}
		t.tx = t.engine.opts.NewTransactionWithOptions(experimental.Options{ID: t.id, Context: t.ctx})
		for _, id := range t.without {
			t.tx.(interface{ RemoveRuleByIDRange(start, end int) }).RemoveRuleByIDRange(id, id)
		}
		t.fund()
	}
}

// end gives the transaction's memory back.
func (t *Transaction) end() {
	t.endScreen()
	t.read.end()
}

// endScreen gives the screen's memory back.
func (t *Transaction) endScreen() {
	if t.run != nil {
		t.run.End()
		t.run = nil
	}
}

// catchUp runs in Coraza the phases up to the given one that only the screen has seen. Their
// verdict is that of the first that does not pass, which is none if the screen was right.
func (t *Transaction) catchUp(phases int) (Verdict, error) {
	if t.tx != nil {
		return Verdict{}, nil
	}
	t.begin()
	t.completed = 0
	var v Verdict
	var err error
	for p := 1; p <= phases && err == nil && !v.Blocks(); p++ {
		switch p {
		case 1:
			v = t.requestHead()
		case 2:
			v, err = t.requestBody()
		case 3:
			v = t.responseHead()
		case 4:
			v, err = t.responseBody()
		}
	}
	if v.Blocks() || err != nil {
		return v, err
	}
	return Verdict{}, nil
}

// verifier sends a share of the messages through all of Coraza as well.
type verifier struct {
	report func(Disagreement)
	busy   atomic.Bool // one check at a time: checks must not become the load
	done   func()      // for tests: after each check
}

// verify has the transaction checked with the policy's probability, after the response and in a
// goroutine of its own: a clean one has no findings, and another one none by a rule that was
// left out.
func (e *Engine) verify(t *Transaction, clean bool) {
	share := e.policy.ScreenVerify
	if share <= 0 || t.budget.Spent() || rand.Float64() >= share || !clean && len(t.leftOut) == 0 || !e.checks.busy.CompareAndSwap(false, true) {
		return
	}
	phases, leftOut := t.completed, t.leftOut
	again := &Transaction{
		engine: e, ctx: context.Background(), id: t.id, budget: budget.New(e.policy.Budget), whole: t.whole, without: t.without, read: newTranscript(e.policy.Reading), view: t.view.Apart(), status: t.status,
		body: bytes.Clone(t.body), answer: bytes.Clone(t.answer),
	}
	// The views are the caller's memory, who serves others with it.
	request := *t.request
	request.Headers = slices.Clone(request.Headers)
	again.request = &request
	if t.response != nil {
		response := *t.response
		response.Headers = slices.Clone(response.Headers)
		again.response = &response
	}
	go func() {
		defer func() {
			e.checks.busy.Store(false)
			if e.checks.done != nil {
				e.checks.done()
			}
		}()
		f, err := again.replay(phases)
		if err != nil {
			return
		}
		if clean && (f.Verdict.Action != Pass || len(f.Matches) > 0) || !clean && f.foundBy(leftOut) {
			e.disagree(Disagreement{Findings: f})
		}
	}()
}

// leftOut are rules of a phase, by id, that Coraza has not looked at, since the screen had ruled them out.
type leftOut struct{ phase, from, to int }

// foundBy reports whether one of these rules has found something.
func (f *Findings) foundBy(rules []leftOut) bool {
	return slices.ContainsFunc(f.Matches, func(m Match) bool {
		return slices.ContainsFunc(rules, func(r leftOut) bool { return m.Phase == r.phase && r.from <= m.RuleID && m.RuleID <= r.to })
	})
}

// replay runs a message that was recorded through Coraza.
func (t *Transaction) replay(phases int) (f Findings, err error) {
	defer t.ended(&err)
	defer t.end()
	if _, err := t.catchUp(phases); err != nil {
		return Findings{}, err
	}
	return t.conclude()
}
