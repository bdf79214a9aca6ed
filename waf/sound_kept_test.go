package waf

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/waf/kept"
)

// someKept is a store in which each key has some variables of a few, by chance and the same each time.
type someKept struct{ seed uint64 }

func (s someKept) Load(k kept.Key) kept.Loaded {
	r := rand.New(rand.NewPCG(s.seed, uint64(k.Sum[0])))
	now := time.Unix(1_700_000_000, 0)
	l := kept.Loaded{Now: now, Created: now.Add(-time.Duration(r.IntN(500)) * time.Second), Updated: now.Add(-time.Duration(r.IntN(100)) * time.Second), Updates: r.Int64N(20), Variables: map[string]string{}}
	for _, name := range []string{"k1", "k2", "k3"} {
		if r.IntN(3) > 0 {
			l.Variables[name] = pick(r, []string{"0", "1", "2", "3", "a", "b", "", "7"})
		}
	}
	l.New = len(l.Variables) == 0
	return l
}

func (s someKept) Change(kept.Change) {}

// TestSoundOnKept makes policies of rules that count in collections and look at what was counted, at random:
// what is clean to the screen is so to Coraza, and both count the same.
func TestSoundOnKept(t *testing.T) {
	policies, without, clean, asked, counted := 400, 0, 0, 0, 0
	if testing.Short() {
		policies = 60
	}
	for seed := range policies {
		r := rand.New(rand.NewPCG(uint64(seed), 29))
		text := randomKept(r)
		e, err := rulesEngine(t, text, ModeBlock)
		if err != nil {
			without++
			continue
		}
		e.kept = someKept{uint64(seed)}
		for range 60 {
			m := fewWords(r)
			m.request.ClientAddr = pick(r, []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"})
			m.response.Status = pick(r, []int{200, 401})
			for r.IntN(3) == 0 {
				m.request.Headers = append(m.request.Headers, Header{Name: pick(r, []string{"X-Test", "x-test", "Cookie"}), Value: pick(r, []string{"a", "b", "a=b", "a=1; a=2"})})
			}
			if n, _ := soundness(t, e, m); n == 5 {
				clean++
			} else {
				asked++
			}
			if tx := e.Begin(t.Context(), Terms{}); !t.Failed() {
				_, err := through(tx, m, true)
				if changes := changesOf(tx); err == nil && changes != "" {
					counted++
				}
				tx.end()
			}
			if t.Failed() {
				t.Fatalf("seed %d\n%s\nrequest %s %s %s %+v\nbody %q status %d", seed, text, m.request.ClientAddr, m.request.Method, m.request.Target, m.request.Headers, m.body, m.response.Status)
			}
		}
	}
	t.Logf("%d policies, %d of them without a screen; %d requests clean, %d not; %d change what is kept", policies, without, clean, asked, counted)
	if clean == 0 || asked == 0 || counted == 0 || without*4 > policies*3 {
		t.Error("there is too little to compare")
	}
}

// randomKept are random rules of which some count.
func randomKept(r *rand.Rand) string {
	lines := strings.Split(strings.TrimSuffix(randomRules(r), "\n"), "\n")
	act := func() string {
		return pick(r, []string{
			"setvar:ip.k1=+1", "setvar:ip.k1=+1", "setvar:ip.k1=-1", "setvar:ip.k2=%{MATCHED_VAR}", "setvar:ip.k2=a", "setvar:!ip.k1", "setvar:ip.k3=%{tx.t2}",
			"setvar:global.k1=+2", "setvar:session.k1=+1", "expirevar:ip.k1=60", "deprecatevar:ip.k1=1/10", "setvar:ip.k2=%{tx.1}", "setvar:tx.t2=%{ip.k2}",
			"setvar:ip.k1=+%{ip.k2}", "setvar:ip.timeout=60", "setsid:%{REQUEST_COOKIES.a}", "initcol:user=%{MATCHED_VAR}", "setvar:user.k1=%{ARGS.a}", "setvar:tx.t1=+%{ip.k1}",
		})
	}
	target := func() string {
		return pick(r, []string{"IP:k1", "IP:k2", "&IP:k1", "IP:k3", "GLOBAL:k1", "SESSION:k1", "IP:update_counter", "IP:k1|IP:k2", "SESSIONID", "USER:k1", "IP:is_new", "REQUEST_HEADERS:X-Test", "REQUEST_COOKIES:a"})
	}
	var out []string
	out = append(out, `SecAction "id:100,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},initcol:global=all"`)
	for i, line := range lines {
		directive, rest, _ := strings.Cut(line, " ")
		if directive == "SecMarker" {
			out = append(out, line)
			continue
		}
		if directive == "SecRule" && r.IntN(3) == 0 {
			_, rest, _ = strings.Cut(rest, " ")
			line = "SecRule " + target() + " " + rest
		}
		for r.IntN(2) == 0 {
			if at := strings.LastIndexByte(line, '"'); strings.Count(line, `"`) > 2 || directive == "SecAction" {
				line = line[:at] + "," + act() + line[at:]
			}
		}
		chained := i > 0 && strings.Contains(lines[i-1], "chain")
		if !chained && strings.Contains(line, "phase:5") && r.IntN(2) == 0 {
			out = append(out, fmt.Sprintf(`SecRule RESPONSE_STATUS "@streq 401" "id:%d,phase:5,pass,nolog,setvar:ip.k1=+1,expirevar:ip.k1=5"`, 200+i))
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n") + "\n"
}
