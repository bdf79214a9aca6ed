package recent

import (
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

// Count counts the events that fit by the values of a field.
func (s *Store) Count(ctx context.Context, f *Filter, by string, most int, within time.Duration) (Top, error) {
	if !slices.Contains(TopBy(), by) {
		return Top{}, fmt.Errorf("by: %q is none of %s", by, strings.Join(TopBy(), ", "))
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	default:
		return Top{}, ErrBusy
	}
	c := counter{by: by, rows: map[string]*Row{}}
	deadline := time.Now().Add(within)
	m := f.Matcher()
	w := s.walk(f, everything())
	defer w.close()
	for line, _ := w.next(); line != nil; line, _ = w.next() {
		if c.top.Looked++; m.Match(line) {
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
	rows map[string]*Row
	top  Top
}

func (c *counter) count(line []byte) {
	at, stopped := "", false
	var found [][2]string // value and message
	members(line, func(name, value []byte) bool {
		switch string(name) {
		case "time":
			at = string(plain(value))
		case "verdict":
			stopped = Stopped(string(plain(value)))
		case "rules":
			if c.by == "rule" || c.by == "target" {
				found = c.ofRules(value)
			}
		}
		if string(name) == c.by {
			found = [][2]string{{string(plain(value))}}
		}
		return true
	})
	for i, one := range found {
		if slices.ContainsFunc(found[:i], func(o [2]string) bool { return o[0] == one[0] }) {
			continue
		}
		row := c.rows[one[0]]
		if row == nil {
			if len(c.rows) >= maxDistinct {
				c.top.Others++
				continue
			}
			row = &Row{Value: one[0], Message: one[1], Last: at}
			c.rows[one[0]] = row
		}
		row.Count++
		row.First = at
		if stopped {
			row.Blocked++
		}
	}
}

// ofRules are the ids and messages, or the targets, of an event's rules.
func (c *counter) ofRules(rules []byte) (found [][2]string) {
	elements(rules, func(rule []byte) bool {
		var id, message, target string
		members(rule, func(name, value []byte) bool {
			switch string(name) {
			case "id":
				id = string(value)
			case "message":
				message = string(plain(value))
			case "target":
				target = string(plain(value))
			}
			return true
		})
		switch {
		case c.by == "rule":
			found = append(found, [2]string{id, message})
		case target != "":
			found = append(found, [2]string{target})
		}
		return true
	})
	return found
}

func (c *counter) result(most int) Top {
	rows := slices.SortedFunc(maps.Values(c.rows), func(a, b *Row) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(b.Last, a.Last), strings.Compare(a.Value, b.Value))
	})
	for i, r := range rows {
		if i < most {
			c.top.Rows = append(c.top.Rows, *r)
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
