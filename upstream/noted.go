package upstream

import (
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream/health"
)

// outcome is what an attempt says about an endpoint. That the tier had no room or no descriptor, and what a client has
// done, is no fault of the endpoint's.
func outcome(err error, r *message.Response) health.Outcome {
	if err == nil {
		return health.Answered(r.Status)
	}
	switch FailureOf(err) {
	case NoBody, Busy, None, Exhausted, Left:
		return health.Nothing
	case Unreachable, Unresolved:
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
