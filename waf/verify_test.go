package waf

import "testing"

// The caller uses a request's memory again as soon as the transaction has finished. A check
// that runs then has to have its own.
func TestVerifyKeepsItsRequest(t *testing.T) {
	e := mustEngine(t, func(p *Policy) { p.ScreenVerify = 1 })
	e.OnDisagreement(func(d Disagreement) { t.Errorf("disagreement: %+v", d) })
	done := make(chan struct{})
	e.checks.done = func() { close(done) }

	r := get("/a?b=c")
	tx := e.Begin(t.Context(), Terms{ID: "id-1", Gate: closed{}})
	if !passed(tx.RequestHead(r)) || !passed(tx.RequestBody(nil, true)) {
		t.Fatalf("the screen asks for %+v", tx.asked)
	}
	if _, err := tx.Finish(); err != nil {
		t.Fatal(err)
	}
	for i := range r.Headers { // the next request's
		r.Headers[i] = Header{Name: "X-Attack", Value: "() { :; }; /bin/cat /etc/passwd"}
	}
	<-done
	if !e.Screening() {
		t.Error("the screen has been switched off")
	}
}
