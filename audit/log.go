package audit

import (
	"io"
	"net/netip"
	"time"

	"github.com/rs/zerolog"
)

// Kinds of event, the values of the field "event".
const (
	eventAccess   = "access"
	eventSecurity = "security"
	eventBan      = "ban"
)

// Options choose what a Log writes and how.
type Options struct {
	Console bool       // one readable line for people instead of one JSON object
	Color   bool       // of a console
	Width   func() int // of a console: columns that a line may take, asked for each; nil or 0: no limit
}

// Log writes events, one line and one Write call each.
type Log struct {
	json    zerolog.Logger
	console *console // nil: JSON
}

// New returns a Log that writes to w, usually a *Writer: Log itself neither buffers nor
// limits. Events are written whatever the level of the operational log is.
func New(w io.Writer, o Options) *Log {
	l := &Log{}
	if o.Console {
		l.console = &console{w, o.Color, o.Width}
	} else {
		l.json = zerolog.New(w)
	}
	return l
}

// Access writes an access event.
func (l *Log) Access(a *Access) {
	if l.console != nil {
		l.console.access(a)
		return
	}
	e := l.begin(a.Time, eventAccess, a.RequestID)
	optional(e, "route", a.Route)
	optional(e, "policy", a.Policy)
	optional(e, "mode", a.Mode)
	client(e, a.Client)
	e.Str("method", clean(a.Method, maxMethodBytes))
	e.Str("host", clean(a.Host, maxHostBytes))
	e.Str("path", path(a.Path))
	e.Str("protocol", clean(a.Protocol, maxMethodBytes))
	secured(e, &a.TLS)
	e.Int("status", a.Status)
	optional(e, "grpc_status", a.GRPCStatus)
	e.Int64("bytes_in", a.BytesIn)
	e.Int64("bytes_out", a.BytesOut)
	e.Float64("duration_ms", milliseconds(a.Duration))
	if a.Upstream != "" {
		e.Str("upstream", a.Upstream)
		optional(e, "endpoint", a.Endpoint)
		if a.Attempts > 1 {
			e.Int("attempts", a.Attempts)
		}
		e.Float64("upstream_ms", milliseconds(a.UpstreamDuration))
	}
	e.Str("verdict", a.Verdict)
	optional(e, "coverage", a.Coverage)
	optional(e, "coverage_reason", a.CoverageReason)
	optional(e, "user_agent", text(a.UserAgent, maxUserAgentBytes))
	optional(e, "error", a.Error)
	optional(e, "access_rule", a.AccessRule)
	optional(e, "access_would", a.AccessWould)
	e.Msg("request")
}

// Security writes a security event.
func (l *Log) Security(s *Security) {
	if l.console != nil {
		l.console.security(s)
		return
	}
	e := l.begin(s.Time, eventSecurity, s.RequestID)
	if e == nil { // zerolog is switched off for the whole process
		return
	}
	optional(e, "route", s.Route)
	optional(e, "policy", s.Policy)
	optional(e, "mode", s.Mode)
	client(e, s.Client)
	e.Str("method", clean(s.Method, maxMethodBytes))
	e.Str("host", clean(s.Host, maxHostBytes))
	e.Str("path", path(s.Path))
	secured(e, &s.TLS)
	e.Str("verdict", s.Verdict)
	e.Int("status", s.Status)
	if s.Phase != 0 {
		e.Int("phase", s.Phase)
	}
	e.Int("rule_id", s.RuleID)
	e.Dict("score", e.CreateDict().
		Int("inbound", s.InboundScore).
		Int("inbound_threshold", s.InboundThreshold).
		Int("outbound", s.OutboundScore).
		Int("outbound_threshold", s.OutboundThreshold))
	rules := s.Rules[:min(len(s.Rules), maxRules)]
	var values [maxRules]string
	maskValues(&values, rules)
	array := e.CreateArray()
	for i := range rules {
		array.Dict(ruleDict(e, &rules[i], values[i]))
	}
	e.Array("rules", array)
	if dropped := s.RulesDropped + len(s.Rules) - len(rules); dropped > 0 {
		e.Int("rules_dropped", dropped)
	}
	optional(e, "coverage", s.Coverage)
	optional(e, "coverage_reason", s.CoverageReason)
	optional(e, "error", s.Error)
	e.Uint64("generation", s.Generation)
	e.Msg("security event")
}

func secured(e *zerolog.Event, s *Secured) {
	optional(e, "tls", s.Version)
	optional(e, "server_name", clean(s.ServerName, maxHostBytes))
	optional(e, "client_certificate", clean(s.Client, maxMessageBytes))
	optional(e, "client_certificate_sha256", s.SHA256)
}

func ruleDict(e *zerolog.Event, r *Rule, value string) *zerolog.Event {
	d := e.CreateDict().Int("id", r.ID)
	optional(d, "message", message(r.saying()))
	optional(d, "severity", clean(r.Severity, maxMethodBytes))
	if r.Phase != 0 {
		d.Int("phase", r.Phase)
	}
	optional(d, "target", target(r.Target))
	optional(d, "value", value)
	if len(r.Tags) > 0 {
		d.Strs("tags", r.Tags)
	}
	return d
}

// maskValues masks the values of rules. Several rules often match the same value, and a
// client can make masking one take a millisecond: it is done once.
func maskValues(values *[maxRules]string, rules []Rule) {
next:
	for i := range rules {
		for k := range i {
			if rules[k].Target == rules[i].Target && rules[k].Value == rules[i].Value {
				values[i] = values[k]
				continue next
			}
		}
		values[i] = clean(Mask(rules[i].Target, rules[i].Value), maxValueBytes+len(ellipsis))
	}
}

// begin starts a line. The event has no zerolog level, only the field, so that neither
// the level of the operational log nor zerolog's global level drops it.
func (l *Log) begin(t time.Time, kind, requestID string) *zerolog.Event {
	if t.IsZero() {
		t = time.Now()
	}
	var buf [32]byte
	e := l.json.Log() //nolint:zerologlint // the caller sends it
	e.Bytes("time", appendTime(buf[:0], t))
	e.Str("level", "info")
	e.Str("event", kind)
	e.Str("request_id", clean(requestID, maxIDBytes))
	return e
}

// appendTime appends t as RFC 3339 in UTC with milliseconds, always of the same width.
// The layout without a fraction is the one that package time formats fast.
func appendTime(b []byte, t time.Time) []byte {
	b = t.UTC().AppendFormat(b, time.RFC3339)
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(b[:len(b)-1], '.', '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z')
}

func client(e *zerolog.Event, a netip.Addr) {
	if !a.IsValid() {
		return
	}
	var buf [64]byte
	e.Bytes("client", a.AppendTo(buf[:0]))
}

func optional(e *zerolog.Event, key, value string) {
	if value != "" {
		e.Str(key, value)
	}
}

// milliseconds keeps microseconds: finer digits cost bytes and tell nothing.
func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
