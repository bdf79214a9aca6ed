package record

import (
	"strings"
	"time"
)

// Version is that of the format. A reader refuses lines of later ones: what they say would be misread.
const Version = 1

// Event is what the field "event" of a record says, so that records can share a sink with events.
const Event = "record"

// Record is one transaction, or one message of a WebSocket or of a call of gRPC. Its strings may hold any bytes.
type Record struct {
	Time       time.Time // when the request's first byte was read
	RequestID  string
	Generation uint64 // of the configuration that served it
	Route      string
	Policy     string
	Mode       string
	ID         string   // of the entry of "records" in the route file that has asked for it
	Why        []string // what has asked for it: sample, verdict, score, status, client or header
	Parts      string   // what it has, in the letters of ModSecurity
	Message    string   // websocket or grpc: what it has of bodies is one message; empty: all of it

	Client, Server Address
	TLS            *TLS // nil: clear text

	Request  *Request
	Response *Response
	Withheld *Response // what the application has said where the tier has answered in its place, or has ended its answer

	Verdict        string // as events say it, like all that follows
	Coverage       string // how much was inspected
	CoverageReason string
	Error          string
	AccessRule     string // that has refused the request
	Score          *Score // nil: nothing was inspected, or the part was not asked for
	Phase          int
	RuleID         int    // that has decided
	Rules          []Rule // that have matched
	RulesLeftOut   int    // beyond those

	Upstream, Endpoint string
	Attempts           int
	BytesIn, BytesOut  int64 // of bodies
	Duration           time.Duration
	UpstreamDuration   time.Duration
}

// Address is one end of the client's connection; for Client it is who the request is from, with port 0 where a
// trusted proxy has told.
type Address struct {
	IP   string
	Port int
}

// TLS is what was agreed on the client's connection.
type TLS struct {
	Version, ServerName string
	Client              string // who the client has proved to be
	ClientSHA256        string // of its certificate
}

// Request is what the client has sent.
type Request struct {
	Method, Target, Protocol, Host string
	Headers                        []Field
	HeadersLeftOut                 int      // beyond the limit of a record
	MaskedHeaders                  []string // names of those whose values were masked
	TargetMasked                   bool
	TargetCut                      int    // bytes of the target that were left out
	Body                           *Body  // nil: it has none, or the part was not asked for
	Files                          []File // of a multipart body
	Trailers                       []Field
}

// Response is what the client was sent, or would have been.
type Response struct {
	Status         int // 0: none was sent
	Reason         string
	Protocol       string
	Headers        []Field
	HeadersLeftOut int
	MaskedHeaders  []string
	By             string // upstream or tier
	Body           *Body
	Trailers       []Field
}

// Field is one field line.
type Field struct{ Name, Value string }

// File is one part of a multipart body that has the name of a file.
type File struct {
	Field, Name, Type string
	Size              int64
}

// Body is what is kept of a body, and what is not.
type Body struct {
	Bytes     []byte
	Size      int64  // what has gone by in all, as it was sent
	Unended   bool   // its sender, or who it was for, did not get to its end
	Cut       Cut    // why Bytes end before the body did; empty: they do not
	LeftOut   Cut    // why there are no Bytes at all
	Decoded   string // the content codings that were undone
	Masked    bool   // Bytes are not what was sent
	Inspected int64  // bytes, from the first on, that rules were shown
}

// Cut is why a body, or the rest of it, is not in a record.
type Cut string

// The reasons.
const (
	CutLimit  Cut = "limit"      // of the body
	CutRecord Cut = "record"     // limit of the whole record
	CutMemory Cut = "memory"     // there was none for records
	CutTail   Cut = "tail"       // of a body that broke off: its last bytes may be half a secret
	CutLate   Cut = "late"       // that it would be recorded was known when it had gone by already
	LeftPart  Cut = "part"       // it was not asked for
	LeftBytes Cut = "unreadable" // it is no text, which cannot be masked
	LeftCode  Cut = "encoding"   // its coding cannot be undone, so that it cannot be masked
	LeftUnrd  Cut = "unread"     // nobody has read it
)

// Whole reports whether everything that was sent is there, as it was sent or decoded.
func (b *Body) Whole() bool {
	return b == nil || b.Cut == "" && b.LeftOut == "" && !b.Masked && !b.Unended
}

// Score is what rules have added up to.
type Score struct{ Inbound, InboundThreshold, Outbound, OutboundThreshold int }

// Rule is one rule that has matched.
type Rule struct {
	ID       int
	Message  string
	Severity string
	Phase    int
	Target   string
	Value    string
	Around   string // text that the value stands in, by which it is masked; not written
	Tags     []string
}

// Differs says in what a request that is made of the record would differ from the one that was recorded; nil: in
// nothing that inspections look at.
func (q *Request) Differs() []string {
	var out []string
	add := func(differs bool, what string) {
		if differs {
			out = append(out, what)
		}
	}
	add(q.TargetMasked, "target masked")
	add(q.TargetCut > 0, "target cut")
	add(len(q.MaskedHeaders) > 0, "headers masked: "+strings.Join(q.MaskedHeaders, ", "))
	add(q.HeadersLeftOut > 0, "headers left out")
	if b := q.Body; b != nil {
		add(b.LeftOut != "", "body left out: "+string(b.LeftOut))
		add(b.Cut != "", "body cut: "+string(b.Cut))
		add(b.Masked, "body masked")
		add(b.Unended, "body never ended")
	}
	return out
}

// Get returns the value of the first field of that name.
func get(fields []Field, name string) string {
	for i := range fields {
		if strings.EqualFold(fields[i].Name, name) {
			return fields[i].Value
		}
	}
	return ""
}

// Sendable returns the fields of the request as they fit its body as it is in the record: without a coding that was
// undone, and without the length and framing of the body that was sent.
func (q *Request) Sendable() []Field {
	out := make([]Field, 0, len(q.Headers))
	for _, f := range q.Headers {
		switch name := strings.ToLower(f.Name); {
		case name == "content-length", name == "transfer-encoding", name == "expect", name == "trailer":
		case name == "content-encoding" && q.Body != nil && q.Body.Decoded != "":
		default:
			out = append(out, f)
		}
	}
	return out
}

// Content is the bytes of the body that are there.
func (q *Request) Content() []byte {
	if q.Body == nil {
		return nil
	}
	return q.Body.Bytes
}
