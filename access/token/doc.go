// Package token says who a request claims to be, and whether it has proved that: JSON Web Tokens that an issuer
// has signed, and API keys whose hashes stand in a file.
//
// It decides nothing about requests: a [Verifier] reads what a request carries and returns an [Identity] or a
// [Reason] why there is none. What follows from it, the package access says. Signatures and keys are those of
// go-jose; what surrounds them is stricter than it has to be, since what two readers of a token may read in two
// ways is refused: other spellings of Base64, JSON with names twice, two tokens in one request.
//
// A token that was verified is not verified again until it expires or the keys of its issuer change: the cache
// has its hash, never the token. What a client can make the tier compute is bounded, and so is what is kept.
//
// All methods may be called concurrently. An Identity is never changed; it may be kept.
package token
