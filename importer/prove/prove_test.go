package prove

import (
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/importer"
)

// snippet excludes an argument, and rules at a path; it has a rule of its own, and one that Coraza does not take.
const snippet = `SecRuleEngine On
SecRuleUpdateTargetById 942100 "!ARGS:/^(q|search)$/"
SecRuleUpdateTargetByTag attack-sqli "!ARGS:/^(q|search)$/"
SecRule REQUEST_URI "@beginsWith /import" "id:1001,phase:1,pass,nolog,ctl:ruleRemoveByTag=attack-xss"
SecRule REQUEST_URI "@beginsWith /closed" "id:1002,phase:1,deny"
SecRule REMOTE_ADDR "@nowhere" "id:1003,phase:1,deny"
SecRuleRemoveById 949110
`

func prove(t *testing.T, d *importer.Draft, judges []*old, tier, plain bool) *Proof {
	t.Helper()
	always := func(stops bool) Ask {
		return func(request []byte) (bool, []int, error) {
			if !strings.Contains(string(request), " HTTP/1.1\r\n") {
				t.Errorf("%q is no request", request)
			}
			return stops, nil, nil
		}
	}
	p := &Proof{Policy: "shop"}
	if err := p.run(&Subject{Host: "shop.example.com", Draft: d, New: always(tier), Plain: always(plain)}, judges, 120); err != nil {
		t.Fatal(err)
	}
	if p.Stopped < 10 || p.Let < 1 || p.NoExclusionsHit {
		t.Errorf("%d attacks are stopped, %d let through: too few to say something", p.Stopped, p.Let)
	}
	if len(p.Skipped) != 1 || p.Skipped[0].At != "snippet line 6" {
		t.Errorf("skipped: %v", p.Skipped)
	}
	return p
}

// TestRun: a tier that stops everything stops what exclusions let through, one that stops nothing loses all attacks.
func TestRun(t *testing.T) {
	d := importer.Read([]importer.Text{{Name: "snippet", Line: 1, Text: snippet}}, importer.Options{ID: "shop", CRS: true})
	judges, err := judgesOf(d)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dismiss(judges); err != nil {
			t.Error(err)
		}
	}()
	if p := prove(t, d, judges, true, true); len(p.Lost) != 0 || len(p.Blocked) != p.Let {
		t.Errorf("a tier that stops all: %d lost, %d of %d stopped", len(p.Lost), len(p.Blocked), p.Let)
	}
	if p := prove(t, d, judges, false, true); len(p.Lost) != p.Stopped || len(p.Blocked) != 0 || !p.Differs() {
		t.Errorf("a tier that stops nothing: %d of %d lost, %d stopped", len(p.Lost), p.Stopped, len(p.Blocked))
	}
	// What the tier decides otherwise with settings alone is no fault of the import, but for rules of one's own.
	p := prove(t, d, judges, false, false)
	if len(p.Design) == 0 || len(p.Design) == p.Stopped {
		t.Errorf("%d of %d pass by design", len(p.Design), p.Stopped)
	}
	for _, d := range p.Lost {
		if !strings.HasPrefix(d.Attack.Target, "/closed") {
			t.Errorf("%s is lost, not by design", d.Attack.Target)
		}
	}
	var b strings.Builder
	p.Write(&b)
	if lines := strings.Count(b.String(), "\n"); lines < 3 || lines > 3+3*(shown+1) {
		t.Errorf("%d lines:\n%s", lines, b.String())
	}
}

// What exclusions let through, and the tier stops by rules of which they do not speak, is no fault of the import.
func TestOthers(t *testing.T) {
	f := func(old, tier, plain []int, want bool) {
		t.Helper()
		if d := (Difference{Old: old, New: tier}); d.others(plain) != want {
			t.Errorf("old rules %v, the tier's %v, with settings alone %v: want %v", old, tier, plain, want)
		}
	}
	f([]int{933100}, []int{932260, 949110}, []int{932260, 933100, 949110}, true)
	f([]int{933100, 932260}, []int{932260, 949110}, []int{932260, 933100, 949110}, false) // narrower than the old exclusion
	f([]int{933100}, []int{932260, 933100, 949110}, []int{932260, 933100, 949110}, false) // not carried
	f([]int{933100}, []int{100001}, []int{933100, 949110}, false)                         // an own rule
	f([]int{933100}, []int{949110}, []int{933100, 949110}, false)
	f([]int{933100}, nil, nil, false)
}

func TestSample(t *testing.T) {
	for expr, want := range map[string]string{
		"^(q|search)$": "q", "^/api/v[0-9]+/x$": "/api/v0/x", `^item_\d{2}$`: "item_00", "a.*b": "ab", "(": "", `\bx`: "x",
	} {
		if got := sample(expr); got != want {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
}
