package waf

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

// TestSoundOnRandomRules makes policies of rules that read what others set, count, capture,
// skip and take each other out, at random, and requests of the few words that matter to them.
func TestSoundOnRandomRules(t *testing.T) {
	policies, without, clean, asked := 400, 0, 0, 0
	if testing.Short() {
		policies = 60
	}
	for seed := range policies {
		r := rand.New(rand.NewPCG(uint64(seed), 23))
		text := randomRules(r)
		e, err := rulesEngine(t, text, ModeBlock)
		if err != nil {
			without++
			continue
		}
		for range 60 {
			m := fewWords(r)
			if n, _ := soundness(t, e, m); n == 5 {
				clean++
			} else {
				asked++
			}
			if t.Failed() {
				t.Fatalf("seed %d\n%s\nrequest %s %s %+v\nbody %q", seed, text, m.request.Method, m.request.Target, m.request.Headers, m.body)
			}
		}
	}
	t.Logf("%d policies, %d of them without a screen; %d requests clean, %d not", policies, without, clean, asked)
	if clean == 0 || asked == 0 || without*4 > policies*3 {
		t.Error("there is too little to compare")
	}
}

func randomRules(r *rand.Rand) string {
	var b strings.Builder
	n := 3 + r.IntN(6)
	for id := 1; id <= n; id++ {
		if r.IntN(6) == 0 {
			fmt.Fprintf(&b, "SecMarker END%d\n", r.IntN(2))
		}
		links := 1 + max(0, r.IntN(5)-2)
		for i := range links {
			var actions []string
			if i == 0 {
				actions = append(actions, fmt.Sprintf("id:%d,phase:%d", id, pick(r, []int{1, 1, 2, 2, 2, 3, 5})),
					pick(r, []string{"pass,nolog", "pass,nolog", "pass,nolog", "pass,log", "deny,log", "deny,nolog"}))
				if r.IntN(8) == 0 {
					actions = append(actions, pick(r, []string{"skip:1", "skipAfter:END0", "skipAfter:END1"}))
				}
			}
			if r.IntN(3) == 0 {
				actions = append(actions, "t:none", pick(r, []string{"t:lowercase", "t:uppercase", "t:trim", "t:hexEncode", "t:lowercase,t:removeWhitespace", "t:length"}))
			}
			if r.IntN(4) == 0 {
				actions = append(actions, pick(r, []string{"capture", "capture", "multiMatch"}))
			}
			for r.IntN(2) == 0 {
				actions = append(actions, pick(r, []string{
					"setvar:tx.t1=1", "setvar:tx.t1=+1", "setvar:tx.t2=%{MATCHED_VAR}", "setvar:tx.t2=a", "setvar:!tx.t1", "setvar:tx.t2=%{tx.1}",
					"setvar:tx.t_%{MATCHED_VAR_NAME}=1", "setvar:tx.t1=-1", "setvar:tx.t3=%{tx.t2}", "setvar:tx.t2=%{ARGS.a}",
					fmt.Sprint("ctl:ruleRemoveById=", 1+r.IntN(n)), fmt.Sprintf("ctl:ruleRemoveTargetById=%d;%s", 1+r.IntN(n), pick(r, []string{"ARGS:a", "ARGS", "TX:t1"})),
				}))
			}
			if i+1 < links {
				actions = append(actions, "chain")
			}
			if r.IntN(9) == 0 {
				if len(actions) == 0 {
					actions = append(actions, "nolog")
				}
				fmt.Fprintf(&b, "SecAction \"%s\"\n", strings.Join(actions, ","))
				continue
			}
			targets := []string{
				"ARGS", "ARGS:a", "ARGS_NAMES", "&ARGS", "&ARGS:a", "REQUEST_HEADERS:X-Test", "TX:t1", "TX:t2", "TX:/^t/", "&TX:t1", "&TX:t2",
				"REQUEST_METHOD", "REQUEST_URI", "ARGS|!ARGS:b", "ARGS_POST", "REQUEST_COOKIES", "TX:t3", "ARGS|REQUEST_HEADERS",
			}
			if i > 0 || r.IntN(20) == 0 {
				targets = append(targets, "MATCHED_VAR", "MATCHED_VAR", "MATCHED_VARS", "MATCHED_VAR_NAME", "TX:0", "TX:1", "MATCHED_VARS_NAMES", "TX:2")
			}
			operator := pick(r, []string{
				"@rx a", "@rx ^(a)(b)?", "!@rx ^a", "@streq a", "@contains b", "@eq 1", "@ge 2", "@lt 2", "@eq 0", "@within a b ab", "!@streq b", "@pm a zz",
				"@unconditionalMatch", "@streq %{tx.t2}", "@contains %{MATCHED_VAR}", "@rx ^.?b$", "@streq ARGS:a", "@gt %{tx.t1}", "@beginsWith %{tx.1}", "!@pm b", "@rx A",
			})
			fmt.Fprintf(&b, "SecRule %s \"%s\"", pick(r, targets), operator)
			if len(actions) > 0 {
				fmt.Fprintf(&b, " \"%s\"", strings.Join(actions, ","))
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString("SecMarker END0\nSecMarker END1\n")
	return b.String()
}

func fewWords(r *rand.Rand) *message {
	word := func() string {
		return pick(r, []string{"a", "b", "ab", "", "1", "2", "+1", "A", "a b", "t1", "tx", "ba", "-1"})
	}
	form := func() string {
		var pairs []string
		for range r.IntN(4) {
			pairs = append(pairs, pick(r, []string{"a", "a", "b", "A", "c", "t1"})+"="+url.QueryEscape(word()))
		}
		return strings.Join(pairs, "&")
	}
	m := &message{request: get("/" + pick(r, []string{"", "a", "b"}) + "?" + form())}
	if r.IntN(2) == 0 {
		m.body = []byte(form())
		m.request = post(m.request.Target, "application/x-www-form-urlencoded", string(m.body))
	}
	if r.IntN(2) == 0 {
		m.request.Headers = append(m.request.Headers, Header{Name: "X-Test", Value: word()}, Header{Name: "Cookie", Value: "a=" + word()})
	}
	res := *plainResponse
	m.response = &res
	return m
}
