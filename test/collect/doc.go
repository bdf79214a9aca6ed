// Package collect has a collector of OpenTelemetry, in a process of its own, take events and traces of the tier, and
// be killed while it does.
package collect
