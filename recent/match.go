package recent

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Matcher is a filter made ready for many lines.
type Matcher struct {
	filter       Filter
	texts        []folded // as JSON writes them
	since, until string   // as events write them; empty: none
	fields       []field
}

// field is a member of an event that has to fit.
type field struct {
	name string
	fits func(value []byte) bool
}

// layout is how events write their time.
const layout = "2006-01-02T15:04:05.000Z"

// Matcher returns what tells lines that fit.
func (f *Filter) Matcher() *Matcher {
	m := &Matcher{filter: *f}
	m.words("event", f.Kinds)
	m.words("route", f.Routes)
	m.words("policy", f.Policies)
	m.words("host", f.Hosts)
	m.words("method", f.Methods)
	m.words("verdict", f.Verdicts)
	m.words("coverage", f.Coverage)
	m.words("request_id", f.RequestIDs)
	m.add("status", len(f.Statuses), func(v []byte) bool { return inOne(f.Statuses, v) })
	m.add("path", len(f.Paths), func(v []byte) bool { return beginsWithOne(f.Paths, plain(v)) })
	m.add("client", len(f.Clients), func(v []byte) bool { return within(f.Clients, plain(v)) })
	if !f.Since.IsZero() || !f.Until.IsZero() {
		m.since, m.until = stamp(f.Since), stamp(f.Until)
		m.add("time", 1, m.inTime)
	}
	for _, text := range f.Texts {
		m.texts = append(m.texts, newFolded(escaped(text)))
	}
	return m
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(layout)
}

func (m *Matcher) add(name string, wanted int, fits func(value []byte) bool) {
	if wanted > 0 {
		m.fields = append(m.fields, field{name, fits})
	}
}

// words wants a member to be one of some words.
func (m *Matcher) words(name string, want []string) {
	m.add(name, len(want), func(v []byte) bool { return oneOf(want, plain(v)) })
}

// Match reports whether a line fits, whoever has written it. What is no object does not.
func (m *Matcher) Match(line []byte) bool {
	for i := range m.texts {
		if !m.texts[i].in(line) {
			return false
		}
	}
	if len(m.fields) > 0 && !m.matchFields(line) {
		return false
	}
	if len(m.filter.Rules) > 0 && !m.matchRules(line) {
		return false
	}
	for i := range m.texts {
		if !m.texts[i].inValue(line, 0) {
			return false
		}
	}
	return len(m.fields) > 0 || len(m.filter.Rules) > 0 || len(m.texts) > 0 || members(line, func(_, _ []byte) bool { return false })
}

func (m *Matcher) matchFields(line []byte) bool {
	fit, met := true, 0
	ok := members(line, func(name, value []byte) bool {
		for i := range m.fields {
			if f := &m.fields[i]; f.name == string(name) {
				met++
				fit = fit && f.fits(value)
			}
		}
		return fit && met < len(m.fields)
	})
	return ok && fit && met >= len(m.fields)
}

// matchRules reports whether one of the rules that are wanted has decided, or found something.
func (m *Matcher) matchRules(line []byte) (fit bool) {
	members(line, func(name, value []byte) bool {
		switch string(name) {
		case "rule_id":
			fit = inOne(m.filter.Rules, value)
		case "rules":
			elements(value, func(rule []byte) bool {
				members(rule, func(name, value []byte) bool {
					if string(name) == "id" {
						fit = fit || inOne(m.filter.Rules, value)
						return false
					}
					return true
				})
				return !fit
			})
		}
		return !fit
	})
	return fit
}

// inTime reports whether a time is in the span that is wanted. Times as the tier writes them compare as texts do.
func (m *Matcher) inTime(value []byte) bool {
	text := string(plain(value))
	if len(text) != len(layout) || text[len(text)-1] != 'Z' {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return false
		}
		text = at.UTC().Format(layout)
	}
	return (m.since == "" || text >= m.since) && (m.until == "" || text < m.until)
}

func within(networks []netip.Prefix, text []byte) bool {
	a, err := netip.ParseAddr(string(text))
	if err != nil {
		return false
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// maxDepth is deeper than any event is nested. Lines of files may be nested as deep as they are long.
const maxDepth = 32

// inValue reports whether it is in one of the values of an object, at a depth or below. Names of members do not count, but where
// no event has any.
func (f *folded) inValue(line []byte, depth int) (found bool) {
	look := func(value []byte) bool {
		found = f.inValue(value, depth+1)
		return !found
	}
	switch {
	case depth > maxDepth:
		found = f.in(line)
	case len(line) > 0 && line[0] == '{':
		members(line, func(_, value []byte) bool { return look(value) })
	case len(line) > 0 && line[0] == '[':
		elements(line, look)
	default:
		found = f.in(line)
	}
	return found
}

// folded is a text that is looked for whatever the case of letters A to Z.
type folded struct {
	low    []byte  // in lower case
	at     int     // of the byte of it that texts have least
	either [2]byte // that byte in both cases
}

// common are bytes that events have many of, the most frequent first. Others are rare.
const common = `"e,:ta-o0inrs_1dlch2umpfgw3456789b.vykxjqz/`

func newFolded(text string) folded {
	f := folded{low: []byte(lower(text))}
	rarest := -1
	for i, c := range f.low {
		rank := strings.IndexByte(common, c)
		if rank < 0 {
			rank = len(common)
		}
		if rank > rarest {
			rarest, f.at, f.either = rank, i, [2]byte{c, c}
		}
	}
	if c := f.either[0]; 'a' <= c && c <= 'z' {
		f.either[1] = c - ('a' - 'A')
	}
	return f
}

// lower changes letters A to Z only, unlike strings.ToLower.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// in reports whether a text has it.
func (f *folded) in(text []byte) bool {
	end := len(text) - (len(f.low) - f.at) + 1 // of where the rare byte may be
	for from := f.at; from < end; from++ {
		i := bytes.IndexByte(text[from:end], f.either[0])
		if f.either[0] != f.either[1] {
			before := text[from:end]
			if i >= 0 {
				before = before[:i]
			}
			if k := bytes.IndexByte(before, f.either[1]); k >= 0 {
				i = k
			}
		}
		if i < 0 {
			return false
		}
		if from += i; equalFold(text[from-f.at:], f.low) {
			return true
		}
	}
	return false
}

func equalFold(text, low []byte) bool {
	for i, c := range low {
		t := text[i]
		if 'A' <= t && t <= 'Z' {
			t += 'a' - 'A'
		}
		if t != c {
			return false
		}
	}
	return true
}

// escaped is a text as the tier writes it between the quotes of JSON.
func escaped(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\b':
			b.WriteString(`\b`)
		case c == '\f':
			b.WriteString(`\f`)
		case c < ' ':
			b.WriteString(`\u00`)
			b.WriteByte("0123456789abcdef"[c>>4])
			b.WriteByte("0123456789abcdef"[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
