package audit

import (
	"encoding/json"
	"math"
	"net/netip"
	"time"
)

// written is a native event as JSON has it, of whatever kind.
type written struct {
	Time                 time.Time
	Event                string
	RequestID            string `json:"request_id"`
	TraceID              string `json:"trace_id"`
	SpanID               string `json:"span_id"`
	Route, Policy, Mode  string
	Client               netip.Addr
	Method, Host, Path   string
	Protocol             string
	Status               int
	GRPCStatus           string  `json:"grpc_status"`
	BytesIn              int64   `json:"bytes_in"`
	BytesOut             int64   `json:"bytes_out"`
	DurationMS           float64 `json:"duration_ms"`
	Upstream, Endpoint   string
	Attempts             int
	UpstreamMS           float64 `json:"upstream_ms"`
	Verdict              string
	Coverage             string
	CoverageReason       string `json:"coverage_reason"`
	UserAgent            string `json:"user_agent"`
	Error                string
	AccessRule           string `json:"access_rule"`
	AccessWould          string `json:"access_would"`
	TLS                  string
	ServerName           string `json:"server_name"`
	ClientCertificate    string `json:"client_certificate"`
	ClientCertificateSum string `json:"client_certificate_sha256"`

	Phase  int
	RuleID int `json:"rule_id"`
	Score  struct {
		Inbound           int
		InboundThreshold  int `json:"inbound_threshold"`
		Outbound          int
		OutboundThreshold int `json:"outbound_threshold"`
	}
	Rules        []Rule
	RulesDropped int `json:"rules_dropped"`
	Generation   uint64

	Action, Who, Scope, Where, Reason string
	Observed                          bool
	Times                             int64
	LastsS                            float64 `json:"lasts_s"`
	Until                             time.Time
}

// Again takes an event that was written in the native format before, as a line of JSON. It reports whether it was one.
func (l *Log) Again(line []byte) bool {
	var w written
	if json.Unmarshal(line, &w) != nil {
		return false
	}
	switch w.Event {
	case eventAccess:
		l.Access(w.access())
	case eventSecurity:
		l.Security(w.security())
	case eventBan:
		l.Ban(&Ban{
			Time: w.Time, RequestID: w.RequestID, Action: w.Action, Who: w.Who, Scope: w.Scope, Where: w.Where, Rule: w.AccessRule,
			Reason: w.Reason, Observed: w.Observed, Times: w.Times, Lasts: time.Duration(w.LastsS * float64(time.Second)), Until: w.Until,
		})
	default:
		return false
	}
	return true
}

func (w *written) access() *Access {
	return &Access{
		Time: w.Time, RequestID: w.RequestID, TraceID: w.TraceID, SpanID: w.SpanID, Route: w.Route, Policy: w.Policy, Mode: w.Mode,
		Client: w.Client, Method: w.Method, Host: w.Host, Path: w.Path, Protocol: w.Protocol, TLS: w.secured(),
		Status: w.Status, GRPCStatus: w.GRPCStatus, BytesIn: w.BytesIn, BytesOut: w.BytesOut, Duration: w.duration(w.DurationMS),
		Upstream: w.Upstream, Endpoint: w.Endpoint, Attempts: w.Attempts, UpstreamDuration: w.duration(w.UpstreamMS),
		Verdict: w.Verdict, Coverage: w.Coverage, CoverageReason: w.CoverageReason, UserAgent: w.UserAgent, Error: w.Error,
		AccessRule: w.AccessRule, AccessWould: w.AccessWould,
	}
}

func (w *written) security() *Security {
	return &Security{
		Time: w.Time, RequestID: w.RequestID, TraceID: w.TraceID, SpanID: w.SpanID, Route: w.Route, Policy: w.Policy, Mode: w.Mode,
		Client: w.Client, Method: w.Method, Host: w.Host, Path: w.Path, TLS: w.secured(), Verdict: w.Verdict, Status: w.Status,
		Phase: w.Phase, RuleID: w.RuleID, InboundScore: w.Score.Inbound, OutboundScore: w.Score.Outbound,
		InboundThreshold: w.Score.InboundThreshold, OutboundThreshold: w.Score.OutboundThreshold,
		Rules: w.Rules, RulesDropped: w.RulesDropped,
		Coverage: w.Coverage, CoverageReason: w.CoverageReason, Error: w.Error, Generation: w.Generation,
	}
}

func (w *written) secured() Secured {
	return Secured{Version: w.TLS, ServerName: w.ServerName, Client: w.ClientCertificate, SHA256: w.ClientCertificateSum}
}

// duration of milliseconds, of which microseconds are written.
func (w *written) duration(ms float64) time.Duration {
	return time.Duration(math.Round(ms*1000)) * time.Microsecond
}
