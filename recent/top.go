package recent

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Top is how often values were found.
type Top struct {
	Rows   []Row // the most frequent first
	Others int   // events whose value has no row
	Looked int
	Cut    bool // the time was over before all events were looked at
}

// Row is one value.
type Row struct {
	Value   string
	Message string // of a rule
	Count   int
	Blocked int // events among them whose verdict kept a request from the application
	First   string
	Last    string
}

// maxDistinct bounds the values that are told apart. Clients choose paths.
const maxDistinct = 10_000

// TopBy are the fields by which events can be counted.
func TopBy() []string {
	return []string{"rule", "route", "client", "verdict", "path", "host", "target"}
}

// Count counts the events that fit by the values of a field. It waits and takes as long as [Store.Find] does.
func (s *Store) Count(ctx context.Context, f *Filter, by string, most int, within time.Duration) (Top, error) {
	if !slices.Contains(TopBy(), by) {
		return Top{}, fmt.Errorf("by: %q is none of %s", by, strings.Join(TopBy(), ", "))
	}
	if err := s.enter(ctx, within); err != nil {
		return Top{}, err
	}
	defer s.leave()
	c := counter{by: by, rows: map[string]*counted{}}
	deadline := time.Now().Add(within)
	m := f.Matcher()
	w := s.walk(f, everything())
	defer w.close()
	for line, _ := w.next(); line != nil; line, _ = w.next() {
		if c.top.Looked++; m.matchOwn(line) {
			c.count(line)
		}
		if c.top.Looked%slice == 0 && (ctx.Err() != nil || time.Now().After(deadline)) {
			c.top.Cut = true
			break
		}
	}
	return c.result(most), ctx.Err()
}

// counter counts lines, the newest first.
type counter struct {
	by   string
	rows map[string]*counted
	top  Top

	found []value // of the line at hand
}

// counted is a row while it grows.
type counted struct {
	Row
	first []byte // the time of the line that was counted last
}

// value is one that a line has: as it is written, and the message of a rule likewise.
type value struct{ text, message []byte }

// isRules begins the rules of an event. A client cannot write it into a value, where quotes are escaped.
var isRules = []byte(`"rules":[`)

func (c *counter) count(line []byte) {
	var at []byte
	stopped, ofRules := false, c.by == "rule" || c.by == "target"
	c.found = c.found[:0]
	left := 3 // members that are looked for; rules are not read here
	if ofRules {
		left = 2
	}
	members(line, func(name, v []byte) bool {
		switch string(name) {
		case "time":
			at = plain(v)
			left--
		case "verdict":
			stopped = Stopped(string(plain(v)))
			left--
		}
		if string(name) == c.by {
			c.found = append(c.found, value{text: plain(v)})
			left--
		}
		return left > 0
	})
	if ofRules {
		c.ofRules(line)
	}
	for i, one := range c.found {
		if !slices.ContainsFunc(c.found[:i], func(o value) bool { return bytes.Equal(o.text, one.text) }) {
			c.add(one, at, stopped)
		}
	}
}

// add counts a value of a line.
func (c *counter) add(one value, at []byte, stopped bool) {
	row := c.rows[string(one.text)]
	if row == nil {
		if len(c.rows) >= maxDistinct {
			c.top.Others++
			return
		}
		row = &counted{Row: Row{Value: string(one.text), Message: string(plain(one.message)), Last: string(at)}}
		c.rows[row.Value] = row
	}
	row.Count++
	row.first = append(row.first[:0], at...)
	if stopped {
		row.Blocked++
	}
}

// ofRules finds the ids and messages, or the targets, of an event's rules.
func (c *counter) ofRules(line []byte) {
	at := bytes.Index(line, isRules)
	if at < 0 {
		return
	}
	for at += len(isRules); ; at++ {
		var one value
		at = membersFrom(line, at, func(name, v []byte) bool {
			switch string(name) {
			case "id":
				if c.by == "rule" {
					one.text = v
				}
			case "message":
				if c.by == "rule" {
					one.message = v
				}
			case "target":
				if c.by == "target" {
					one.text = plain(v)
				}
			}
			return true
		})
		if len(one.text) > 0 {
			c.found = append(c.found, one)
		}
		if at < 0 || at >= len(line) || line[at] != ',' {
			return
		}
	}
}

func (c *counter) result(most int) Top {
	for _, r := range c.rows {
		r.First = string(r.first)
	}
	rows := slices.SortedFunc(maps.Values(c.rows), func(a, b *counted) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(b.Last, a.Last), strings.Compare(a.Value, b.Value))
	})
	for i, r := range rows {
		if i < most {
			c.top.Rows = append(c.top.Rows, r.Row)
		} else {
			c.top.Others += r.Count
		}
	}
	return c.top
}

// Stopped reports whether a verdict is one of rules that keeps a request from the application.
func Stopped(verdict string) bool {
	return verdict == "block" || verdict == "redirect" || verdict == "drop"
}
