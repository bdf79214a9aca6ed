package audit

import (
	"io"
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// The time on a console is short, since it is read while it happens, unless it shows what was before.
const (
	consoleTime = "15:04:05"
	consoleDay  = "2006-01-02 15:04:05"
)

// console writes events for people, one line each. What matters most stands first; on a terminal, what
// does not fit into its width is left out.
type console struct {
	w     io.Writer
	color bool
	width func() int // columns; 0: no limit
	days  bool       // the day stands before the time
}

// Colors of a terminal, for what should stand out.
const (
	noColor = ""
	faint   = "\x1b[2m"
	red     = "\x1b[31;1m"
	yellow  = "\x1b[33;1m"
	bold    = "\x1b[1m"
	plain   = "\x1b[0m"
)

// verdictColor is that of a verdict: red for what was stopped by rules or a fault, yellow for what
// would have been, or was without them.
func verdictColor(verdict string) string {
	switch verdict {
	case "pass":
		return noColor
	case "would_block", "refused", "error_allow":
		return yellow
	}
	return red
}

// access writes the access event that JSON writes, shorter and for people.
func (c *console) access(a *Access) {
	l := c.begin(a.Time, ' ', a.Verdict, a.Status)
	l.request(a.Method, a.Host, a.Path)
	l.put(noColor, append(strconv.AppendFloat(l.text(), milliseconds(a.Duration), 'f', -1, 64), "ms"...))
	l.pair("error", a.Error)
	l.pair("access_rule", a.AccessRule)
	l.pair("access_would", a.AccessWould)
	l.pair("request_id", a.RequestID)
	l.pair("route", a.Route)
	l.address(a.Client)
	l.coverage(a.Coverage, a.CoverageReason)
	l.pair("endpoint", a.Endpoint)
	c.end(l)
}

// security writes one line per event. A terminal gets the gravest rule, everything else all of them.
func (c *console) security(s *Security) {
	l := c.begin(s.Time, '!', s.Verdict, s.Status)
	l.request(s.Method, s.Host, s.Path)
	if l.limited && len(s.Rules) > 0 {
		l.rule(gravestOf(s.Rules))
		if more := len(s.Rules) + s.RulesDropped - 1; more > 0 {
			l.put(noColor, strconv.AppendInt(append(l.text(), '+'), int64(more), 10))
		}
	}
	l.score("inbound", s.InboundScore, s.InboundThreshold)
	l.score("outbound", s.OutboundScore, s.OutboundThreshold)
	l.pair("error", s.Error)
	l.pair("request_id", s.RequestID)
	l.pair("route", s.Route)
	l.address(s.Client)
	l.number("rule_id", s.RuleID)
	l.pair("policy", s.Policy)
	l.coverage(s.Coverage, s.CoverageReason)
	if !l.limited {
		for i := range s.Rules {
			l.put(noColor, append(l.text(), '|'))
			l.rule(&s.Rules[i])
			l.put(noColor, strconv.AppendQuote(l.text(), s.Rules[i].Message))
		}
		l.number("rules_dropped", s.RulesDropped)
	}
	c.end(l)
}

// line is one that is being written. Whatever a client sent goes through word or strconv.AppendQuote, which
// let only printable characters through.
type line struct {
	b       []byte
	scratch []byte
	left    int // columns
	width   int
	limited bool
	color   bool
}

// lines recycles the buffers in which they are built.
var lines = sync.Pool{New: func() any { return &line{b: make([]byte, 0, 512), scratch: make([]byte, 0, 256)} }}

// begin starts a line with what stands in every one: the mark tells security events from access events.
func (c *console) begin(t time.Time, mark byte, verdict string, status int) *line {
	t = orNow(t)
	l := lines.Get().(*line)
	l.b, l.color = l.b[:0], c.color
	l.left, l.limited = math.MaxInt, false
	if c.width != nil {
		if w := c.width(); w > 0 {
			l.left, l.width, l.limited = w, w, true
		}
	}
	layout := consoleTime
	if c.days {
		t, layout = t.Local(), consoleDay
	}
	l.put(faint, t.AppendFormat(l.text(), layout))
	l.put(verdictColor(verdict), word(append(l.text(), mark, ' '), verdict))
	color := noColor
	if status >= 500 {
		color = red
	}
	l.put(color, strconv.AppendInt(l.text(), int64(status), 10))
	return l
}

// end writes the line in one call.
func (c *console) end(l *line) {
	l.b = append(l.b, '\n')
	_, _ = c.w.Write(l.b) // the sink counts what it cannot write
	if cap(l.b) <= 1<<16 {
		lines.Put(l)
	}
}

// text returns the empty buffer in which the next part is spelled.
func (l *line) text() []byte { return l.scratch[:0] }

// put appends a part, if there is room for it. It reports whether there was.
func (l *line) put(color string, part []byte) bool {
	l.scratch = part
	need := columns(part)
	if len(l.b) > 0 {
		need++
	}
	if need > l.left {
		return false
	}
	l.left -= need
	if len(l.b) > 0 {
		l.b = append(l.b, ' ')
	}
	if l.color && color != noColor {
		l.b = append(append(append(l.b, color...), part...), plain...)
	} else {
		l.b = append(l.b, part...)
	}
	return true
}

// request takes a third of a terminal's width at most.
func (l *line) request(method, host, requestPath string) {
	b := append(word(l.text(), method), ' ')
	if host != "" {
		b = word(b, host)
	}
	l.put(noColor, l.fit(word(b, requestPath), 3))
}

// rule tells which rule has matched what, in a third of the width again.
func (l *line) rule(r *Rule) {
	b := append(strconv.AppendInt(l.text(), int64(r.ID), 10), ' ')
	b = append(word(b, r.Target), '=')
	l.put(bold, l.fit(strconv.AppendQuote(b, r.Value), 3))
}

// fit cuts a part to a share of the width, and marks the place.
func (l *line) fit(part []byte, share int) []byte {
	if !l.limited {
		return part
	}
	most, at, used := min(l.width/share, l.left-1), 0, 0
	if columns(part) <= most {
		return part
	}
	for at < len(part) {
		r, size := utf8.DecodeRune(part[at:])
		w := 1
		if r >= utf8.RuneSelf {
			w = 2
		}
		if used+w+len("..") > most {
			break
		}
		used += w
		at += size
	}
	return append(part[:at], ".."...)
}

// columns is how many columns text takes at most: what is not ASCII may be wide.
func columns(text []byte) int {
	n := 0
	for _, b := range text {
		switch {
		case b < utf8.RuneSelf:
			n++
		case utf8.RuneStart(b):
			n += 2
		}
	}
	return n
}

func (l *line) coverage(coverage, reason string) {
	if l.limited && coverage == "full" {
		return
	}
	l.pair("coverage", coverage)
	l.pair("coverage_reason", reason)
}

// word appends s as it is if it is plain, else quoted.
func word(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '|' {
			return strconv.AppendQuote(b, s)
		}
	}
	return append(b, s...)
}

func (l *line) pair(key, value string) {
	if value != "" {
		l.put(noColor, word(append(append(l.text(), key...), '='), value))
	}
}

func (l *line) number(key string, value int) {
	if value != 0 {
		l.put(noColor, strconv.AppendInt(append(append(l.text(), key...), '='), int64(value), 10))
	}
}

func (l *line) score(key string, value, threshold int) {
	if value == 0 && (threshold == 0 || l.limited) {
		return
	}
	b := append(append(l.text(), key...), '=')
	b = append(strconv.AppendInt(b, int64(value), 10), '/')
	l.put(noColor, strconv.AppendInt(b, int64(threshold), 10))
}

func (l *line) address(a netip.Addr) {
	if a.IsValid() {
		l.put(noColor, a.AppendTo(append(l.text(), "client="...)))
	}
}
