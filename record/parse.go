package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// line is a record as its line spells it. Keys that are not known are passed over: a later version may add some.
type line struct {
	Time       time.Time `json:"time"`
	Event      string    `json:"event"`
	Version    int       `json:"version"`
	RequestID  text      `json:"request_id"`
	ID         text      `json:"record"`
	Why        []string  `json:"why"`
	Parts      string    `json:"parts"`
	Message    string    `json:"message"`
	Route      text      `json:"route"`
	Policy     text      `json:"policy"`
	Mode       string    `json:"mode"`
	Client     string    `json:"client"`
	ClientPort int       `json:"client_port"`
	Server     string    `json:"server"`
	ServerPort int       `json:"server_port"`
	TLS        *struct {
		Version    string `json:"version"`
		ServerName text   `json:"server_name"`
		Client     text   `json:"client_certificate"`
		SHA256     string `json:"client_certificate_sha256"`
	} `json:"tls"`
	Request        *requestLine  `json:"request"`
	Response       *responseLine `json:"response"`
	Withheld       *responseLine `json:"withheld"`
	Verdict        string        `json:"verdict"`
	Coverage       string        `json:"coverage"`
	CoverageReason string        `json:"coverage_reason"`
	Error          string        `json:"error"`
	AccessRule     text          `json:"access_rule"`
	Score          *struct {
		Inbound           int `json:"inbound"`
		InboundThreshold  int `json:"inbound_threshold"`
		Outbound          int `json:"outbound"`
		OutboundThreshold int `json:"outbound_threshold"`
	} `json:"score"`
	Phase        int        `json:"phase"`
	RuleID       int        `json:"rule_id"`
	Rules        []ruleLine `json:"rules"`
	RulesLeftOut int        `json:"rules_left_out"`
	Upstream     text       `json:"upstream"`
	Endpoint     text       `json:"endpoint"`
	Attempts     int        `json:"attempts"`
	BytesIn      int64      `json:"bytes_in"`
	BytesOut     int64      `json:"bytes_out"`
	Duration     float64    `json:"duration_ms"`
	UpstreamTook float64    `json:"upstream_ms"`
	Generation   uint64     `json:"generation"`
}

type requestLine struct {
	Method         text     `json:"method"`
	Target         text     `json:"target"`
	TargetMasked   bool     `json:"target_masked"`
	TargetCut      int      `json:"target_cut"`
	Protocol       text     `json:"protocol"`
	Host           text     `json:"host"`
	Headers        []Field  `json:"headers"`
	HeadersLeftOut int      `json:"headers_left_out"`
	MaskedHeaders  []text   `json:"masked_headers"`
	Body           *Body    `json:"body"`
	Files          []fileOf `json:"files"`
	Trailers       []Field  `json:"trailers"`
}

type responseLine struct {
	Status         int     `json:"status"`
	Reason         text    `json:"reason"`
	Protocol       text    `json:"protocol"`
	By             string  `json:"by"`
	Headers        []Field `json:"headers"`
	HeadersLeftOut int     `json:"headers_left_out"`
	MaskedHeaders  []text  `json:"masked_headers"`
	Body           *Body   `json:"body"`
	Trailers       []Field `json:"trailers"`
}

type fileOf struct {
	Field text  `json:"field"`
	Name  text  `json:"name"`
	Type  text  `json:"type"`
	Size  int64 `json:"size"`
}

type ruleLine struct {
	ID       int    `json:"id"`
	Message  text   `json:"message"`
	Severity string `json:"severity"`
	Phase    int    `json:"phase"`
	Target   text   `json:"target"`
	Value    text   `json:"value"`
	Tags     []text `json:"tags"`
}

// parse reads a line; nil: it is an event of another kind.
func parse(b []byte) (*Record, error) {
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		// Another kind of event may have the same keys with other types.
		var other struct {
			Event string `json:"event"`
		}
		if json.Unmarshal(b, &other) == nil && other.Event != "" && other.Event != Event {
			return nil, nil
		}
		return nil, fmt.Errorf("not a record: %w", plain(err))
	}
	switch {
	case l.Event != "" && l.Event != Event:
		return nil, nil
	case l.Event == "":
		return nil, errors.New(`not a record: it has no "event"`)
	case l.Version < 1:
		return nil, errors.New(`not a record: it has no "version"`)
	case l.Version > Version:
		return nil, fmt.Errorf("%w: %d, this wafer reads %d", ErrVersion, l.Version, Version)
	case l.Request == nil:
		return nil, errors.New(`not a record: it has no "request"`)
	}
	return l.record(), nil
}

// plain is an error of package json without the names of our types.
func plain(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%q is a %s", wrong.Field, wrong.Value)
	}
	return err
}

