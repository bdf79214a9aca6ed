package audit

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// ecsVersion is the version of the schema that events keep to.
const ecsVersion = "8.11.0"

// ecsAccess writes an access event as a document of ECS. What ECS has no field for is below "wafer".
func (l *Log) ecsAccess(e *zerolog.Event, a *Access) {
	l.ecsHead(e, orNow(a.Time))
	outcome := "success"
	if a.failure() {
		outcome = "failure"
	}
	event := ecsEvent(e, "event", eventAccess, a.RequestID, a.Verdict).
		Strs("category", []string{"web", "network"}).Strs("type", []string{"access", ecsType(a.Verdict)}).
		Str("outcome", outcome).Int64("duration", a.Duration.Nanoseconds())
	optional(event, "reason", a.CoverageReason)
	e.Dict("event", event)
	ecsClient(e, a.Client)
	http := ecsHTTP(e, a.RequestID, a.Method, a.BytesIn, a.Status, a.BytesOut)
	if _, version, is := strings.Cut(a.Protocol, "/"); is {
		http.Str("version", version)
	}
	e.Dict("http", http)
	ecsURL(e, a.Host, a.Path)
	ecsTLS(e, &a.TLS)
	ecsTrace(e, a.TraceID, a.SpanID)
	if a.UserAgent != "" {
		e.Dict("user_agent", e.CreateDict().Str("original", a.UserAgent))
	}
	if a.Error != "" {
		e.Dict("error", e.CreateDict().Str("code", a.Error))
	}
	w := ecsOwn(e, eventAccess, a.Route, a.Policy, a.Mode, a.Verdict, a.Coverage, a.CoverageReason)
	optional(w, "grpc_status", a.GRPCStatus)
	optional(w, "access_rule", a.AccessRule)
	optional(w, "access_would", a.AccessWould)
	nativeUpstream(w, a)
	e.Dict("wafer", w)
	e.Msg("request")
}

// ecsSecurity writes a security event as a document of ECS.
func (l *Log) ecsSecurity(e *zerolog.Event, s *Security) {
	l.ecsHead(e, orNow(s.Time))
	e.Dict("event", ecsEvent(e, "alert", eventSecurity, s.RequestID, s.Verdict).
		Strs("category", []string{"intrusion_detection", "web"}).Strs("type", []string{"info", ecsType(s.Verdict)}).
		Int("severity", ocsfSeverity(s.Rules)))
	ecsClient(e, s.Client)
	e.Dict("http", e.CreateDict().
		Dict("request", e.CreateDict().Str("id", s.RequestID).Str("method", s.Method)).
		Dict("response", e.CreateDict().Int("status_code", s.Status)))
	ecsURL(e, s.Host, s.Path)
	ecsTLS(e, &s.TLS)
	ecsTrace(e, s.TraceID, s.SpanID)
	if r := gravestOf(s.Rules); r != nil {
		d := e.CreateDict().Str("id", strconv.Itoa(r.ID))
		optional(d, "name", r.Message)
		if types := s.types(); len(types) > 0 {
			d.Str("category", types[0])
		}
		e.Dict("rule", d)
	}
	if s.Error != "" {
		e.Dict("error", e.CreateDict().Str("code", s.Error))
	}
	w := ecsOwn(e, eventSecurity, s.Route, s.Policy, s.Mode, s.Verdict, s.Coverage, s.CoverageReason)
	if s.Phase != 0 {
		w.Int("phase", s.Phase)
	}
	w.Int("rule_id", s.RuleID).Dict("score", nativeScore(e, s))
	rules := e.CreateArray()
	for i := range s.Rules {
		rules.Dict(nativeRule(e, &s.Rules[i]))
	}
	w.Array("rules", rules)
	if s.RulesDropped > 0 {
		w.Int("rules_dropped", s.RulesDropped)
	}
	w.Uint64("generation", s.Generation)
	e.Dict("wafer", w)
	e.Msg(s.title())
}

// ecsBan writes an event about a ban as a document of ECS.
func (l *Log) ecsBan(e *zerolog.Event, b *Ban) {
	l.ecsHead(e, orNow(b.Time))
	e.Dict("event", ecsEvent(e, "alert", eventBan, b.RequestID, "ban_"+b.Action).
		Strs("category", []string{"intrusion_detection"}).Strs("type", []string{"info"}))
	if address, err := netip.ParseAddr(b.Who); err == nil {
		ecsClient(e, address)
	}
	e.Dict("wafer", e.CreateDict().Str("event", eventBan).Dict(eventBan, nativeBanFields(e.CreateDict(), b)))
	e.Msg("ban " + b.Action)
}

func (l *Log) ecsHead(e *zerolog.Event, at time.Time) {
	var buf [32]byte
	e.Bytes("@timestamp", appendTime(buf[:0], at))
	e.Dict("ecs", e.CreateDict().Str("version", ecsVersion))
	d := e.CreateDict().Str("vendor", productName).Str("product", productName).Str("type", "waf")
	optional(d, "version", l.version)
	optional(d, "hostname", l.instance)
	e.Dict("observer", d)
}

func ecsEvent(e *zerolog.Event, kind, name, requestID, action string) *zerolog.Event {
	d := e.CreateDict().Str("kind", kind).Str("module", "wafer").Str("dataset", "wafer."+name).Str("action", action)
	optional(d, "id", requestID)
	return d
}

// ecsType tells whether the request got through.
func ecsType(verdict string) string {
	if Stopped(verdict) {
		return "denied"
	}
	return "allowed"
}

func ecsClient(e *zerolog.Event, a netip.Addr) {
	if a.IsValid() {
		ip := a.String()
		e.Dict("source", e.CreateDict().Str("ip", ip))
		e.Dict("client", e.CreateDict().Str("ip", ip))
	}
}

func ecsHTTP(e *zerolog.Event, id, method string, in int64, status int, out int64) *zerolog.Event {
	bytes := func(n int64) *zerolog.Event { return e.CreateDict().Int64("bytes", n) }
	return e.CreateDict().
		Dict("request", e.CreateDict().Str("id", id).Str("method", method).Dict("body", bytes(in))).
		Dict("response", e.CreateDict().Int("status_code", status).Dict("body", bytes(out)))
}

func ecsURL(e *zerolog.Event, host, path string) {
	d := e.CreateDict()
	optional(d, "domain", host)
	e.Dict("url", d.Str("path", path))
}

func ecsTLS(e *zerolog.Event, s *Secured) {
	if s.Version == "" {
		return
	}
	d := e.CreateDict().Str("version", s.Version).Str("version_protocol", "tls")
	if s.ServerName != "" || s.Client != "" || s.SHA256 != "" {
		c := e.CreateDict()
		optional(c, "server_name", s.ServerName)
		optional(c, "subject", s.Client)
		if s.SHA256 != "" {
			c.Dict("hash", e.CreateDict().Str("sha256", s.SHA256))
		}
		d.Dict("client", c)
	}
	e.Dict("tls", d)
}

func ecsTrace(e *zerolog.Event, trace, span string) {
	if trace != "" {
		e.Dict("trace", e.CreateDict().Str("id", trace))
	}
	if span != "" {
		e.Dict("span", e.CreateDict().Str("id", span))
	}
}

func ecsOwn(e *zerolog.Event, event, route, policy, mode, verdict, coverage, reason string) *zerolog.Event {
	w := e.CreateDict().Str("event", event)
	optional(w, "route", route)
	optional(w, "policy", policy)
	optional(w, "mode", mode)
	w.Str("verdict", verdict)
	optional(w, "coverage", coverage)
	optional(w, "coverage_reason", reason)
	return w
}
