package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/audit"
)

// picture is what fits on a screen of a frame.
type picture struct {
	width, height int
	paint         func(color, text string) string
	lines         []string
}

// line adds a line, which is cut where the screen ends. Whatever names are in it drive no terminal.
func (p *picture) line(color, format string, args ...any) {
	text := strings.TrimRight(audit.Shown(fmt.Sprintf(format, args...), longestLine), " ")
	if utf8.RuneCountInString(text) > p.width {
		text = shorten(text, max(p.width, 1))
	}
	if color != "" {
		text = p.paint(color, text)
	}
	p.lines = append(p.lines, text)
}

// left is how many lines there is room for.
func (p *picture) left() int { return p.height - len(p.lines) }

func (p *picture) draw(f *topFrame) {
	version := ""
	if f.Version != "" {
		version = " " + f.Version
	}
	p.line(bold, "wafer%s at %s, %s, configuration %d", version, f.Tier, f.Time.Local().Format(time.TimeOnly), f.Generation)
	p.line("", "%s requests/s   %s", number(f.Rate), shares(f.Verdicts, f.Rate))
	p.line("", "coverage %s   proved clean %s   p50 %s  p99 %s", cmp.Or(shares(f.Coverage, sumOf(f.Coverage)), "-"), percentOf(f.Clean), milliseconds(f.P50), milliseconds(f.P99))
	p.line("", "in flight %d   queue %d   memory %s   cpu %s", f.InFlight, f.Queue, mebibytes(f.Memory), cores(f.CPU))
	if len(f.Refused) > 0 {
		p.line("", "refused before a policy: %s", rates(f.Refused))
	}
	for _, t := range f.Trouble {
		p.line(red, "! %s", t)
	}
	// Routes take what is left, but for some lines of the others.
	others := min(len(f.Rules), mostTold) + 2 + min(len(f.Missed), 5) + 2 + min(len(f.Upstreams), 5) + 2
	if len(f.Pods) > 0 {
		others += min(len(f.Pods), 8) + 2
	}
	p.routes(f.Routes, max(p.left()-2-others, 3))
	p.rules(f.Rules, min(mostTold, p.left()-2))
	p.missed(f.Missed, min(5, p.left()-2))
	p.upstreams(f.Upstreams, min(8, p.left()-2))
	p.pods(f.Pods, p.left()-2)
	if p.left() < 0 {
		p.lines = p.lines[:max(p.height, 0)]
	}
}

// table writes a title, and of n rows those that there is room for.
func (p *picture) table(title string, n, room int, row func(i int)) {
	if n == 0 || room < 1 {
		return
	}
	p.line("", "")
	p.line(bold, "%s", title)
	for i := range n {
		if i == room-1 && n > room {
			p.line(faint, "and %d more", n-i)
			return
		}
		row(i)
	}
}

func (p *picture) routes(all []topRoute, room int) {
	title := fmt.Sprintf("%-24s %9s %9s %9s %9s %9s %9s %9s %7s", "ROUTE", "REQ/S", "BLOCK", "WOULD", "REFUSED", "5XX", "P50", "P99", "CLEAN")
	p.table(title, len(all), room, func(i int) {
		r := &all[i]
		color := ""
		switch {
		case r.Rate == 0:
			color = faint
		case r.Block+r.Would > 0:
			color = yellow
		}
		p.line(color, "%-24s %9s %9s %9s %9s %9s %9s %9s %7s", shorten(cmp.Or(r.ID, "(no route)"), 24), number(r.Rate), number(r.Block), number(r.Would),
			number(r.Refused), number(r.Errors), milliseconds(r.P50), milliseconds(r.P99), percentOf(r.Clean))
	})
}

