package health

// Outcome is how an attempt at an endpoint has ended.
type Outcome uint8

// How it can. Nothing is noted of what was not the endpoint's doing: the client has left, its body did not
// come, the tier had no place or no descriptor.
const (
	Nothing       Outcome = iota // it says nothing about the endpoint
	OK                           // it has answered, with a status that is not one of a broken server
	ConnectFailed                // no connection could be opened
	TLSFailed                    // the handshake, or the certificate
	Reset                        // the connection, or the stream, ended before there was a response
	Malformed                    // what came was no response
	TimedOut                     // no response in time
	Answered5xx                  // it has answered that it is broken
	outcomes
)

// Fault reports whether an attempt ended without an answer.
func (o Outcome) Fault() bool { return o >= ConnectFailed && o <= TimedOut }

// reasons are the words for why endpoints are not asked.
var reasons = [outcomes]string{
	ConnectFailed: "connect", TLSFailed: "tls", Reset: "reset", Malformed: "malformed", TimedOut: "timeout", Answered5xx: "5xx",
}

// CheckFailed is the word for an endpoint that active checks have given up.
const CheckFailed = "check"

// Reasons are the words for why endpoints are ejected.
func Reasons() []string { return reasons[ConnectFailed:] }

// Answered is the outcome of a response. That a server has not implemented something, or does not speak a
// version, is an answer to the request, and no sign of a broken server.
func Answered(status int) Outcome {
	switch status {
	case 500, 502, 503, 504:
		return Answered5xx
	}
	return OK
}
