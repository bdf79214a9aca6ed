package recent

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Filter says which events somebody wants. The zero value is all of them. Of the values of one field one has to fit, and
// all fields have to fit.
type Filter struct {
	Kinds      []string
	Routes     []string
	Policies   []string
	Hosts      []string
	Methods    []string
	Verdicts   []string
	Coverage   []string
	RequestIDs []string
	Statuses   []Range
	Rules      []Range
	Clients    []netip.Prefix
	Paths      []string // beginnings
	Texts      []string // anywhere in a value, whatever the case of letters A to Z
	Since      time.Time
	Until      time.Time
}

// Range is a range of numbers, both ends in it.
type Range struct{ From, To int }

func (r Range) has(n int) bool { return r.From <= n && n <= r.To }

// Bounds of a filter.
const (
	MaxValues = 32  // in all
	MaxText   = 256 // bytes of one
)

// Parameters are the names of what [ParseFilter] reads.
func Parameters() []string {
	return []string{
		"kind", "route", "policy", "host", "method", "verdict", "coverage", "request_id", "status", "rule", "client", "path",
		"text", "since", "until",
	}
}

// ParseFilter reads a filter from parameters of a query, or from flags of the same names. Others are left to the caller. Now is
// what times such as "15m" count from. The error names every parameter that is wrong, one in a line.
func ParseFilter(query url.Values, now time.Time) (Filter, error) {
	p := filterParser{query: query, now: now}
	f := Filter{
		Kinds: p.words("kind"), Routes: p.words("route"), Policies: p.words("policy"), Hosts: p.words("host"), Methods: p.words("method"),
		Verdicts: p.words("verdict"), Coverage: p.words("coverage"), RequestIDs: p.words("request_id"),
		Statuses: p.ranges("status", 0, 599), Rules: p.ranges("rule", 0, 1<<31-1), Clients: p.clients(),
		Paths: p.texts("path"), Texts: p.texts("text"),
		Since: p.time("since"), Until: p.time("until"),
	}
	p.among("kind", f.Kinds, kinds)
	p.among("verdict", f.Verdicts, Verdicts())
	p.among("coverage", f.Coverage, Coverages())
	if p.values > MaxValues {
		p.problems = append(p.problems, fmt.Errorf("%d values: %d are the most", p.values, MaxValues))
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since) {
		p.wrong("until", "is before since")
	}
	return f, errors.Join(p.problems...)
}

// kinds are those of events.
var kinds = []string{"security", "access", "ban"}

// Verdicts are the words that events have for what was decided.
func Verdicts() []string {
	return []string{"pass", "block", "redirect", "drop", "would_block", "error_deny", "error_allow", "refused"}
}

// Coverages are the words that events have for how much was inspected.
func Coverages() []string { return []string{"full", "headers", "partial", "none"} }

type filterParser struct {
	query    url.Values
	now      time.Time
	values   int
	problems []error
}

func (p *filterParser) wrong(name, format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("%s: %w", name, fmt.Errorf(format, args...)))
}

// among complains about words of a closed set that are not in it: no event would ever fit, which looks as if nothing had happened.
func (p *filterParser) among(name string, words, set []string) {
	for _, word := range words {
		if !slices.Contains(set, word) {
			p.wrong(name, "%q is none of %s", word, strings.Join(set, ", "))
		}
	}
}

// texts are the values of a parameter, whole.
func (p *filterParser) texts(name string) (all []string) {
	for _, text := range p.query[name] {
		switch {
		case text == "":
		case len(text) > MaxText:
			p.wrong(name, "longer than %d bytes", MaxText)
		default:
			all = append(all, text)
		}
	}
	p.values += len(all)
	return all
}

// words are the values of a parameter, between commas.
func (p *filterParser) words(name string) (all []string) {
	for _, text := range p.texts(name) {
		for word := range strings.SplitSeq(text, ",") {
			if word = strings.TrimSpace(word); word != "" {
				all = append(all, word)
			}
		}
	}
	p.values += max(len(all)-len(p.query[name]), 0)
	return all
}

