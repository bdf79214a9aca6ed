package residue

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/wafer-waf/wafer/waf/screen/dfa"
	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

// setup is what the rules of each test stand behind.
const setup = `SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 1048577
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecDefaultAction "phase:3,log,auditlog,pass"
SecDefaultAction "phase:4,log,auditlog,pass"
SecDefaultAction "phase:5,log,auditlog,pass"
SecAction "id:900000,phase:1,pass,nolog,setvar:tx.crs_setup_version=4250"
`

const paranoiaLevels = `SecAction "id:900001,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d"`

// compileText compiles rules that stand behind the setup.
func compileText(text string) ([]*Rule, error) {
	program, err := seclang.Parse(coreruleset.FS, []seclang.Text{{Source: "setup", Text: setup}, {Source: "rules", Text: text}})
	if err != nil {
		return nil, err
	}
	return NewCompiler(coreruleset.FS, dfa.NewBudget(16<<20)).Compile(program)
}

// TestParanoia is for what folding leaves of the Core Rule Set: at each level all rules of this
// level and those below, none of a higher one, and of those without a level a few. Which of
// them are exceptions, testdata/paranoia.txt says.
func TestParanoia(t *testing.T) {
	program, err := seclang.Parse(coreruleset.FS, []seclang.Text{{Source: "crs", Text: "Include @owasp_crs/*.conf"}})
	if err != nil {
		t.Fatal(err)
	}
	level := map[int]int{}
	for _, r := range program.Rules {
		for _, tag := range r.Tags {
			if n, ok := strings.CutPrefix(tag, "paranoia-level/"); ok {
				level[r.ID] = int(n[0] - '0')
			}
		}
	}
	data, err := os.ReadFile("testdata/paranoia.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	for paranoia := 1; paranoia <= 4; paranoia++ {
		left := map[int]bool{}
		var without, off []string
		rules, err := compileText(fmt.Sprintf(paranoiaLevels, paranoia, paranoia) + "\nInclude @owasp_crs/*.conf")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			left[r.ID] = true
			switch l := level[r.ID]; {
			case l == 0:
				if id := fmt.Sprint(r.ID); !slices.Contains(without, id) {
					without = append(without, id)
				}
			case l > paranoia:
				t.Errorf("level %d: rule %d of level %d is left", paranoia, r.ID, l)
			}
		}
		for id, l := range level {
			if l <= paranoia && !left[id] {
				off = append(off, fmt.Sprint(id))
			}
		}
		slices.Sort(without)
		slices.Sort(off)
		for _, got := range []string{
			"off without a setting of their own: " + strings.Join(off, " "),
			fmt.Sprintf("without a level, at %d: %s", paranoia, strings.Join(without, " ")),
		} {
			if !slices.Contains(lines, got) {
				t.Errorf("level %d: %s", paranoia, got)
			}
		}
	}
}

// TestDecided is for rules that folding decides, in a few lines each: what is left of them.
func TestDecided(t *testing.T) {
	data, err := os.ReadFile("testdata/decided.txt")
	if err != nil {
		t.Fatal(err)
	}
	for section := range strings.SplitSeq(string(data), "\n\n") {
		head, text, _ := strings.Cut(strings.TrimSpace(section), "\n")
		want := strings.TrimPrefix(head, "# ")
		rules, err := compileText(text)
		got := fmt.Sprint("no screen: ", err)
		if err == nil {
			var left []string
			for _, r := range rules {
				how := fmt.Sprint(r.ID)
				if !r.Effect {
					how += " sets"
				}
				if r.Guard < 0 {
					how += " in turn"
				} else if r.ByValue {
					how += " by value"
				}
				left = append(left, how)
			}
			got = "left: " + strings.Join(left, ", ")
		}
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}
