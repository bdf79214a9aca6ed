// Package audit owns what the tier tells about requests: the schema of access and
// security events, and the sink that writes them. What is secret in them says package mask.
//
// It leaves to others what happened: the caller fills in an Access or a Security value
// with what it knows, unmasked, and hands it to a Log. Every field of the schema is
// described in docs/operations.md; a test compares the two. Operational log lines of
// other packages do not pass through here, though they may share the Writer.
//
// Log and Writer are safe for concurrent use.
//
// No function keeps an argument after it returns, so the strings of an event may point
// into buffers that the caller reuses: each event is encoded and copied before Access
// or Security returns.
package audit
