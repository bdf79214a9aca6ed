package waf

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestNothingCrosses holds that what was found in a request stays what it is when the memory of the request
// serves others: values share it while rules run.
func TestNothingCrosses(t *testing.T) {
	e := mustEngine(t, func(p *Policy) {
		p.ScreenVerify = 0.5
		p.RulesBefore = []RuleText{{Source: "own", Text: `
			SecRule ARGS:own|ARGS:json.own|XML:/* "@unconditionalMatch" "id:10000,phase:2,pass,log,msg:'%{MATCHED_VAR}'"
			SecRule ARGS:own|ARGS:json.own|XML:/* "@unconditionalMatch" "id:10001,phase:2,pass,log,msg:'found %{MATCHED_VAR}'"`}}
	})
	if err := e.NoScreen(); err != nil {
		t.Fatal(err)
	}
	e.OnDisagreement(func(d Disagreement) { t.Errorf("the screen is wrong: %+v", d) })
	var all sync.WaitGroup
	for client := range 8 {
		all.Go(func() {
			found := map[string]Findings{}
			for i := range 50 {
				nonce := fmt.Sprintf("nonce-%d-%d-", client, i)
				r, body := carrying(i, nonce)
				found[nonce] = send(t, e, r, []byte(body))
			}
			for nonce, f := range found {
				for _, m := range f.Matches {
					if own := m.RuleID == 10000 || m.RuleID == 10001; own && (len(m.Targets) == 0 ||
						!strings.Contains(m.Message, nonce) || !strings.Contains(m.Targets[0].Value, nonce)) {
						t.Errorf("%s: rule %d says %q about %q", nonce, m.RuleID, m.Message, m.Targets)
					}
				}
			}
		})
	}
	all.Wait()
}

// carrying is a request that has the nonce in a value that has to be decoded, so that it is in memory of the
// reading's own; the sixth is clean.
func carrying(i int, nonce string) (r *Request, body string) {
	switch i % 6 {
	case 0:
		body = "own=%61" + nonce
		r = post("/", "application/x-www-form-urlencoded", body)
	case 1:
		body = `{"own":"\t` + nonce + strings.Repeat(`","x":"y`, i) + `"}`
		r = post("/", "application/json", body)
	case 2:
		body = "<own>&#97;" + nonce + "</own>"
		r = post("/", "text/xml", body)
	case 3:
		body = "--X\r\nContent-Disposition: form-data; name=\"own\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=61" +
			nonce + "\r\n--X--\r\n"
		r = post("/", "multipart/form-data; boundary=X", body)
	case 4:
		r = get("/?own=%61"+nonce, Header{Name: "Cookie", Value: "a=%61" + nonce})
	default:
		r = get("/?a=b&c=%20d")
	}
	return r, body
}

// send sends a request as a proxy would, and overwrites its body then.
func send(t *testing.T, e *Engine, r *Request, body []byte) Findings {
	tx := e.Begin(t.Context(), Terms{ID: "id"})
	v, err := tx.RequestHead(r)
	if err == nil && !v.Blocks() {
		_, err = tx.RequestBody(body, true)
	}
	if err != nil {
		t.Error(err)
	}
	f, err := tx.Finish()
	if err != nil {
		t.Error(err)
	}
	for i := range body {
		body[i] = '#'
	}
	return f
}