func (p *picture) rules(all []topRule, room int) {
	p.table(fmt.Sprintf("%-24s %9s %9s", "RULE", "FOUND/S", "IN ALL"), len(all), room, func(i int) {
		r := &all[i]
		color := ""
		if r.Rate == 0 {
			color = faint
		}
		p.line(color, "%-24s %9s %9.0f  %s", r.ID, number(r.Rate), r.Total, r.Message)
	})
}

func (p *picture) missed(all []topMissed, room int) {
	p.table(fmt.Sprintf("%-24s %9s %9s  %s", "NOT INSPECTED WHOLE", "REQ/S", "IN ALL", "ROUTE"), len(all), room, func(i int) {
		m := &all[i]
		color := ""
		if m.Rate == 0 {
			color = faint
		}
		p.line(color, "%-24s %9s %9.0f  %s", m.Reason, number(m.Rate), m.Total, cmp.Or(m.Route, "(no route)"))
	})
}

func (p *picture) upstreams(all []topUpstream, room int) {
	p.table(fmt.Sprintf("%-24s %9s %9s %9s %9s %9s", "UPSTREAM", "UP", "AWAY", "IN FLIGHT", "ERRORS/S", "RETRIES/S"), len(all), room, func(i int) {
		u := &all[i]
		color := ""
		switch {
		case u.Up == 0:
			color = red
		case u.Away > 0 || u.Errors > 0:
			color = yellow
		}
		p.line(color, "%-24s %9d %9d %9d %9s %9s", shorten(u.ID, 24), u.Up, u.Away, u.InFlight, number(u.Errors), number(u.Retries))
	})
}

func (p *picture) pods(all []topPod, room int) {
	p.table(fmt.Sprintf("%-40s %-12s %9s %9s  %s", "POD", "VERSION", "IN FLIGHT", "MEMORY", "STATE"), len(all), room, func(i int) {
		o := &all[i]
		color := ""
		if o.State != podReady {
			color = red
		}
		p.line(color, "%-40s %-12s %9d %9s  %s", shorten(o.ID, 40), shorten(o.Version, 12), o.InFlight, mebibytes(o.Memory), o.State)
	})
}

// podReady is the state of a pod that serves.
const podReady = "ready"

// byRate are words, the one with most first.
func byRate(of map[string]float64) []string {
	return slices.SortedFunc(maps.Keys(of), func(a, b string) int { return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b)) })
}

// shares are the parts of a whole by word.
func shares(of map[string]float64, whole float64) string {
	var out []string
	for _, word := range byRate(of) {
		if whole > 0 {
			out = append(out, word+" "+percent(of[word]/whole))
		}
	}
	return strings.Join(out, ", ")
}

// rates are numbers per second by word.
func rates(of map[string]float64) string {
	var out []string
	for _, word := range byRate(of) {
		out = append(out, word+" "+number(of[word])+"/s")
	}
	return strings.Join(out, ", ")
}

func sumOf(of map[string]float64) (sum float64) {
	for _, n := range of {
		sum += n
	}
	return sum
}

// number is a rate in as many digits as people read.
func number(n float64) string {
	switch {
	case n == 0:
		return "0"
	case n < 10:
		return fmt.Sprintf("%.2f", n)
	case n < 100:
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// percentOf is a share, where there is something of which it is one.
func percentOf(share *float64) string {
	if share == nil {
		return "-"
	}
	return percent(*share)
}

func percent(share float64) string {
	switch {
	case share == 0:
		return "0 %"
	case share < 0.1:
		return fmt.Sprintf("%.2g %%", 100*share)
	}
	return fmt.Sprintf("%.3g %%", 100*share)
}

func milliseconds(ms float64) string {
	switch {
	case ms == 0:
		return "-"
	case ms < 10:
		return fmt.Sprintf("%.2fms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0fms", ms)
	}
	return fmt.Sprintf("%.1fs", ms/1000)
}

func mebibytes(n float64) string { return fmt.Sprintf("%.0fMiB", n/(1<<20)) }

func cores(n float64) string { return fmt.Sprintf("%.2f", n) }
