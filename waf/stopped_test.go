package waf

import (
	"errors"
	"strings"
	"testing"
)

// TestStopIf has inspections stopped at one of their first looks at the clock, with and without a screen:
// they end without a verdict, keep what they have found, and ask nobody again.
func TestStopIf(t *testing.T) {
	form := []byte("q=" + strings.Repeat("select+1+from+dual+where+1%3D1+", 20000))
	for _, screenOff := range []bool{false, true} {
		e := mustEngine(t, func(p *Policy) { p.ScreenOff = screenOff })
		for stopAt := range 4 {
			asked := 0
			tx := e.Begin(t.Context(), Terms{ID: "id", Gone: func() bool { asked++; return asked > stopAt }})
			r := post("/search", "application/x-www-form-urlencoded", string(form))
			_, err := through(tx, &message{request: r, body: form, response: &benchResponse}, true)
			if !tx.budget.Stopped() || !tx.budget.Spent() {
				t.Fatalf("screen off: %v: not stopped after %d questions: %v", screenOff, asked, err)
			}
			if asked != stopAt+1 {
				t.Errorf("screen off: %v: asked %d times, stopped at %d", screenOff, asked, stopAt+1)
			}
			if err != nil && !errors.Is(err, ErrGone) {
				t.Errorf("screen off: %v: %v", screenOff, err)
			}
			if f, err := tx.Finish(); err != nil || f.Verdict.Blocks() {
				t.Errorf("screen off: %v: finished with %+v, %v", screenOff, f.Verdict, err)
			}
		}
	}
}
