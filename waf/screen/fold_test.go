package screen

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/wafer-waf/wafer/waf/screen/seclang"
)

func compileCRS(t *testing.T, c *Compiler, paranoia int) *Screen {
	t.Helper()
	setup := fmt.Sprintf(`%s,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d"`, strings.TrimSuffix(benchSetup, `"`), paranoia, paranoia)
	s, err := c.Compile([]Text{{Source: "setup", Text: setup}, {Source: "crs", Text: "Include @owasp_crs/*.conf"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestParanoia is for what folding leaves of the Core Rule Set: at each level all rules of this
// level and those below, none of a higher one, and of those without a level a few. Which of
// them are exceptions, testdata/paranoia.txt says.
func TestParanoia(t *testing.T) {
	program, err := seclang.Parse(coreruleset.FS, []Text{{Source: "crs", Text: "Include @owasp_crs/*.conf"}})
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
	c := NewCompiler(coreruleset.FS)
	for paranoia := 1; paranoia <= 4; paranoia++ {
		left := map[int]bool{}
		var without, off []string
		for _, r := range compileCRS(t, c, paranoia).rules {
			left[r.id] = true
			switch l := level[r.id]; {
			case l == 0:
				if id := fmt.Sprint(r.id); !slices.Contains(without, id) {
					without = append(without, id)
				}
			case l > paranoia:
				t.Errorf("level %d: rule %d of level %d is left", paranoia, r.id, l)
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
		s, err := NewCompiler(coreruleset.FS).Compile([]Text{{Source: "setup", Text: benchSetup}, {Source: "rules", Text: text}}, nil)
		got := fmt.Sprint("no screen: ", err)
		if err == nil {
			var left []string
			for _, r := range s.rules {
				how := fmt.Sprint(r.id)
				if !r.effect {
					how += " sets"
				}
				if r.guard < 0 {
					how += " in turn"
				} else if r.pure {
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
