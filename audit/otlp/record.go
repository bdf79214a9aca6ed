package otlp

import (
	"encoding/hex"
	"unicode/utf8"

	"github.com/wafer-waf/wafer/delivery"
	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of fields (opentelemetry/proto/collector/logs/v1, logs/v1, resource/v1, common/v1).
const (
	requestResourceLogs = 1

	resourceLogsResource = 1
	resourceLogsScope    = 2
	resourceAttributes   = 1
	scopeLogsScope       = 1
	scopeLogsRecords     = 2
	scopeName            = 1
	scopeVersion         = 2

	recordTime       = 1
	recordSeverity   = 2
	recordText       = 3
	recordBody       = 5
	recordAttributes = 6
	recordTraceID    = 9
	recordSpanID     = 10
	recordObserved   = 11
	recordName       = 12
)

// Attribute is one of the process.
type Attribute struct{ Name, Value string }

// preamble is what stands in front of the records of each request: the resource and the scope.
func preamble(resource []Attribute, version string) (ofResource, ofScope []byte) {
	b, start := begin(nil, resourceLogsResource)
	for _, a := range resource {
		b = textPair(b, resourceAttributes, []byte(a.Name), []byte(a.Value))
	}
	ofResource = end(b, start)
	b, start = begin(nil, scopeLogsScope)
	b = text(b, scopeName, []byte("wafer"))
	b = text(b, scopeVersion, []byte(version))
	return ofResource, end(b, start)
}

// request appends an ExportLogsServiceRequest.
func (c *Carrier) request(b []byte, lines []delivery.Line) []byte {
	b, logs := begin(b, requestResourceLogs)
	b = append(b, c.resource...)
	b, scope := begin(b, resourceLogsScope)
	b = append(b, c.scope...)
	for i := range lines {
		var one int
		b, one = begin(b, scopeLogsRecords)
		b = end(record(b, &lines[i]), one)
	}
	return end(end(b, scope), logs)
}

// severity is the number and the name that OpenTelemetry has for a severity of syslog.
func severity(s delivery.Severity) (number uint64, text string) {
	switch s {
	case delivery.Warning:
		return 13, "WARN"
	case delivery.Notice:
		return 10, "INFO2"
	default:
		return 9, "INFO"
	}
}

// record appends the fields of a LogRecord.
func record(b []byte, l *delivery.Line) []byte {
	at := uint64(l.At.UnixNano())
	b = protowire.AppendFixed64(protowire.AppendTag(b, recordTime, protowire.Fixed64Type), at)
	b = protowire.AppendFixed64(protowire.AppendTag(b, recordObserved, protowire.Fixed64Type), at)
	number, name := severity(l.Kind.Severity)
	b = protowire.AppendVarint(protowire.AppendTag(b, recordSeverity, protowire.VarintType), number)
	b = text(b, recordText, []byte(name))
	b = protowire.AppendString(protowire.AppendTag(b, recordName, protowire.BytesType), "wafer."+l.Kind.Name)
	var lifted lifted
	r := reader{in: l.Text, member: lifted.member}
	whole := len(b)
	b, err := r.object(b, recordAttributes, 0)
	if err != nil || !utf8.Valid(l.Text) {
		return body(b[:whole], []byte("event that is no JSON object")) // nobody makes one
	}
	if lifted.message != nil {
		b = body(b, lifted.message)
	}
	if lifted.trace != nil {
		b = text(b, recordTraceID, lifted.trace)
	}
	if lifted.span != nil {
		b = text(b, recordSpanID, lifted.span)
	}
	return b
}

func body(b, message []byte) []byte {
	b, start := begin(b, recordBody)
	return end(text(b, anyString, message), start)
}

// lifted are members of events that records have fields for.
type lifted struct{ message, trace, span []byte }

func (l *lifted) member(key, value []byte) bool {
	switch string(key) {
	case "message":
		l.message = value
	case "trace_id":
		l.trace = id(value, 16)
		return l.trace != nil
	case "span_id":
		l.span = id(value, 8)
		return l.span != nil
	default:
		return false
	}
	return true
}

// id is the number of n bytes that stands in hexadecimal digits; nil: it is none.
func id(digits []byte, n int) []byte {
	if len(digits) != 2*n {
		return nil
	}
	b := make([]byte, n)
	if _, err := hex.Decode(b, digits); err != nil {
		return nil
	}
	return b
}
