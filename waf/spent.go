package waf

import (
	"errors"
	"io"

	"github.com/corazawaf/coraza/v3/debuglog"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/wafer-waf/wafer/waf/budget"
	"github.com/wafer-waf/wafer/waf/kept"
)

// ErrBudget says that an inspection has cost what its policy allows, and has ended without a verdict.
var ErrBudget = errors.New("the inspection has cost more than its budget")

// ErrGone says that an inspection has ended without a verdict, since nobody waited for one any more.
var ErrGone = errors.New("nobody waits for the verdict any more")

// overBudget is why an inspection has ended whose budget is spent.
func (t *Transaction) overBudget() error {
	if t.budget.Stopped() {
		return ErrGone
	}
	return ErrBudget
}

// outOfBudget is what ends an inspection from within Coraza, whose rules know no other end than their
// own. It is a panic, and not an operator that says no from then on: for rules that ask for the contrary
// (!@rx) that would be a match, and all transformations would go on.
type outOfBudget struct{}

// purse is how Wafer's operators and actions find what their transaction has, its budget and its view of collections: Coraza makes a logger for each
// transaction, and hands it out to whoever has the transaction. It logs what it would have logged.
type purse struct {
	debuglog.Logger
	budget *budget.Budget // nil: of no transaction yet
	view   *kept.View     // what its rules see of collections; nil: nothing
}

// With makes the logger of a transaction. That of a chained rule is the transaction's.
func (p *purse) With(fields ...debuglog.ContextField) debuglog.Logger {
	if p.budget != nil && !p.Debug().IsEnabled() {
		return p
	}
	return &purse{p.Logger.With(fields...), p.budget, p.view}
}

// WithOutput is what the directive SecDebugLog asks for.
func (p *purse) WithOutput(w io.Writer) debuglog.Logger {
	return &purse{p.Logger.WithOutput(w), p.budget, p.view}
}

// WithLevel is what a rule that changes the level of logging asks for.
func (p *purse) WithLevel(l debuglog.Level) debuglog.Logger {
	return &purse{p.Logger.WithLevel(l), p.budget, p.view}
}

// fund gives Coraza's transaction its budget, and what it sees of collections.
func (t *Transaction) fund() {
	if p, ok := t.state().DebugLogger().(*purse); ok {
		p.budget, p.view = &t.budget, t.view
	}
}

// spend takes what an operator is about to do from the budget of its transaction. steps is the number of
// bytes it looks at, by what one of them costs.
func spend(tx plugintypes.TransactionState, steps int) *budget.Budget {
	p, ok := tx.DebugLogger().(*purse)
	if !ok {
		return nil // a test of Coraza by itself
	}
	if !p.budget.Spend(steps + perEvaluation) {
		panic(outOfBudget{})
	}
	return p.budget
}

// logging runs the rules of phase 5, as far as the budget goes: what was found before counts in any case.
func (t *Transaction) logging() {
	defer func() {
		if t.budget.Spent() {
			_ = recover()
		}
	}()
	if !t.budget.Spent() {
		t.tx.ProcessLogging()
	}
}

// perEvaluation is what the way to an operator costs, in steps: the rule, its target, a transformation.
const perEvaluation = 256
