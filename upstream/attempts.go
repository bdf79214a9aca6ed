package upstream

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream/health"
)

// Retries say what is tried again, and how much of it.
type Retries struct {
	Attempts int                   // how often a request that was sent is sent again, at most
	Unwanted func(status int) bool // of responses to idempotent requests that are not taken while another endpoint can be asked; nil: none
	Share    int                   // of the requests of the last seconds, in percent, that is tried again
	Least    int                   // that may be tried again at a time, however few there are
}

// spent is how much of a request an attempt that failed has used up.
type spent int

const (
	// nothing: the endpoint has not begun with it, so that it may be sent again whatever it is.
	nothing spent = iota
	// missed: likewise, since a connection that had been idle was closed by then. That is ordinary.
	missed
	// stale: a connection that had been idle ended without a byte of an answer. That is ordinary, too.
	stale
	// sent: one that was new did.
	sent
	// spentAll: there was an answer, somebody has waited too long, or the body is gone.
	spentAll
)

// attempts are those of one exchange.
type attempts struct {
	pool    *Pool
	out     *message.Request
	x       *Exchange
	list    []member
	now     time.Time
	connect time.Duration // left for opening connections, all of them together
	resent  int           // attempts behind one in which the request was sent
	holds   bool          // a place in the budget
	at      int           // the member that is asked
	turn    health.Turn   // of it
	same    bool          // the member that was asked last is asked again, on another connection
	failed  error         // what the next attempt covers up
	busy    bool          // somebody had no connection free
}

// run asks one endpoint after the other until there is a response, or nothing more to try.
func (a *attempts) run() error {
	a.now = time.Now()
	defer a.end()
	failed := ErrNone
	for a.choose() {
		e := a.list[a.at].endpoint
		a.x.retried(a.x.Endpoint, a.failed)
		a.x.Endpoint = e.addr
		within, err := a.within()
		if err != nil {
			e.state.Note(a.turn, health.Nothing)
			return err
		}
		used, err := nothing, ErrBusy
		if a.enter(e) {
			used, err = a.pool.ask(e, a.same, within, a.out, a.x)
		}
		a.x.left = a.x.left || err != nil && !errors.Is(err, ErrBusy)
		took := time.Since(a.now)
		e.state.Note(a.turn, outcome(a.out, a.x, took, used, err))
		if len(a.list) > 1 {
			e.timed(a.now.Add(took), took, a.out, a.x, err)
		}
		switch {
		case err == nil && !a.dislikes():
			return nil
		case err == nil:
			failed = a.drop()
		case a.x.stays && errors.Is(err, ErrBusy) && a.belongs():
			a.x.own = e
			return ErrBusy
		case a.again(used, err):
			failed = err
		default:
			return a.verdict(used, err)
		}
	}
	return a.verdict(nothing, failed)
}

// choose says who is asked next, and whether there is anybody. The same endpoint may have been ejected meanwhile.
func (a *attempts) choose() (ok bool) {
	if a.same {
		if a.turn, ok = a.list[a.at].state.Take(); ok {
			return true
		}
		a.same = false
	}
	a.at, a.turn, ok = a.pool.next(a.now, a.list, a.x)
	return ok
}

// others reports whether there is anybody to ask who has not been asked.
func (a *attempts) others() bool {
	if a.x.tried.Len() >= len(a.list) {
		return false
	}
	for i := range a.list {
		if a.list[i].state.Available() && !a.x.tried.Has(i) {
			return true
		}
	}
	return false
}

// within is how long the next attempt may take. While there is somebody else to ask, opening a connection may take half of
// what is left for that: so there is an answer within Config.Connect however many endpoints swallow what they are sent.
func (a *attempts) within() (w limit, err error) {
	w = limit{connect: a.connect, until: a.x.Deadline, careful: !repeatable(a.out), placed: a.x.placed}
	if a.others() {
		w.connect = max(w.connect/2, leastConnect) // none at all would be no limit
	}
	if w.until.IsZero() {
		return w, nil
	}
	left := w.until.Sub(a.now)
	if left <= 0 {
		return w, &exchangeError{a.x.Endpoint, ErrTimeout, os.ErrDeadlineExceeded}
	}
	w.connect = min(w.connect, left)
	return w, nil
}

// again decides whether another attempt follows one that has failed, and prepares it.
func (a *attempts) again(used spent, err error) bool {
	began, twice := a.now, a.same
	a.now, a.same = time.Now(), false
	switch {
	case errors.Is(err, ErrBusy):
		a.busy = true
		return true
	case used == spentAll, used > missed && !repeatable(a.out), a.pool.ctx.Err() != nil:
		return false
	case (used == missed || used == stale) && !twice:
		a.same = true
		a.failed = err
		return true
	case errors.As(err, new(*ConnectError)):
		if a.connect -= a.now.Sub(began); a.connect < leastConnect || !a.others() {
			return false
		}
	case a.resent >= a.pool.retries.Attempts, FailureOf(err) == Unwelcome && !a.others():
		return false
	default:
		a.resent++
		if a.same = !a.others(); a.same && used > missed && (twice || len(a.list) > 1) {
			return false
		}
	}
	if !a.permitted() {
		return false
	}
	a.failed = err
	return true
}

// leastConnect is what opening a connection is tried with.
const leastConnect = time.Millisecond

// permitted asks the budget for one more attempt.
func (a *attempts) permitted() bool {
	if a.holds {
		a.pool.budget.give()
	}
	a.holds = a.pool.budget.take(a.now)
	a.x.Unaffordable = !a.holds
	return a.holds
}

func (a *attempts) end() {
	if a.holds {
		a.pool.budget.give()
	}
}

// dislikes reports whether the response is not taken, and another endpoint asked.
func (a *attempts) dislikes() bool {
	r := &a.pool.retries
	if r.Unwanted == nil || !r.Unwanted(a.x.Response.Status) || !repeatable(a.out) || !a.others() || a.resent >= r.Attempts {
		return false
	}
	a.now = time.Now()
	return !expired(a.x.Deadline) && a.permitted()
}

// drop drops a response that is not taken.
func (a *attempts) drop() error {
	a.resent++
	a.same = false
	a.failed = &knownError{Unwanted, fmt.Errorf("status %d", a.x.Response.Status)}
	if a.x.Body != nil {
		_ = a.x.Body.Close()
	}
	a.x.Body, a.x.Response.Body, a.x.stream = nil, message.Body{}, nil
	return a.failed
}

// verdict is the error that is told: of several reasons, the one that will pass.
func (a *attempts) verdict(used spent, err error) error {
	switch {
	case used > missed:
		return err
	case a.busy:
		return ErrBusy
	case !errors.Is(err, ErrNone) && expired(a.x.Deadline):
		return &exchangeError{a.x.Endpoint, ErrTimeout, err}
	}
	return err
}

// retried tells that another attempt covers up what one has failed with.
func (x *Exchange) retried(endpoint string, err error) {
	if err == nil {
		return
	}
	x.Again++
	if x.Retried != nil {
		x.Retried(endpoint, FailureOf(err))
	}
}

// Result is what came of a request of which an attempt has failed, in a word, when Do has returned err; empty: none has, or
// another one was out of the question.
func (x *Exchange) Result(err error) string {
	switch {
	case x.Unaffordable:
		return "no_budget"
	case x.Again == 0:
		return ""
	case err != nil:
		return "failed"
	}
	return "answered"
}

// repeatable reports whether out may be sent again although an endpoint may have worked on it.
func repeatable(out *message.Request) bool {
	if out.Body.Stream != nil {
		return false
	}
	switch out.Method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}

func expired(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }
