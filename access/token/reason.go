package token

// Reason is why a request has no identity, in a word of a closed set.
type Reason uint8

// The reasons.
const (
	None      Reason = iota // it has one
	Missing                 // nothing is carried
	Malformed               // it is no token at all, or one that readers may read in two ways
	TooLarge
	Several   // two that differ
	Algorithm // that the issuer is not allowed to use
	Issuer    // nobody who is known
	UnknownKey
	Signature
	Expired
	NotYet
	Audience
	Claim       // one is missing that has to be there, or cannot be passed on
	Throttled   // the client has sent too many whose signatures were wrong
	KeysMissing // the issuer's keys could never be fetched
	NotAKey     // an API key that is in no file
	Reasons     // how many there are
)

var reasonWords = [Reasons]string{
	"valid", "missing", "malformed", "too_large", "several", "algorithm", "issuer", "unknown_key", "signature", "expired",
	"not_yet", "audience", "claim", "throttled", "keys_missing", "not_a_key",
}

// String is the word.
func (r Reason) String() string { return reasonWords[r] }

// Told is what a client is told of the reason: less than operators, since whoever tries tokens should learn nothing
// from it.
func (r Reason) Told() string {
	switch r {
	case Expired:
		return "the token has expired"
	case NotYet:
		return "the token is not valid yet"
	case Several:
		return "more than one token"
	case TooLarge:
		return "the token is too large"
	}
	return "the token is not valid"
}
