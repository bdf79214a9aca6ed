package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/wafer-waf/wafer/record"
)

func newRecordsShow() *cobra.Command {
	var f recordFilter
	c := &cobra.Command{
		Use:   "show FILE REQUEST-ID",
		Short: "Show all that is recorded of a request",
		Long: `Show what was recorded of a request, for people: what it and its response said, what was inspected, what was
found, and what is not in the record. Control characters are shown as question marks.`,
		Example: `  wafer records show records.jsonl 0190a3f0-6c1e-7b7a-9b5e-0a1b2c3d4e5f`,
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			f.ids = args[1:]
			found := false
			err := f.each(c, args[:1], func(r *record.Record) error {
				found = true
				_, err := fmt.Fprintln(c.OutOrStdout(), strings.TrimSpace(shownRecord(r)))
				return err
			})
			if err == nil && !found {
				return errors.New("no record of that request in " + args[0])
			}
			return err
		},
	}
	return c
}

// shownRecord is a record for people.
func shownRecord(r *record.Record) string {
	var b strings.Builder
	// A file may be anybody's: no word of it is taken for harmless.
	say := func(format string, args ...any) {
		for i := range args {
			if text, is := args[i].(string); is {
				args[i] = printable(text)
			}
		}
		fmt.Fprintf(&b, format+"\n", args...)
	}
	b.WriteString(recordLine(r))
	say("recorded by %s because of: %s", r.ID, strings.Join(r.Why, ", "))
	say("route %s, policy %s (%s), coverage %s%s", r.Route, r.Policy, r.Mode, r.Coverage, inBrackets(r.CoverageReason))
	if r.Error != "" || r.AccessRule != "" {
		say("refused or failed: %s%s", r.Error, inBrackets(r.AccessRule))
	}
	if s := r.Score; s != nil {
		say("score %d of %d, response %d of %d", s.Inbound, s.InboundThreshold, s.Outbound, s.OutboundThreshold)
	}
	for i := range r.Rules {
		m := &r.Rules[i]
		say("  rule %d %s: %s", m.ID, m.Message, m.Target+" = "+m.Value)
	}
	if r.Upstream != "" {
		say("upstream %s, endpoint %s, %d attempts, %s of %s", r.Upstream, r.Endpoint, r.Attempts, r.UpstreamDuration, r.Duration)
	}
	q := r.Request
	say("\n%s %s %s", q.Method, q.Target, q.Protocol)
	shownFields(say, q.Headers, q.HeadersLeftOut)
	for _, file := range q.Files {
		say("(file %q in field %q: %s, %d bytes)", file.Name, file.Field, file.Type, file.Size)
	}
	shownBody(say, q.Body)
	shownResponse(say, "", r.Response)
	shownResponse(say, "withheld: ", r.Withheld)
	return b.String()
}

func shownResponse(say func(string, ...any), what string, p *record.Response) {
	if p == nil {
		return
	}
	say("\n%s%d %s (by the %s)", what, p.Status, p.Reason, p.By)
	shownFields(say, p.Headers, p.HeadersLeftOut)
	shownBody(say, p.Body)
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func shownFields(say func(string, ...any), fields []record.Field, left int) {
	for _, f := range fields {
		say("%s: %s", f.Name, f.Value)
	}
	if left > 0 {
		say("(%d fields are left out)", left)
	}
}

func shownBody(say func(string, ...any), b *record.Body) {
	if b == nil {
		return
	}
	if len(b.Bytes) > 0 {
		text := string(b.Bytes)
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "\uFFFD")
		}
		say("")
		for line := range strings.Lines(text) {
			say("%s", strings.TrimRight(line, "\r\n"))
		}
	}
	said := fmt.Sprintf("%d bytes, %d inspected", b.Size, b.Inspected)
	for _, more := range []struct {
		what string
		is   bool
	}{
		{"left out: " + string(b.LeftOut), b.LeftOut != ""}, {"cut: " + string(b.Cut), b.Cut != ""}, {"undone: " + b.Decoded, b.Decoded != ""},
		{"masked", b.Masked}, {"did not end", b.Unended},
	} {
		if more.is {
			said += "; " + more.what
		}
	}
	say("(%s)", said)
}
