package seclang

import (
	"iter"
	"strings"
)

// Span is a directive as it stands in a text.
type Span struct {
	First, Last int    // its lines, from 1
	Text        string // it in one line, as compilers see it
	Open        bool   // its last line is continued into nothing, and it is none
}

// Spans yields the directives of a text in their order: one on each line that does not end with a
// backslash. Empty lines and comments are none, even within a directive.
func Spans(text string) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		var s Span
		var before strings.Builder // of the directive at hand, in other lines
		n := 0
		for raw := range strings.SplitSeq(text, "\n") {
			n++
			line := strings.TrimSpace(raw)
			if line == "" || line[0] == '#' {
				continue
			}
			if s.Last = n; s.First == 0 {
				s.First = n
			}
			if rest, goesOn := strings.CutSuffix(line, `\`); goesOn {
				before.WriteString(rest)
				continue
			}
			if s.Text = line; before.Len() > 0 {
				before.WriteString(line)
				s.Text = before.String()
			}
			if !yield(s) {
				return
			}
			s, before = Span{}, strings.Builder{}
		}
		if s.First > 0 {
			s.Text, s.Open = before.String(), true
			yield(s)
		}
	}
}
