package traffic

import (
	"bufio"
	"errors"
	"io"
	"net/netip"
	"slices"

	"github.com/wafer-waf/wafer/record"
)

// records reads records of the tier. Other events of the same file are passed over.
func (f *reading) records(in *bufio.Reader) error {
	from := record.NewReader(in)
	for {
		rec, err := from.Next()
		var line *record.LineError
		switch {
		case errors.Is(err, io.EOF):
			return f.ended(from)
		case errors.As(err, &line):
			err = f.problem(line.Line, "no record: %v", line.Err)
		case err == nil:
			err = f.record(rec, from.Line())
		}
		if err != nil {
			return err
		}
	}
}

// ended tells what is to know at the end of a file of records.
func (f *reading) ended(from *record.Reader) error {
	switch {
	case from.Cut():
		return f.problem(from.Line(), "%v", errCut)
	case f.n == 0 && f.events:
		return errEvents
	}
	return nil
}

// record gives the request of a record.
func (f *reading) record(rec *record.Record, line int) error {
	r := &Request{Line: line, Name: rec.RequestID, Recorded: recorded(rec)}
	if a, err := netip.ParseAddr(rec.Client.IP); err == nil {
		r.Client = a
	}
	q := rec.Request
	if rec.Message != "" {
		r.Untried = "one message of a connection that others came by, too"
		return f.give(r)
	}
	p := parts{method: q.Method, target: q.Target, host: q.Host, old: q.Protocol == "HTTP/1.0", body: q.Content()}
	p.unframed = !slices.ContainsFunc(q.Headers, func(h record.Field) bool { return framed(h.Name) }) && oneDotX(q.Protocol)
	for _, h := range q.Sendable() {
		p.fields = append(p.fields, field{h.Name, h.Value})
	}
	r.Lost = q.Differs()
	var err error
	if r.Raw, err = p.bytes(); err != nil {
		return f.problem(line, "request %s: %v", quoted(rec.RequestID), err)
	}
	if len(r.Raw) > f.MostBytes {
		return f.problem(line, "a request of more than %d bytes", f.MostBytes)
	}
	return f.give(r)
}

// oneDotX reports whether a protocol is HTTP/1, where a request without a length has no body.
func oneDotX(protocol string) bool { return protocol == "HTTP/1.1" || protocol == "HTTP/1.0" }

// recorded is what a record says became of its request.
func recorded(rec *record.Record) *Recorded {
	r := &Recorded{Verdict: rec.Verdict, Route: rec.Route, Error: rec.Error, Late: rec.Phase > 2}
	if rec.Response != nil {
		r.Status = rec.Response.Status
	}
	for _, rule := range rec.Rules {
		r.Rules = append(r.Rules, rule.ID)
	}
	return r
}
