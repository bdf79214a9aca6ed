package audit

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// ocsfVersion is the version of the schema that events keep to. Consumers choose by it what to expect.
const ocsfVersion = "1.4.0"

// Classes of OCSF, and what they are part of.
const (
	ocsfHTTPActivity     = 4002
	ocsfNetwork          = 4
	ocsfDetectionFinding = 2004
	ocsfFindings         = 2
)

// Normalized words of OCSF, by their numbers.
const (
	ocsfInformational = 1
	ocsfLow           = 2
	ocsfMedium        = 3
	ocsfHigh          = 4
	ocsfCritical      = 5

	ocsfSuccess = 1
	ocsfFailure = 2

	ocsfCreate = 1
	ocsfClose  = 3

	ocsfNew      = 1
	ocsfResolved = 4

	ocsfAllowed = 1
	ocsfDenied  = 2

	ocsfRule = 1 // kind of an analytic

	ocsfDispositionAllowed      = 1
	ocsfDispositionBlocked      = 2
	ocsfDispositionDropped      = 6
	ocsfDispositionDetected     = 15
	ocsfDispositionChallenge    = 23
	ocsfDispositionRejected     = 25
	ocsfDispositionUnauthorized = 26
)

// ocsfAccess writes an access event as HTTP Activity.
func (l *Log) ocsfAccess(e *zerolog.Event, a *Access) {
	l.ocsfHead(e, orNow(a.Time), ocsfNetwork, ocsfHTTPActivity, ocsfMethod(a.Method), a.RequestID)
	severity, status := ocsfInformational, ocsfSuccess
	if Stopped(a.Verdict) {
		severity = ocsfLow
	}
	if a.failure() {
		status = ocsfFailure
	}
	e.Int("severity_id", severity)
	e.Int("status_id", status)
	ocsfOutcome(e, a.Verdict, a.Error)
	e.Int64("duration", a.Duration.Milliseconds())
	ocsfEndpoints(e, e, a.Client, a.Host)
	e.Dict("http_request", ocsfRequest(e, a.RequestID, a.Method, a.Host, a.Path, a.Protocol, a.UserAgent))
	e.Dict("http_response", e.CreateDict().Int("code", a.Status).Int64("length", a.BytesOut))
	e.Dict("traffic", e.CreateDict().Int64("bytes_in", a.BytesIn).Int64("bytes_out", a.BytesOut).Int64("bytes", a.BytesIn+a.BytesOut))
	ocsfTLS(e, &a.TLS)
	ocsfPolicy(e, a.Policy)
	u := e.CreateDict()
	u.Str("event", eventAccess)
	optional(u, "trace_id", a.TraceID)
	optional(u, "span_id", a.SpanID)
	optional(u, "route", a.Route)
	optional(u, "mode", a.Mode)
	u.Str("verdict", a.Verdict)
	optional(u, "coverage", a.Coverage)
	optional(u, "coverage_reason", a.CoverageReason)
	optional(u, "grpc_status", a.GRPCStatus)
	optional(u, "error", a.Error)
	optional(u, "access_rule", a.AccessRule)
	optional(u, "access_would", a.AccessWould)
	nativeUpstream(u, a)
	ocsfCertificate(u, &a.TLS)
	e.Dict("unmapped", u)
	e.Msg("request")
}

