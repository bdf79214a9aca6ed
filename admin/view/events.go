package view

import "encoding/json"

// Events answers GET /api/v1/events.
type Events struct {
	About  About   `json:"about"`
	Events []Event `json:"events"` // newest first
	// Next is the cursor of what is older; empty: there is nothing older that fits.
	Next string `json:"next,omitempty"`
	// Looked is how many events were compared with the filter.
	Looked int `json:"looked"`
}

// Event is one event, and where it was kept.
type Event struct {
	Pod   string          `json:"pod,omitempty"` // with scope=tier
	ID    string          `json:"id"`            // of the event at its pod: a cursor, just behind the event
	Event json.RawMessage `json:"event"`         // as docs/operations.md describes it
}

// Missed is the data of the server-sent event "missed": how many events a slow reader has not got since the one before.
type Missed struct {
	Pod    string `json:"pod,omitempty"`
	Missed uint64 `json:"missed"`
}

// Top answers GET /api/v1/events/top: how often what was found, of the events that are kept.
type Top struct {
	About  About    `json:"about"`
	By     string   `json:"by"` // rule, route, client, verdict, path, host or target
	Rows   []TopRow `json:"rows"`
	Others int      `json:"others"` // events whose value has no row
	Looked int      `json:"looked"`
}

// TopRow is one value, and how many events have it.
type TopRow struct {
	Value   string `json:"value"`
	Message string `json:"message,omitempty"` // of a rule
	Count   int    `json:"count"`
	Blocked int    `json:"blocked"` // of these, by verdict
	First   string `json:"first"`
	Last    string `json:"last"`
}

// Opened answers GET /api/v1/events/{request_id}: all that is known of one request.
type Opened struct {
	About     About   `json:"about"`
	RequestID string  `json:"request_id"`
	Events    []Event `json:"events"` // of the request, oldest first
	Pod       string  `json:"pod"`    // that has served it

	Time     string `json:"time"`
	Request  string `json:"request"` // first line: POST shop.example.com/login, as far as events tell it
	Client   string `json:"client,omitempty"`
	Route    string `json:"route,omitempty"`
	Verdict  string `json:"verdict"`
	Status   int    `json:"status"`
	Why      string `json:"why"` // in a sentence
	Coverage string `json:"coverage,omitempty"`
	Reason   string `json:"coverage_reason,omitempty"`
	Error    string `json:"error,omitempty"`

	Score  *Score        `json:"score,omitempty"`
	Rules  []MatchedRule `json:"rules"` // those that found something, in their order
	More   int           `json:"rules_dropped,omitempty"`
	Policy *PolicyState  `json:"policy,omitempty"` // as it is in force now
	// Changed is true if another configuration is in force now than the one that has served the request.
	Changed   bool       `json:"policy_changed,omitempty"`
	Exclusion *Exclusion `json:"exclusion,omitempty"` // nil: it is not rules with a score that have decided
	Explain   []Command  `json:"explain"`
}

// Score is the anomaly score of a request, and from where on it is blocked.
type Score struct {
	Inbound           int `json:"inbound"`
	InboundThreshold  int `json:"inbound_threshold"`
	Outbound          int `json:"outbound"`
	OutboundThreshold int `json:"outbound_threshold"`
}

// MatchedRule is a rule that found something in a request, and what is known of it.
type MatchedRule struct {
	ID       int      `json:"id"`
	Message  string   `json:"message,omitempty"`
	Severity string   `json:"severity,omitempty"`
	Score    int      `json:"score"` // that it adds, by its severity
	Phase    int      `json:"phase,omitempty"`
	Target   string   `json:"target,omitempty"` // where the value sat: ARGS:q
	Where    string   `json:"where,omitempty"`  // the same in words: the query or body field "q"
	Value    string   `json:"value,omitempty"`  // masked
	Tags     []string `json:"tags,omitempty"`
	RuleText
}

// RuleText is a rule as the rule set has it. Of own rules it is where they stand.
type RuleText struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Paranoia int    `json:"paranoia,omitempty"`
	Text     string `json:"text,omitempty"`
}

// Exclusion is what would let a request pass that rules have blocked.
type Exclusion struct {
	Policy string `json:"policy"`
	YAML   string `json:"yaml,omitempty"` // ready for the policy; empty: see Note
	Rules  int    `json:"rules"`          // that it is about
	// Passes is true if the request's score stays below the threshold with it, by what the event tells. Only the command
	// of Explain tries it.
	Passes bool `json:"passes"`
	// Unsure is true if rules have added more to the score than the event tells, perhaps elsewhere in the request.
	Unsure bool   `json:"unsure,omitempty"`
	Note   string `json:"note,omitempty"`
	// Opens says of each line of it what it would let through.
	Opens []Opening `json:"opens,omitempty"`
	// Others are requests that are kept here, were blocked by the same policy, and would pass as well.
	Others   int      `json:"others"`
	Examples []string `json:"examples,omitempty"` // their ids, the latest first, five at most
	// Looked is how many blocked requests of the policy were looked at.
	Looked int `json:"looked"`
}

// Opening is one line of an exclusion.
type Opening struct {
	Rule   int    `json:"rule"`
	Target string `json:"target,omitempty"`
	Path   string `json:"path,omitempty"`
	Opens  string `json:"opens"` // in a sentence
}

// Command is something to paste into a shell.
type Command struct {
	About   string `json:"about"`
	Command string `json:"command"`
}
