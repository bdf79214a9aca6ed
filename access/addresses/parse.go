package addresses

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Format is how a list is written.
type Format string

// How it can be.
const (
	Plain Format = "plain" // one entry a line; what follows # or ; or // is a comment, a second word when the entry ends
	CSV   Format = "csv"   // one entry a line, in a column
	JSON  Format = "json"  // texts in an array, or where fields lead; or many such values, one behind the other
	IPSet Format = "ipset" // what "ipset save" writes, or a netset
)

// Reading says how a text becomes a set.
type Reading struct {
	Format Format
	Column string   // of CSV: its number from 1, or its name in the first line; empty: the first
	Fields []string // of JSON: where addresses are, as "prefixes.ip_prefix"; * is any name; none: the texts at the top
	Until  string   // of CSV and JSON: the column, or the member beside the address, that says when it ends; empty: none
	Set    string   // of ipset: the one that is meant, if there are several

	Saved time.Time // when the text was written: what lasts for a time lasts from then on
	Now   time.Time // what has ended by then is left out

	Widest4, Widest6 int // the shortest prefix lengths that are taken
	MaxEntries       int // 0: any number
}

// Bad is a line that could not be read, and why.
type Bad struct {
	Line int    `json:"line"`
	What string `json:"what"`
}

func (b Bad) String() string { return fmt.Sprintf("line %d: %s", b.Line, b.What) }

// Outcome is what became of a text.
type Outcome struct {
	Entries int   // of the set
	Read    int   // entries that stand in the text, bad ones included
	Ended   int   // of those, how many have ended
	Bad     int   // of those, how many could not be read
	Told    []Bad // the first of them
}

const (
	mostTold    = 20   // lines that are told one by one
	longestLine = 4096 // bytes
)

// ErrTooMany is the error of a text with more entries than are taken.
var ErrTooMany = errors.New("more entries than max_entries")

// Parse reads a text. The error is about the text as a whole; what is wrong with one entry is in the outcome, and
// the set is without it.
func Parse(text string, r Reading) (*Set, Outcome, error) {
	p := &parser{Reading: r}
	var err error
	text = strings.TrimPrefix(text, "\ufeff")
	switch r.Format {
	case Plain:
		err = p.lines(text, p.plain)
	case CSV:
		err = p.csv(text)
	case JSON:
		err = p.json(text)
	case IPSet:
		err = p.ipset(text)
	default:
		err = fmt.Errorf("no format %q", r.Format)
	}
	if err != nil {
		return nil, p.outcome, err
	}
	s := p.builder.Set()
	p.outcome.Entries = s.Len()
	return s, p.outcome, nil
}

type parser struct {
	Reading
	builder Builder
	outcome Outcome
}

// lines calls a function with each line that is not too long, until it returns an error.
func (p *parser) lines(text string, each func(n int, line string) error) error {
	for n := 1; text != ""; n++ {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if len(line) > longestLine {
			p.outcome.Read++
			p.bad(n, fmt.Errorf("longer than %d bytes", longestLine))
			continue
		}
		if err := each(n, strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) bad(line int, err error) {
	p.outcome.Bad++
	if len(p.outcome.Told) < mostTold {
		p.outcome.Told = append(p.outcome.Told, Bad{Line: line, What: err.Error()})
	}
}

// entry takes one entry. Until is as it is written, or empty.
func (p *parser) entry(line int, text, until string) error {
	ends, err := p.end(until)
	if err != nil {
		p.outcome.Read++
		p.bad(line, err)
		return nil
	}
	return p.take(line, text, ends, false)
}

// take takes one entry that ends at a time, if that is not zero. Excluded: it is no part of the set.
func (p *parser) take(line int, text string, ends time.Time, excluded bool) error {
	p.outcome.Read++
	prefixes, err := parseEntry(strings.TrimSpace(text))
	if err != nil {
		p.bad(line, err)
		return nil
	}
	if !ends.IsZero() && !ends.After(p.Now) {
		p.outcome.Ended++
		return nil
	}
	for _, prefix := range prefixes {
		widest := p.Widest6
		if prefix.Addr().Is4() {
			widest = p.Widest4
		}
		if prefix.Bits() < widest {
			p.bad(line, fmt.Errorf("%s is wider than /%d", quote(text), widest))
			return nil
		}
	}
	if p.MaxEntries > 0 && p.builder.Len()+len(prefixes) > p.MaxEntries {
		return fmt.Errorf("line %d: %w, %d", line, ErrTooMany, p.MaxEntries)
	}
	for _, prefix := range prefixes {
		p.builder.add(Match{Prefix: prefix, Until: ends, Line: line}, excluded)
	}
	return nil
}

// plain reads a line of a plain list.
func (p *parser) plain(n int, line string) error {
	if i := strings.IndexAny(line, "#;"); i >= 0 {
		line = line[:i]
	}
	line, _, _ = strings.Cut(line, "//")
	if line = strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")); line == "" {
		return nil
	}
	address, until, _ := strings.Cut(strings.Replace(line, " - ", "-", 1), " ")
	return p.entry(n, address, until)
}