// ocsfSecurity writes a security event as Detection Finding.
func (l *Log) ocsfSecurity(e *zerolog.Event, s *Security) {
	at := orNow(s.Time)
	l.ocsfHead(e, at, ocsfFindings, ocsfDetectionFinding, ocsfCreate, s.RequestID)
	e.Int("severity_id", ocsfSeverity(s.Rules))
	e.Int("status_id", ocsfNew)
	ocsfOutcome(e, s.Verdict, s.Error)
	e.Bool("is_alert", s.Verdict != "pass")
	info := e.CreateDict().Str("uid", s.RequestID).Str("title", s.title()).Int64("created_time", at.UnixMilli())
	if types := s.types(); len(types) > 0 {
		info.Strs("types", types)
	}
	if s.RuleID != 0 {
		info.Dict("analytic", e.CreateDict().Int("type_id", ocsfRule).Str("uid", strconv.Itoa(s.RuleID)))
	}
	related, evidence := e.CreateArray(), e.CreateArray()
	for i := range s.Rules {
		r := &s.Rules[i]
		d := e.CreateDict().Int("type_id", ocsfRule).Str("uid", strconv.Itoa(r.ID))
		optional(d, "name", r.Message)
		related.Dict(d)
		evidence.Dict(e.CreateDict().Dict("data", nativeRule(e, r)))
	}
	info.Array("related_analytics", related)
	e.Dict("finding_info", info)
	if r := gravestOf(s.Rules); r != nil {
		d := e.CreateDict().Str("uid", strconv.Itoa(r.ID))
		optional(d, "name", r.Message)
		optional(d, "match_location", r.Target)
		e.Dict("firewall_rule", d)
	}
	request := e.CreateDict()
	ocsfEndpoints(e, request, s.Client, s.Host)
	evidence.Dict(request.
		Dict("http_request", ocsfRequest(e, s.RequestID, s.Method, s.Host, s.Path, "", "")).
		Dict("http_response", e.CreateDict().Int("code", s.Status)))
	e.Array("evidences", evidence)
	ocsfPolicy(e, s.Policy)
	e.Dict("unmapped", ocsfUnmapped(e, s))
	e.Msg(s.title())
}

// ocsfUnmapped is what a security event says that OCSF has no words for.
func ocsfUnmapped(e *zerolog.Event, s *Security) *zerolog.Event {
	u := e.CreateDict()
	u.Str("event", eventSecurity)
	optional(u, "trace_id", s.TraceID)
	optional(u, "span_id", s.SpanID)
	optional(u, "route", s.Route)
	optional(u, "mode", s.Mode)
	u.Str("verdict", s.Verdict)
	if s.Phase != 0 {
		u.Int("phase", s.Phase)
	}
	u.Dict("score", nativeScore(e, s))
	if s.RulesDropped > 0 {
		u.Int("rules_dropped", s.RulesDropped)
	}
	optional(u, "coverage", s.Coverage)
	optional(u, "coverage_reason", s.CoverageReason)
	optional(u, "error", s.Error)
	u.Uint64("generation", s.Generation)
	optional(u, "tls", s.TLS.Version)
	ocsfCertificate(u, &s.TLS)
	return u
}

// ocsfBan writes an event about a ban as Detection Finding, which is created and closed.
func (l *Log) ocsfBan(e *zerolog.Event, b *Ban) {
	at, activity, status := orNow(b.Time), ocsfCreate, ocsfNew
	if b.Action != "begun" {
		activity, status = ocsfClose, ocsfResolved
	}
	l.ocsfHead(e, at, ocsfFindings, ocsfDetectionFinding, activity, b.RequestID)
	e.Int("severity_id", ocsfMedium)
	e.Int("status_id", status)
	if b.Observed {
		ocsfOutcome(e, "would_block", "")
	} else {
		ocsfOutcome(e, "block", "")
	}
	e.Dict("finding_info", e.CreateDict().
		Str("uid", strings.Join([]string{eventBan, b.Scope, b.Where, b.Who}, "/")).Str("title", "ban "+b.Action).
		Strs("types", []string{eventBan}).
		Dict("analytic", e.CreateDict().Int("type_id", ocsfRule).Str("uid", b.Rule)))
	e.Dict("unmapped", nativeBanFields(e.CreateDict().Str("event", eventBan), b))
	e.Msg("ban " + b.Action)
}

