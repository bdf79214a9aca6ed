package upstream

import (
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream/health"
)

// cut reports whether the deadline of an exchange has ended an attempt that took so long, and left it no fair time.
func (x *Exchange) cut(took time.Duration) bool { return took < x.Fair && expired(x.Deadline) }

// outcome is what an attempt that took so long says about an endpoint. That the tier had no room or no descriptor, and what a client has
// done, is no fault of the endpoint's; nor is a deadline that others have used up, the endpoints that were tried before or a client that
// sends slowly.
func outcome(out *message.Request, x *Exchange, took time.Duration, used spent, err error) health.Outcome {
	if err == nil {
		return health.Answered(x.Response.Status)
	}
	if x.cut(took) || (x.tried.Len() > 1 || out.Body.Stream != nil) && expired(x.Deadline) {
		return health.Nothing
	}
	if used == missed || used == stale {
		return health.Nothing
	}
	switch FailureOf(err) {
	case NoBody, Busy, None, Exhausted, Left, Refused:
		return health.Nothing
	case Unreachable, Unconnected, Unresolved:
		return health.ConnectFailed
	case WrongName, Expired, UnknownCA, BadCert, Unwelcome, SlowHandshake, NoHandshake, NoProtocol:
		return health.TLSFailed
	case TimedOut:
		return health.TimedOut
	case Malformed:
		return health.Malformed
	}
	return health.Reset
}
