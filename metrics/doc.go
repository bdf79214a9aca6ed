// Package metrics has every instrument of the process: what it is called, which labels it has, and
// when its series end. docs/operations.md says what each one means.
//
// Labels are resolved once. What belongs to a route is bound to the route when a configuration is
// built, and other series are found again by what they are about, so that the path of a request
// resolves no label. Series of what a configuration no longer has are forgotten with it.
//
// A [Metrics] is safe for concurrent use.
package metrics
