package waf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"github.com/corazawaf/coraza/v3/experimental"
	"github.com/wafer-waf/wafer/waf/screen"
)

// errScreenOff says that a policy does without a screen by choice.
var errScreenOff = errors.New("screen: off")

// compileScreen makes the engine's screen. A policy whose text the screen does not
// understand has none, which NoScreen tells; it is as safe as with one, and slower.
func (e *Engine) compileScreen(c *screen.Compiler, phases map[int]int) {
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

// Disagreement is a message that the screen found clean and that Coraza has findings about, or
// a failure of the screen itself.
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

// Clean reports whether everything so far was clean to the screen, so that Coraza was not
// asked.
func (t *Transaction) Clean() bool { return t.run != nil }

// Screened reports whether there was a screen to ask.
func (t *Transaction) Screened() bool { return t.screenAsked }

// Reason is why Coraza was asked although there is a screen. The value in it is unmasked.
type Reason = screen.Reason

// Asked is why Coraza was asked although there is a screen.
func (t *Transaction) Asked() Reason { return t.asked }

// screened asks the screen about the next phase, if everything was clean so far.
func (t *Transaction) screened(phase int, ask func() bool) (clean bool) {
	if t.run == nil {
		return false
	}
	defer func() {
		if r := recover(); r != nil {
			clean = false
			t.run = nil // and not used again
			t.engine.disagree(Disagreement{Panic: &PanicError{Value: r, Stack: debug.Stack()}})
		}
	}()
	if ask() {
		t.completed = min(phase, 4)
		return true
	}
	t.asked = t.run.Reason()
	t.asked.Value = string([]byte(t.asked.Value)) // the run's memory is used again
	t.run.End()
	t.run = nil
	return false
}

// begin makes Coraza's transaction.
func (t *Transaction) begin() {
	if t.run != nil {
		t.run.End()
		t.run = nil
	}
	if t.tx == nil {
		t.tx = t.engine.opts.NewTransactionWithOptions(experimental.Options{ID: t.id, Context: t.ctx})
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

// verifier sends a share of the clean messages through Coraza as well.
type verifier struct {
	report func(Disagreement)
	busy   atomic.Bool // one check at a time: checks must not become the load
	done   func()      // for tests: after each check
}

// verify has the transaction, which was clean, checked with the policy's probability, after
// the response and in a goroutine of its own.
func (e *Engine) verify(t *Transaction) {
	share := e.policy.ScreenVerify
	if share <= 0 || rand.Float64() >= share || !e.checks.busy.CompareAndSwap(false, true) {
		return
	}
	request := *t.request
	request.Headers = slices.Clone(request.Headers) // the caller's memory, who serves others with it
	again := &Transaction{
		engine: e, ctx: context.Background(), id: t.id, request: &request, whole: t.whole, response: t.response,
		body: bytes.Clone(t.body), answer: bytes.Clone(t.answer),
	}
	phases := t.completed
	go func() {
		defer func() {
			e.checks.busy.Store(false)
			if e.checks.done != nil {
				e.checks.done()
			}
		}()
		if f, err := again.replay(phases); err == nil && (f.Verdict.Action != Pass || len(f.Matches) > 0) {
			e.disagree(Disagreement{Findings: f})
		}
	}()
}

// replay runs a message that was recorded through Coraza.
func (t *Transaction) replay(phases int) (f Findings, err error) {
	defer recovered(&err)
	if _, err := t.catchUp(phases); err != nil {
		return Findings{}, err
	}
	return t.conclude()
}
