package audit

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Limits of what an event carries. Longer text is cut on a rune boundary and ends in "…".
const (
	maxPathBytes      = 1024
	maxUserAgentBytes = 256
	maxHostBytes      = 256
	maxMethodBytes    = 32
	maxIDBytes        = 128
	maxTargetBytes    = 128
	maxMessageBytes   = 256
	maxValueBytes     = 200
)

// MostRules is how many rules an event names, the first that matched.
const MostRules = 50

// Access describes one request, however it ended. Strings come as they were received;
// Log cuts, cleans and masks them.
type Access struct {
	Time                time.Time // when the request's first byte was read; zero: now
	RequestID           string
	TraceID, SpanID     string // of the span of the request, in hex; empty: there is none
	Route, Policy, Mode string // empty if no route matched
	Client              netip.Addr
	Method, Host        string
	Path                string // without the query
	Protocol            string // HTTP/1.1
	TLS                 Secured
	Status              int    // sent to the client; 0 if the connection was dropped
	GRPCStatus          string // of a call, likewise; empty: it was none, or has not ended
	BytesIn, BytesOut   int64
	Duration            time.Duration
	Upstream, Endpoint  string        // empty if no endpoint was asked
	Attempts            int           // at endpoints
	UpstreamDuration    time.Duration // until the response head; 0 if there was none
	Verdict             string        // closed set, see docs/operations.md
	Coverage            string        // full, headers, partial or none
	CoverageReason      string        // closed set; empty if full
	UserAgent           string
	Error               string // closed set; empty if none
	Failed              bool   // the request was refused, or did not get what it was sent for
	AccessRule          string // that decided whether the client may ask; empty: none did
	AccessWould         string // what would have been decided by a rule that is only observed, and its id
}

// Security describes one request that matched at least one logging rule, or whose
// verdict is other than pass. Log masks every rule's message and value.
type Security struct {
	Time                                time.Time // zero: now
	RequestID                           string
	TraceID, SpanID                     string
	Route, Policy, Mode                 string
	Client                              netip.Addr
	Method, Host                        string
	Path                                string // without the query
	TLS                                 Secured
	Verdict                             string // closed set, see docs/operations.md
	Status                              int
	Phase                               int // 1 to 4, the phase that decided; 0 if none
	RuleID                              int // the rule that decided; 0 if none
	InboundScore, OutboundScore         int
	InboundThreshold, OutboundThreshold int
	Rules                               []Rule // in the order they matched; the first MostRules are written
	RulesDropped                        int    // matched rules that are not in Rules
	Coverage, CoverageReason            string
	Error                               string
	Generation                          uint64 // of the snapshot that served the request
}

// Secured is what an event tells of the client's TLS. Version is empty where there is none.
type Secured struct {
	Version    string // "1.3"
	ServerName string // that the client asked for
	Client     string // who the client has proved to be: a URI, or the whole subject; empty: nobody
	SHA256     string // of that certificate
}

// Rule is one matched rule.
type Rule struct {
	ID       int
	Message  string // may hold request text; masked by Log
	Severity string // critical, error, warning, notice …
	Phase    int
	Target   string   // what matched: "ARGS:q"
	Value    string   // as matched; masked by Log
	Around   string   // text that the value stands in, by which Log masks it; not written
	Tags     []string // optional
}

// productName is what other formats call the tier.
const productName = "Wafer"

// Stopped tells whether a request of a verdict was kept from the upstream, or its answer from the client.
func Stopped(verdict string) bool {
	switch verdict {
	case "pass", "would_block", "error_allow":
		return false
	}
	return true
}

// failure is what other formats call a request that was stopped, or did not go well.
func (a *Access) failure() bool {
	return Stopped(a.Verdict) || a.Error != "" || a.Status >= 500 || a.Status == 0
}

// gravestOf returns the first of the rules that are critical, or else the first one; nil: there is none.
func gravestOf(rules []Rule) *Rule {
	for i := range rules {
		if rules[i].Severity == "critical" {
			return &rules[i]
		}
	}
	if len(rules) > 0 {
		return &rules[0]
	}
	return nil
}

// title sums a security event up.
func (s *Security) title() string {
	if r := gravestOf(s.Rules); r != nil && r.Message != "" {
		return r.Message
	}
	return "security event"
}

// types are the kinds of attacks that the rules are about, each once.
func (s *Security) types() (types []string) {
	for i := range s.Rules {
		for _, tag := range s.Rules[i].Tags {
			if strings.HasPrefix(tag, "attack-") && !slices.Contains(types, tag) {
				types = append(types, tag)
			}
		}
	}
	return types
}
