// Package otlp brings events to an OpenTelemetry collector, or whoever else takes logs by OTLP, over gRPC or HTTP: each
// event is a log record, whose attributes are its fields.
//
// A line of JSON becomes the bytes of a protocol buffer in one pass, without a value in between: a tier may have ten
// thousand events a second to spell.
package otlp
