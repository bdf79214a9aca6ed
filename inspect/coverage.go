package inspect

// Coverage says how much of a message was inspected, and why not all of it. Both words
// come from closed sets: they are metric labels and dashboards count on them.
type Coverage struct {
	Label  Label
	Reason Reason
}

// Label is how much of a message was inspected.
type Label uint8

// The labels.
const (
	Full    Label = iota // all that the policy covers
	Headers              // the head, and nothing of the body
	Partial              // the head and a part of the body
	None                 // nothing
	Labels               // how many there are
)

var labelNames = [Labels]string{"full", "headers", "partial", "none"}

func (l Label) String() string { return labelNames[l] }

// Reason is why not all of a message was inspected.
type Reason uint8

// The reasons.
const (
	ReasonNone       Reason = iota
	ReasonPolicyOff         // the route's policy has mode: off
	ReasonBodyOff           // the policy does not inspect request bodies
	ReasonExcluded          // a rule switched the engine or body access off
	ReasonOversize          // the body goes on beyond the policy's limit
	ReasonBlocked           // stopped before the rest was read
	ReasonError             // the engine failed and the policy allows that
	ReasonNoRoute           // no route, so no policy
	ReasonRefused           // not valid enough to be inspected; it went nowhere
	ReasonRedirect          // the route itself answers
	ReasonOverload          // no place for the inspection, and the policy allows that
	ReasonUpgrade           // a tunnel after the handshake
	ReasonEncoding          // a body in a coding that cannot be read
	ReasonMIME              // a response of a type that the policy does not inspect
	ReasonStream            // a response that is a stream of events
	ReasonFiles             // contents of uploaded files that the policy does not show to rules
	ReasonBinary            // a body, or a part of it, that is no text
	ReasonUnreadable        // a body that cannot be read, which the policy lets pass or has blocked
	ReasonBudget            // the inspection would have cost more than the policy allows
	Reasons                 // how many there are
)

var reasonNames = [Reasons]string{
	"", "policy_off", "body_off", "excluded", "oversize", "blocked", "error", "no_route", "refused", "redirect", "overload", "upgrade", "encoding",
	"mime", "stream", "files", "binary", "unreadable", "budget",
}

func (r Reason) String() string { return reasonNames[r] }

// unread is why rules did not see a part of a request's body, by the reading's word for it.
var unread = map[string]Reason{"files": ReasonFiles, "binary": ReasonBinary, "encoding": ReasonEncoding, "unreadable": ReasonUnreadable}
