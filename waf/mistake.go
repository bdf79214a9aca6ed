package waf

import (
	"fmt"
	"strings"

	"github.com/wafer-waf/wafer/waf/descriptor"
)

// Mistake is something wrong with the text of a policy's own rules, with a file that they name, or with an
// exclusion, and where it stands.
type Mistake struct {
	Source string // of the text or the exclusion
	File   string // the file that an operator names, if the mistake is in it; empty: it is in the source itself
	Line   int    // in the text or file, from 1; 0: in no single line
	Key    string // of an exclusion: rule, rules, tag or target; empty: in no single one
	What   string // what is wrong and what would be right
	First  Place  // the place that What ends with, if it speaks of another one; empty: it does not
}

// Place is a line of a policy's own rules.
type Place struct {
	Source string // of the text
	Line   int    // in the text, from 1
}

// Error gives the place and what is wrong.
func (m Mistake) Error() string {
	place := m.Source
	if m.File != "" {
		place = m.File
	}
	if m.Key != "" {
		place += "." + m.Key
	}
	if m.Line > 0 {
		place = fmt.Sprintf("%s line %d", place, m.Line)
	}
	if m.First != (Place{}) {
		return fmt.Sprintf("%s: %s line %d of %s", place, m.What, m.First.Line, m.First.Source)
	}
	return place + ": " + m.What
}

// Mistakes are all that were found in a policy. An empty list is no error.
type Mistakes []Mistake

// Error gives one mistake per line.
func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

func (ms *Mistakes) add(source string, line int, format string, args ...any) {
	*ms = append(*ms, Mistake{Source: source, Line: line, What: fmt.Sprintf(format, args...)})
}

// orNil returns the mistakes as an error, or nil if there are none.
func (ms Mistakes) orNil() error {
	if len(ms) == 0 {
		return nil
	}
	return ms
}

// Mistakes finds what is wrong with the policy's own rules and exclusions, as far as it can be told without
// compiling CRS: all of it, whatever its settings are.
func (p Policy) Mistakes() Mistakes {
	if len(p.own())+len(p.Exclusions) == 0 {
		return p.checkDescriptors()
	}
	ids, tags := map[int]bool{}, map[string]bool{}
	ms := p.quickMistakes()
	ms = append(ms, p.checkTaken()...)
	for _, d := range p.everyDirective() {
		if id, ok := idOf(&d); ok {
			ids[id] = true
		}
		for _, a := range d.Actions {
			if a.Name == "tag" {
				tags[a.Arg] = true
			}
		}
	}
	ms = append(ms, p.checkDirectives(ms)...)
	ms = append(ms, p.checkExclusions(ids, tags)...)
	return append(ms, p.checkReferences(ids, tags)...)
}

// checkDescriptors finds what is wrong with the descriptor set.
func (p Policy) checkDescriptors() (ms Mistakes) {
	if p.Descriptors == "" {
		return nil
	}
	if _, err := descriptor.Parse([]byte(p.Descriptors)); err != nil {
		ms = append(ms, Mistake{Source: p.DescriptorsSource, Key: "descriptors", What: err.Error()})
	}
	return ms
}

// quickMistakes are those that are looked for in every policy before it is compiled.
func (p Policy) quickMistakes() Mistakes {
	ms := append(p.checkDescriptors(), p.checkLines()...)
	ms = append(ms, p.checkOwn()...)
	ms = append(ms, p.checkBegun()...)
	ms = append(ms, p.checkFiles()...)
	return append(ms, p.checkTargets()...)
}
