package proxy

// coverage says how much of a request was inspected, and why not all of it. Both words
// come from closed sets: they are metric labels and dashboards count on them.
type coverage struct {
	label  coverageLabel
	reason coverageReason
}

type coverageLabel uint8

const (
	coverageFull    coverageLabel = iota // all that the policy covers
	coverageHeaders                      // the head, and nothing of the body
	coveragePartial                      // the head and a part of the body
	coverageNone                         // nothing
	coverageLabels                       // how many there are
)

var coverageNames = [coverageLabels]string{"full", "headers", "partial", "none"}

func (l coverageLabel) String() string { return coverageNames[l] }

type coverageReason uint8

const (
	reasonNone       coverageReason = iota
	reasonPolicyOff                 // the route's policy has mode: off
	reasonBodyOff                   // the policy does not inspect request bodies
	reasonExcluded                  // a rule switched the engine or body access off
	reasonOversize                  // the body goes on beyond the policy's limit
	reasonBlocked                   // stopped before the rest was read
	reasonError                     // the engine failed and the policy allows that
	reasonNoRoute                   // no route, so no policy
	reasonRefused                   // not valid enough to be inspected; it went nowhere
	reasonRedirect                  // the route itself answers
	reasonOverload                  // no place for the inspection, and the policy allows that
	reasonUpgrade                   // a tunnel after the handshake
	reasonEncoding                  // a body in a coding that cannot be read
	reasonMIME                      // a response of a type that the policy does not inspect
	reasonStream                    // a response that is a stream of events
	reasonFiles                     // contents of uploaded files that the policy does not show to rules
	reasonBinary                    // a body, or a part of it, that is no text
	reasonUnreadable                // a body that cannot be read, which the policy lets pass or has blocked
	reasonBudget                    // the inspection would have cost more than the policy allows
	coverageReasons                 // how many there are
)

var reasonNames = [coverageReasons]string{
	"", "policy_off", "body_off", "excluded", "oversize", "blocked", "error", "no_route", "refused", "redirect", "overload", "upgrade", "encoding",
	"mime", "stream", "files", "binary", "unreadable", "budget",
}

func (r coverageReason) String() string { return reasonNames[r] }

// unread is why rules did not see a part of a request's body, by the reading's word for it.
var unread = map[string]coverageReason{"files": reasonFiles, "binary": reasonBinary, "encoding": reasonEncoding, "unreadable": reasonUnreadable}