func (l *line) record() *Record {
	r := &Record{
		Time: l.Time, RequestID: string(l.RequestID), Generation: l.Generation, Route: string(l.Route), Policy: string(l.Policy), Mode: l.Mode,
		ID: string(l.ID), Why: l.Why, Parts: l.Parts, Message: l.Message,
		Client: Address{l.Client, l.ClientPort}, Server: Address{l.Server, l.ServerPort},
		Response: l.Response.response(), Withheld: l.Withheld.response(),
		Verdict: l.Verdict, Coverage: l.Coverage, CoverageReason: l.CoverageReason, Error: l.Error, AccessRule: string(l.AccessRule),
		Phase: l.Phase, RuleID: l.RuleID, RulesLeftOut: l.RulesLeftOut,
		Upstream: string(l.Upstream), Endpoint: string(l.Endpoint), Attempts: l.Attempts, BytesIn: l.BytesIn, BytesOut: l.BytesOut,
		Duration: duration(l.Duration), UpstreamDuration: duration(l.UpstreamTook),
	}
	if t := l.TLS; t != nil {
		r.TLS = &TLS{t.Version, string(t.ServerName), string(t.Client), t.SHA256}
	}
	if s := l.Score; s != nil {
		r.Score = &Score{s.Inbound, s.InboundThreshold, s.Outbound, s.OutboundThreshold}
	}
	for _, m := range l.Rules {
		r.Rules = append(r.Rules, Rule{ID: m.ID, Message: string(m.Message), Severity: m.Severity, Phase: m.Phase, Target: string(m.Target), Value: string(m.Value), Tags: plainTexts(m.Tags)})
	}
	q := l.Request
	r.Request = &Request{
		Method: string(q.Method), Target: string(q.Target), Protocol: string(q.Protocol), Host: string(q.Host),
		Headers: q.Headers, HeadersLeftOut: q.HeadersLeftOut, MaskedHeaders: plainTexts(q.MaskedHeaders),
		TargetMasked: q.TargetMasked, TargetCut: q.TargetCut, Body: q.Body, Trailers: q.Trailers,
	}
	for _, f := range q.Files {
		r.Request.Files = append(r.Request.Files, File{string(f.Field), string(f.Name), string(f.Type), f.Size})
	}
	return r
}

func (l *responseLine) response() *Response {
	if l == nil {
		return nil
	}
	return &Response{
		Status: l.Status, Reason: string(l.Reason), Protocol: string(l.Protocol), By: l.By, Headers: l.Headers,
		HeadersLeftOut: l.HeadersLeftOut, MaskedHeaders: plainTexts(l.MaskedHeaders), Body: l.Body, Trailers: l.Trailers,
	}
}

func plainTexts(texts []text) (out []string) {
	for _, t := range texts {
		out = append(out, string(t))
	}
	return out
}

// duration is that of milliseconds, to the microsecond.
func duration(ms float64) time.Duration {
	const most = float64(100 * 365 * 24 * time.Hour / time.Millisecond)
	return time.Duration(min(max(ms, 0), most)*1000+0.5) * time.Microsecond
}

// text is any bytes: a string, or an object with their Base64.
type text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var o struct {
			Base64 *[]byte `json:"base64"`
		}
		if err := json.Unmarshal(b, &o); err != nil {
			return err
		}
		if o.Base64 == nil {
			return errors.New(`a text is a string, or an object with "base64"`)
		}
		*t = text(*o.Base64)
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Field) UnmarshalJSON(b []byte) error {
	var pair []text
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("a header field is a name and a value, not %d texts", len(pair))
	}
	f.Name, f.Value = string(pair[0]), string(pair[1])
	return nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *Body) UnmarshalJSON(b []byte) error {
	var l struct {
		Text      *string `json:"text"`
		Base64    *[]byte `json:"base64"`
		LeftOut   string  `json:"left_out"`
		Size      int64   `json:"size"`
		Cut       string  `json:"cut"`
		Unended   bool    `json:"unended"`
		Decoded   string  `json:"decoded"`
		Masked    bool    `json:"masked"`
		Inspected int64   `json:"inspected"`
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return err
	}
	*c = Body{Size: l.Size, Unended: l.Unended, Cut: Cut(l.Cut), LeftOut: Cut(l.LeftOut), Decoded: l.Decoded, Masked: l.Masked, Inspected: l.Inspected}
	switch {
	case l.Text != nil && l.Base64 == nil:
		c.Bytes = []byte(*l.Text)
	case l.Base64 != nil && l.Text == nil:
		c.Bytes = *l.Base64
	case l.LeftOut == "" || l.Text != nil:
		return errors.New(`a body has one of "text", "base64" and "left_out"`)
	}
	return nil
}