// ocsfHead writes what every event has.
func (l *Log) ocsfHead(e *zerolog.Event, at time.Time, category, class, activity int, requestID string) {
	e.Int64("time", at.UnixMilli())
	e.Int("category_uid", category)
	e.Int("class_uid", class)
	e.Int("activity_id", activity)
	e.Int("type_uid", class*100+activity)
	product := e.CreateDict().Str("name", productName).Str("vendor_name", productName)
	optional(product, "version", l.version)
	m := e.CreateDict().Str("version", ocsfVersion).Dict("product", product).Strs("profiles", []string{"security_control"})
	optional(m, "correlation_uid", requestID)
	optional(m, "log_provider", l.instance)
	e.Dict("metadata", m)
}

// ocsfOutcome says what was done.
func ocsfOutcome(e *zerolog.Event, verdict, why string) {
	action := ocsfAllowed
	if Stopped(verdict) {
		action = ocsfDenied
	}
	e.Int("action_id", action)
	e.Int("disposition_id", ocsfDisposition(verdict, why))
}

func ocsfDisposition(verdict, why string) int {
	switch verdict {
	case "pass", "error_allow":
		return ocsfDispositionAllowed
	case "would_block":
		return ocsfDispositionDetected
	case "drop":
		return ocsfDispositionDropped
	case "refused":
		return ocsfRefusal(why)
	}
	return ocsfDispositionBlocked
}

// ocsfRefusal is what a request was refused for: access policies have words of their own.
func ocsfRefusal(why string) int {
	switch why {
	case "access_denied", "banned":
		return ocsfDispositionBlocked
	case "unauthenticated":
		return ocsfDispositionUnauthorized
	case "challenged":
		return ocsfDispositionChallenge
	}
	return ocsfDispositionRejected
}

// ocsfMethod is the activity that a method stands for.
func ocsfMethod(method string) int {
	switch method {
	case "CONNECT":
		return 1
	case "DELETE":
		return 2
	case "GET":
		return 3
	case "HEAD":
		return 4
	case "OPTIONS":
		return 5
	case "POST":
		return 6
	case "PUT":
		return 7
	case "TRACE":
		return 8
	case "":
		return 0
	}
	return 99
}

// ocsfSeverity is that of the gravest rule.
func ocsfSeverity(rules []Rule) int {
	severity := ocsfInformational
	for i := range rules {
		switch rules[i].Severity {
		case "critical", "alert", "emergency":
			severity = max(severity, ocsfCritical)
		case "error":
			severity = max(severity, ocsfHigh)
		case "warning":
			severity = max(severity, ocsfMedium)
		case "notice":
			severity = max(severity, ocsfLow)
		}
	}
	return severity
}

// ocsfEndpoints writes into d who has asked whom, as far as that is known.
func ocsfEndpoints(e, d *zerolog.Event, client netip.Addr, host string) {
	if client.IsValid() {
		d.Dict("src_endpoint", e.CreateDict().Str("ip", client.String()))
	}
	if host != "" {
		d.Dict("dst_endpoint", e.CreateDict().Str("hostname", host))
	}
}

func ocsfRequest(e *zerolog.Event, id, method, host, path, protocol, userAgent string) *zerolog.Event {
	url := e.CreateDict()
	optional(url, "hostname", host)
	optional(url, "path", path)
	d := e.CreateDict().Str("uid", id)
	optional(d, "http_method", method)
	if _, version, is := strings.Cut(protocol, "/"); is {
		d.Str("version", version)
	}
	d.Dict("url", url)
	optional(d, "user_agent", userAgent)
	return d
}

func ocsfTLS(e *zerolog.Event, s *Secured) {
	if s.Version == "" {
		return
	}
	d := e.CreateDict().Str("version", s.Version)
	optional(d, "sni", s.ServerName)
	e.Dict("tls", d)
}

func ocsfCertificate(u *zerolog.Event, s *Secured) {
	optional(u, "client_certificate", s.Client)
	optional(u, "client_certificate_sha256", s.SHA256)
}

func ocsfPolicy(e *zerolog.Event, policy string) {
	if policy != "" {
		e.Dict("policy", e.CreateDict().Str("uid", policy).Str("name", policy))
	}
}
