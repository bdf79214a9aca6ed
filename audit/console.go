package audit

import (
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// consoleTime is short: a console is read while it happens.
const consoleTime = "15:04:05.000"

// lines recycles the buffers in which console lines are built.
var lines = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// consoleAccess writes the access event that JSON writes, shorter and for people.
func (l *Log) consoleAccess(a *Access) {
	l.consoleLine(a.Time, eventAccess, func(b []byte) []byte {
		b = word(b, a.Verdict)
		b = append(strconv.AppendInt(append(b, ' '), int64(a.Status), 10), ' ')
		b = consoleRequest(b, a.Method, a.Host, a.Path)
		b = append(strconv.AppendFloat(append(b, ' '), milliseconds(a.Duration), 'f', -1, 64), "ms"...)
		b = pair(b, "route", a.Route)
		b = pair(b, "endpoint", a.Endpoint)
		b = consoleCoverage(b, a.Coverage, a.CoverageReason)
		b = pair(b, "error", a.Error)
		b = address(b, a.Client)
		return pair(b, "request_id", clean(a.RequestID, maxIDBytes))
	})
}

// consoleSecurity writes one line per event; every matched rule follows in it.
func (l *Log) consoleSecurity(s *Security) {
	l.consoleLine(s.Time, eventSecurity, func(b []byte) []byte {
		b = word(b, s.Verdict)
		b = append(strconv.AppendInt(append(b, ' '), int64(s.Status), 10), ' ')
		b = consoleRequest(b, s.Method, s.Host, s.Path)
		b = pair(b, "route", s.Route)
		b = pair(b, "policy", s.Policy)
		b = number(b, "rule_id", s.RuleID)
		b = score(b, "inbound", s.InboundScore, s.InboundThreshold)
		b = score(b, "outbound", s.OutboundScore, s.OutboundThreshold)
		b = consoleCoverage(b, s.Coverage, s.CoverageReason)
		b = pair(b, "error", s.Error)
		b = address(b, s.Client)
		b = pair(b, "request_id", clean(s.RequestID, maxIDBytes))
		rules := s.Rules[:min(len(s.Rules), maxRules)]
		var values [maxRules]string
		maskValues(&values, rules)
		for i := range rules {
			r := &rules[i]
			b = append(b, " | "...)
			b = strconv.AppendInt(b, int64(r.ID), 10)
			b = append(b, ' ')
			b = word(b, target(r.Target))
			b = append(b, '=')
			b = strconv.AppendQuote(b, values[i])
			b = append(b, ' ')
			b = strconv.AppendQuote(b, message(r.Message))
		}
		return number(b, "rules_dropped", s.RulesDropped+len(s.Rules)-len(rules))
	})
}

// consoleLine writes one line in one call. Whatever a client sent goes through word or
// strconv.AppendQuote, which let only printable characters through.
func (l *Log) consoleLine(t time.Time, kind string, rest func([]byte) []byte) {
	if t.IsZero() {
		t = time.Now()
	}
	p := lines.Get().(*[]byte)
	b := t.AppendFormat((*p)[:0], consoleTime)
	b = append(b, ' ')
	b = append(b, kind...)
	b = append(b, ' ')
	b = append(rest(b), '\n')
	_, _ = l.console.Write(b) // the sink counts what it cannot write
	if cap(b) <= 1<<16 {
		*p = b
	}
	lines.Put(p)
}

func consoleRequest(b []byte, method, host, requestPath string) []byte {
	b = word(b, clean(method, maxMethodBytes))
	b = append(b, ' ')
	if host != "" {
		b = word(b, clean(host, maxHostBytes))
	}
	return word(b, path(requestPath))
}

func consoleCoverage(b []byte, coverage, reason string) []byte {
	b = pair(b, "coverage", coverage)
	return pair(b, "coverage_reason", reason)
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

func pair(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	return word(append(append(append(b, ' '), key...), '='), value)
}

func number(b []byte, key string, value int) []byte {
	if value == 0 {
		return b
	}
	return strconv.AppendInt(append(append(append(b, ' '), key...), '='), int64(value), 10)
}

func score(b []byte, key string, value, threshold int) []byte {
	if value == 0 && threshold == 0 {
		return b
	}
	b = append(append(append(b, ' '), key...), '=')
	b = append(strconv.AppendInt(b, int64(value), 10), '/')
	return strconv.AppendInt(b, int64(threshold), 10)
}

func address(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	return a.AppendTo(append(b, " client="...))
}
