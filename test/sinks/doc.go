// Package sinks has receivers of events die, hang and come back while the tier is under load, and wants every request
// answered as if nothing had happened, and every event to be counted exactly. It belongs to tests only.
package sinks
