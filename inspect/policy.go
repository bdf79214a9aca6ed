package inspect

import "github.com/wafer-waf/wafer/waf"

// Policy is how messages are treated. What a configuration says in words is decided here once.
type Policy struct {
	Engine *waf.Engine // nil: nothing is inspected
	Detect bool        // report what would be refused or blocked, and let it pass

	OnError    Choice // when the engine fails
	OnOverload Choice // when there is no place, or no memory, for the inspection
	OnBudget   Choice // when the inspection costs more than its budget

	RequestBodies  bool
	RequestLimit   int       // bytes of a request's body that are inspected at most, decoded or not
	Oversize       Treatment // of a body that goes on beyond it
	Undecodable    Treatment // of a body whose coding cannot be undone; not InspectPrefix
	ResponseBodies bool
	ResponseLimit  int
	ResponseTypes  []string // media types of the responses that are inspected

	BlockStatus int // where rules say nothing else than 403
}

// Sheds reports whether a message may be refused because there is no place for its inspection.
func (p *Policy) Sheds() bool { return p.Engine != nil && p.OnOverload == Deny }

// Choice is what happens to a message that could not be inspected.
type Choice uint8

// The choices.
const (
	Deny Choice = iota
	Allow
)

// Treatment is what happens to a message of which the rules cannot see all.
type Treatment uint8

// The treatments.
const (
	Reject Treatment = iota
	InspectPrefix
	SkipInspection
)
