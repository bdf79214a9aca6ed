package waf

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/corpus"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// TestLevels compares policies that are compiled without what their paranoia levels rule out with the same
// ones compiled from all of CRS: verdicts, scores, rules and texts are the same.
func TestLevels(t *testing.T) {
	attacks, err := corpus.Attacks()
	if err != nil {
		t.Fatal(err)
	}
	var requests []corpus.Request
	for i := 0; i < len(attacks); i += 97 {
		requests = append(requests, attacks[i])
	}
	for _, kind := range []string{"get", "checkout", "comment"} {
		ordinary, err := corpus.Ordinary(kind, 8)
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, ordinary...)
	}
	for _, tt := range []struct {
		blocking, detection, reporting int
		change                         func(*Policy)
	}{
		{1, 1, 4, nil},
		{1, 3, 4, nil},
		{2, 2, 2, func(p *Policy) { p.EarlyBlocking = true }},
		{3, 3, 5, func(p *Policy) {
			p.CRS = CRS{CriticalAnomalyScore: 7, EnforceBodyprocURLEncoded: true}
		}},
		{4, 4, 1, func(p *Policy) { p.Mode = ModeDetect }},
	} {
		t.Run(fmt.Sprintf("%d-%d", tt.blocking, tt.detection), func(t *testing.T) {
			t.Parallel()
			change := func(p *Policy) {
				p.BlockingParanoia, p.DetectionParanoia, p.ReportingLevel, p.ScreenOff = tt.blocking, tt.detection, tt.reporting, true
				if tt.change != nil {
					tt.change(p)
				}
			}
			less := mustEngine(t, change)
			all := mustEngine(t, change, func(p *Policy) {
				p.RulesAfter = []RuleText{{Source: "own", Text: `SecAction "id:1000001,phase:1,pass,nolog"`}}
			})
			if less.Rules() >= all.Rules() {
				t.Errorf("%d rules, of %d", less.Rules(), all.Rules())
			}
			for i := range requests {
				m := fromCorpus(&requests[i])
				if got, want := foundIn(t, less, m), foundIn(t, all, m); got != want {
					t.Errorf("%s:\n%s\nwith all rules:\n%s", requests[i].Source, got, want)
				}
			}
		})
	}
}

// foundIn is what an engine says of a message. Coraza goes through maps in random order, so rules are sorted.
func foundIn(t *testing.T, e *Engine, m *message) string {
	t.Helper()
	own := *m // others run at the same time, and the spelling of a response's media type changes
	if m.response != nil {
		response := *m.response
		response.Headers = slices.Clone(response.Headers)
		own.response = &response
	}
	tx := e.Begin(t.Context(), Terms{ID: "id"})
	v, err := through(tx, &own, true)
	f, ferr := tx.Finish()
	if err != nil || ferr != nil {
		t.Fatal(err, ferr)
	}
	var rules []string
	for _, r := range f.Matches {
		text := r.Message
		if strings.Contains(text, "%{") || r.RuleID/1000 != 980 {
			text = ""
		}
		rules = append(rules, fmt.Sprint(r.RuleID, r.Phase, r.Score, r.Severity, text))
	}
	slices.Sort(rules)
	return fmt.Sprint(v, f.Verdict, f.InboundScore, f.OutboundScore, rules)
}

// TestLevelsOfCRS is about what the text of CRS has to look like: what stands behind a question about a
// level and is taken out with it runs in no other phase than those that the questions stand for.
func TestLevelsOfCRS(t *testing.T) {
	names, err := fs.Glob(rules(), crsFolder+"/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	phase := regexp.MustCompile(`\bphase:(\d)`)
	guards := 0
	for _, name := range names {
		text, err := fs.ReadFile(rules(), name)
		if err != nil {
			t.Fatal(err)
		}
		asked := map[string]bool{}
		for s := range seclang.Spans(string(text)) {
			flat := s.Text
			switch m := phase.FindStringSubmatch(flat); {
			case guardRx.MatchString(flat):
				asked[m[1]] = true
				guards++
			case strings.Contains(flat, "PARANOIA_LEVEL") && strings.HasPrefix(flat, "SecRule TX:") && !scoreAt.MatchString(flat):
				t.Errorf("%s asks about a level in another form: %s", name, flat)
			case len(asked) > 0 && m != nil && !asked[m[1]]:
				t.Errorf("%s: phase %s is not asked about: %s", name, m[1], flat)
			}
		}
		for level := 1; level <= 4; level++ {
			left := levels{blocking: level, detection: level}.cut(string(text), nil)
			if strings.Contains(left, "DETECTION_PARANOIA_LEVEL \"@lt") || strings.Contains(left, fmt.Sprintf("paranoia-level/%d", level+1)) {
				t.Errorf("%s: something of level %d is left at level %d", name, level+1, level)
			}
			if level == 4 && strings.Count(left, "paranoia-level/4") != strings.Count(string(text), "paranoia-level/4") {
				t.Errorf("%s: something of level 4 is missing", name)
			}
		}
	}
	if guards < 150 {
		t.Errorf("only %d questions about levels are found", guards)
	}
}

// TestLevelsKept is about policies that name something that would be taken out.
func TestLevelsKept(t *testing.T) {
	for _, tt := range []struct {
		name   string
		all    bool
		change func(*Policy)
	}{
		{"nothing", false, func(*Policy) {}},
		{"a rule of its level", false, func(p *Policy) { p.Exclusions = []Exclusion{{RuleIDs: "942100"}} }},
		{"a rule above it", true, func(p *Policy) { p.Exclusions = []Exclusion{{RuleIDs: "942130", Target: "ARGS:q"}} }},
		{"a range", true, func(p *Policy) { p.Exclusions = []Exclusion{{RuleIDs: "942100-942190"}} }},
		{"a tag of its level", false, func(p *Policy) { p.Exclusions = []Exclusion{{Tag: "attack-sqli"}} }},
		{"a tag above it", true, func(p *Policy) { p.Exclusions = []Exclusion{{Tag: "paranoia-level/3"}} }},
		{"below a path", true, func(p *Policy) { p.Exclusions = []Exclusion{{RuleIDs: "942130", Path: "/a"}} }},
		{"own rules", true, func(p *Policy) {
			p.RulesBefore = []RuleText{{Source: "own", Text: `SecAction "id:1000001,phase:1,pass,nolog"`}}
		}},
	} {
		e := mustEngine(t, func(p *Policy) { p.ScreenOff = true }, tt.change)
		if p := testPolicy(tt.change); (p.crsFolder() == crsFolder) != tt.all || (e.Rules() > 400) != tt.all {
			t.Errorf("%s: %d rules, from %s", tt.name, e.Rules(), p.crsFolder())
		}
	}
}
