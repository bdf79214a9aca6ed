package seclang

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var root = fstest.MapFS{"loop.conf": {Data: []byte("Include loop.conf\n")}}

// TestParse reads each file of testdata up to its dashes; behind them stands what is read.
func TestParse(t *testing.T) {
	for _, file := range []string{"rules", "defaults", "changes"} {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile("testdata/" + file + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			text, want, _ := strings.Cut(string(data), "----\n")
			p, err := Parse(root, []Text{{Source: file, Text: text}})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Split(describe(p), "\n")
			for i, line := range strings.Split(want, "\n") {
				if i >= len(got) || got[i] != line {
					t.Errorf("line %d: got\n%s\nwant\n%s", i+1, strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""), line)
				}
			}
		})
	}
}

// TestErrors reads the lines of a file, which say what error they make.
func TestErrors(t *testing.T) {
	data, err := os.ReadFile("testdata/errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		text, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " => ")
		text = strings.ReplaceAll(text, `\n`, "\n")
		if _, err := Parse(root, []Text{{Source: "test", Text: text}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestErrorPlace is for the source and the line in errors.
func TestErrorPlace(t *testing.T) {
	_, err := Parse(root, []Text{{Source: "first", Text: "SecMarker A\n"}, {Source: "second", Text: "\n# c\nSecMarker \\\n  B\nSecNonsense\n"}})
	if err == nil || !strings.HasPrefix(err.Error(), "second line 5: ") {
		t.Errorf("got %v", err)
	}
}

func describe(p *Program) string {
	var b strings.Builder
	for _, r := range p.Rules {
		if r.Marker != "" {
			fmt.Fprintf(&b, "marker %s line %d\n", r.Marker, r.Line)
			continue
		}
		fmt.Fprintf(&b, "rule %d phase %d", r.ID, r.Phase)
		word := func(ok bool, format string, args ...any) {
			if ok {
				fmt.Fprintf(&b, " "+format, args...)
			}
		}
		word(r.Log, "log")
		word(r.Disruptive.Name != "", "%s", r.Disruptive.Name)
		word(r.Skip != "", "skip %s", r.Skip)
		word(r.SkipAfter != "", "skipAfter %s", r.SkipAfter)
		word(len(r.Tags) > 0, "tags %v", r.Tags)
		word(r.Msg != "", "msg %q", r.Msg)
		fmt.Fprintf(&b, " line %d\n", r.Line)
		for i := range r.Links {
			l := &r.Links[i]
			b.WriteString(" ")
			if word(l.Operator.Name == "", "action"); l.Operator.Name != "" {
				var targets []string
				for j := range l.Targets {
					targets = append(targets, describeTarget(&l.Targets[j]))
				}
				not := ""
				if l.Operator.Negated {
					not = "!"
				}
				word(true, "%v %s@%s %q", targets, not, l.Operator.Name, l.Operator.Arg)
			}
			word(l.Capture, "capture")
			word(l.MultiMatch, "multiMatch")
			word(len(l.Transformations) > 0, "t %v", l.Transformations)
			var actions []string
			for _, a := range l.Actions {
				actions = append(actions, fmt.Sprintf("%s=%q", a.Name, a.Arg))
			}
			slices.Sort(actions)
			word(len(actions) > 0, "actions %v", actions)
			b.WriteString("\n")
		}
	}
	return b.String()
}

func describeTarget(t *Target) string {
	s := t.Variable
	if t.Count {
		s = "&" + s
	}
	if t.KeyRx != nil {
		s += ":/" + t.KeyRx.String() + "/"
	} else if t.Key != "" {
		s += ":" + t.Key
	}
	for _, e := range t.Exceptions {
		if e.Rx != nil {
			s += "!/" + e.Rx.String() + "/"
		} else {
			s += "!" + e.Key
		}
	}
	return s
}
