package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing wrong with the configuration, and where.
type Problem struct {
	File string `json:"file,omitempty"` // as given to the loader; empty for flags and environment variables
	Line int    `json:"line,omitempty"` // from 1; 0 if unknown
	Path string `json:"path,omitempty"` // key path such as routes[2].policy, flag or variable; empty: the whole file
	What string `json:"what"`           // what is wrong and what would be right

	TextLine int `json:"text_line,omitempty"` // within the rule text that the path names; 0: it is about none
}

// Error gives "file:line: path: what" without the parts that are unknown.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			b.WriteByte(':')
			b.WriteString(strconv.Itoa(p.Line))
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.What)
	return b.String()
}

// Problems are all problems of one load, sorted by file and line. An empty Problems is
// not an error; use orNil before returning one as error.
type Problems []Problem

// Error gives one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// orNil sorts the problems and returns them as an error, or nil if there are none.
func (ps Problems) orNil() error {
	if len(ps) == 0 {
		return nil
	}
	ps.Sort()
	return ps
}

// Sort puts the problems in the order of files and lines.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
}
