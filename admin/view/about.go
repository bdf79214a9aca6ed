package view

import "time"

// Scopes of an answer.
const (
	ScopePod  = "pod"  // what this pod knows
	ScopeTier = "tier" // what all pods that answered know
)

// About says what an answer rests on. Every answer has it.
type About struct {
	Pod      string    `json:"pod"`      // that has answered: its host name
	Instance string    `json:"instance"` // tells processes apart that have the same name
	Version  string    `json:"version"`
	Time     time.Time `json:"time"`
	Scope    string    `json:"scope"`
	Window   Window    `json:"window"`   // that the answer covers
	Sampling Sampling  `json:"sampling"` // which requests are in it
	Dropped  Dropped   `json:"dropped"`  // events that are not in it although they lie in the window
	// Kept is how far back events reach. Of a tier it is what all pods have together, and From the latest of theirs.
	Kept []Kept `json:"kept"`
	// Pods are those that were asked, with scope=tier. Complete is false if one of them has not answered.
	Pods     []Pod `json:"pods,omitempty"`
	Complete bool  `json:"complete"`
	// Warnings are what else readers should know of, in sentences.
	Warnings []string `json:"warnings,omitempty"`
}

// Window is a span of time.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Sampling says which requests have events.
type Sampling struct {
	// Access is log.access: "all", or "off" if only requests that were refused or failed have access events.
	Access string `json:"access"`
	// Counted is always 1: time line and totals count every request.
	Counted float64 `json:"counted"`
}

// Dropped are events that were lost, since the process began.
type Dropped struct {
	Recent uint64 `json:"recent"` // larger than what is kept of events at once
	Output uint64 `json:"output"` // that standard output did not take; they are in answers all the same
}

// Kept is one part of what is kept of events. Requests that passed and those that were refused have a part each, so that they do
// not push out what rules have found.
type Kept struct {
	Part        string    `json:"part"` // "notable": security events, bans, and requests that rules stopped; "refused": others that were refused or failed; "passed": the rest
	From        time.Time `json:"from"` // the oldest event that is kept; zero: none is
	To          time.Time `json:"to"`
	Events      int       `json:"events"`
	Bytes       int       `json:"bytes"`
	Limit       int       `json:"limit"`       // bytes
	Overwritten uint64    `json:"overwritten"` // events that were here and had to make room
}

// Pod is one pod of the tier as it was asked.
type Pod struct {
	Pod          string  `json:"pod,omitempty"` // host name; empty: it has not answered
	Address      string  `json:"address"`       // of its admin listener
	Self         bool    `json:"self,omitempty"`
	Answered     bool    `json:"answered"`
	Error        string  `json:"error,omitempty"` // why it has not
	Milliseconds float64 `json:"ms"`
	Version      string  `json:"version,omitempty"`
}

// States is the answer with scope=tier about what every pod has for itself: what each of them says.
type States struct {
	About About      `json:"about"`
	Pods  []PodState `json:"pods"`
}

// PodState is what one pod answers.
type PodState struct {
	Pod    string `json:"pod"`
	Answer any    `json:"answer"`
}
