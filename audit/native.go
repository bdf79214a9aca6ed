package audit

import (
	"net/netip"
	"time"

	"github.com/rs/zerolog"
)

// nativeAccess writes an access event as docs/operations.md describes it.
func nativeAccess(e *zerolog.Event, a *Access) {
	nativeHead(e, a.Time, eventAccess, a.RequestID)
	optional(e, "trace_id", a.TraceID)
	optional(e, "span_id", a.SpanID)
	optional(e, "route", a.Route)
	optional(e, "policy", a.Policy)
	optional(e, "mode", a.Mode)
	client(e, a.Client)
	e.Str("method", a.Method)
	e.Str("host", a.Host)
	e.Str("path", a.Path)
	e.Str("protocol", a.Protocol)
	secured(e, &a.TLS)
	e.Int("status", a.Status)
	optional(e, "grpc_status", a.GRPCStatus)
	e.Int64("bytes_in", a.BytesIn)
	e.Int64("bytes_out", a.BytesOut)
	e.Float64("duration_ms", milliseconds(a.Duration))
	nativeUpstream(e, a)
	e.Str("verdict", a.Verdict)
	optional(e, "coverage", a.Coverage)
	optional(e, "coverage_reason", a.CoverageReason)
	optional(e, "user_agent", a.UserAgent)
	optional(e, "error", a.Error)
	optional(e, "access_rule", a.AccessRule)
	optional(e, "access_would", a.AccessWould)
	e.Msg("request")
}

// nativeUpstream writes who was asked, and how long the answer took, if anybody was.
func nativeUpstream(e *zerolog.Event, a *Access) {
	if a.Upstream != "" {
		e.Str("upstream", a.Upstream)
		optional(e, "endpoint", a.Endpoint)
		if a.Attempts > 1 {
			e.Int("attempts", a.Attempts)
		}
		e.Float64("upstream_ms", milliseconds(a.UpstreamDuration))
	}
}

// nativeSecurity writes a security event as docs/operations.md describes it.
func nativeSecurity(e *zerolog.Event, s *Security) {
	nativeHead(e, s.Time, eventSecurity, s.RequestID)
	optional(e, "trace_id", s.TraceID)
	optional(e, "span_id", s.SpanID)
	optional(e, "route", s.Route)
	optional(e, "policy", s.Policy)
	optional(e, "mode", s.Mode)
	client(e, s.Client)
	e.Str("method", s.Method)
	e.Str("host", s.Host)
	e.Str("path", s.Path)
	secured(e, &s.TLS)
	e.Str("verdict", s.Verdict)
	e.Int("status", s.Status)
	if s.Phase != 0 {
		e.Int("phase", s.Phase)
	}
	e.Int("rule_id", s.RuleID)
	e.Dict("score", nativeScore(e, s))
	array := e.CreateArray()
	for i := range s.Rules {
		array.Dict(nativeRule(e, &s.Rules[i]))
	}
	e.Array("rules", array)
	if s.RulesDropped > 0 {
		e.Int("rules_dropped", s.RulesDropped)
	}
	optional(e, "coverage", s.Coverage)
	optional(e, "coverage_reason", s.CoverageReason)
	optional(e, "error", s.Error)
	e.Uint64("generation", s.Generation)
	e.Msg("security event")
}

func nativeScore(e *zerolog.Event, s *Security) *zerolog.Event {
	return e.CreateDict().
		Int("inbound", s.InboundScore).
		Int("inbound_threshold", s.InboundThreshold).
		Int("outbound", s.OutboundScore).
		Int("outbound_threshold", s.OutboundThreshold)
}

func nativeRule(e *zerolog.Event, r *Rule) *zerolog.Event {
	d := e.CreateDict().Int("id", r.ID)
	optional(d, "message", r.Message)
	optional(d, "severity", r.Severity)
	if r.Phase != 0 {
		d.Int("phase", r.Phase)
	}
	optional(d, "target", r.Target)
	optional(d, "value", r.Value)
	if len(r.Tags) > 0 {
		d.Strs("tags", r.Tags)
	}
	return d
}

// nativeBan writes an event about a ban as docs/operations.md describes it.
func nativeBan(e *zerolog.Event, b *Ban) {
	nativeHead(e, b.Time, eventBan, b.RequestID)
	nativeBanFields(e, b)
	e.Send()
}

func nativeBanFields(e *zerolog.Event, b *Ban) *zerolog.Event {
	e.Str("action", b.Action)
	e.Str("who", b.Who)
	e.Str("scope", b.Scope)
	optional(e, "where", b.Where)
	e.Str("access_rule", b.Rule)
	optional(e, "reason", b.Reason)
	if b.Observed {
		e.Bool("observed", true)
	}
	e.Int64("times", b.Times)
	e.Float64("lasts_s", b.Lasts.Round(time.Millisecond).Seconds())
	e.Str("until", b.Until.UTC().Format(time.RFC3339))
	return e
}

// nativeHead writes what stands in every event. The level is a field only, see begin.
func nativeHead(e *zerolog.Event, t time.Time, kind, requestID string) {
	var buf [32]byte
	e.Bytes("time", appendTime(buf[:0], orNow(t)))
	e.Str("level", "info")
	e.Str("event", kind)
	e.Str("request_id", requestID)
}

func secured(e *zerolog.Event, s *Secured) {
	optional(e, "tls", s.Version)
	optional(e, "server_name", s.ServerName)
	optional(e, "client_certificate", s.Client)
	optional(e, "client_certificate_sha256", s.SHA256)
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