// ranges are numbers, ranges of numbers, and classes such as 4xx.
func (p *filterParser) ranges(name string, low, high int) (all []Range) {
	for _, word := range p.words(name) {
		from, to, ranged := strings.Cut(word, "-")
		if class, ok := strings.CutSuffix(strings.ToLower(word), "xx"); ok && name == "status" {
			from, to, ranged = class+"00", class+"99", true
		}
		if !ranged {
			to = from
		}
		a, errA := strconv.Atoi(from)
		b, errB := strconv.Atoi(to)
		if errA != nil || errB != nil || a < low || b > high || a > b {
			example := "a number nor a range such as 942000-942999"
			if name == "status" {
				example = "a status, a class such as 4xx nor a range such as 500-504"
			}
			p.wrong(name, "%q is neither "+example, word)
			continue
		}
		all = append(all, Range{a, b})
	}
	return all
}

func (p *filterParser) clients() (all []netip.Prefix) {
	for _, word := range p.words("client") {
		if a, err := netip.ParseAddr(word); err == nil {
			a = a.Unmap().WithZone("")
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(word)
		if err != nil {
			p.wrong("client", "%q is neither an address nor a network such as 192.0.2.0/24", word)
			continue
		}
		all = append(all, prefix.Masked())
	}
	return all
}

// time is a time, or how long ago it was.
func (p *filterParser) time(name string) time.Time {
	text := p.query.Get(name)
	if text == "" {
		return time.Time{}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return p.now.Add(-ago)
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		p.wrong(name, "%q is neither a time such as 2026-11-30T20:15:00Z nor how long ago, such as 15m", text)
	}
	return at
}

// Query returns the filter as parameters, which ParseFilter reads.
func (f *Filter) Query() url.Values {
	q := url.Values{}
	set := func(name string, values []string) {
		for _, v := range values {
			q.Add(name, v)
		}
	}
	ranges := func(name string, all []Range) {
		for _, r := range all {
			q.Add(name, strconv.Itoa(r.From)+"-"+strconv.Itoa(r.To))
		}
	}
	set("kind", f.Kinds)
	set("route", f.Routes)
	set("policy", f.Policies)
	set("host", f.Hosts)
	set("method", f.Methods)
	set("verdict", f.Verdicts)
	set("coverage", f.Coverage)
	set("request_id", f.RequestIDs)
	ranges("status", f.Statuses)
	ranges("rule", f.Rules)
	for _, c := range f.Clients {
		q.Add("client", c.String())
	}
	set("path", f.Paths)
	set("text", f.Texts)
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		q.Set("until", f.Until.UTC().Format(time.RFC3339Nano))
	}
	return q
}

// Reads tells whether events of a part can fit.
func (f *Filter) Reads(part int) bool {
	if part == Notable {
		return true
	}
	has := func(list []string, word string) bool { return len(list) == 0 || slices.Contains(list, word) }
	return has(f.Kinds, "access") && len(f.Rules) == 0 && (has(f.Verdicts, "pass") || part == Refused && has(f.Verdicts, "refused"))
}

// oneOf reports whether a value is one of some; none are wanted: it is.
func oneOf(want []string, value []byte) bool {
	return len(want) == 0 || slices.ContainsFunc(want, func(w string) bool { return string(value) == w })
}

// inOne reports whether a number is in one of some ranges, likewise.
func inOne(want []Range, value []byte) bool {
	if len(want) == 0 {
		return true
	}
	n, err := strconv.Atoi(string(value))
	return err == nil && slices.ContainsFunc(want, func(r Range) bool { return r.has(n) })
}

// beginning of a text that has a prefix, likewise.
func beginsWithOne(want []string, value []byte) bool {
	return len(want) == 0 || slices.ContainsFunc(want, func(w string) bool { return bytes.HasPrefix(value, []byte(w)) })
}
