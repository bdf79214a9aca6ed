package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rs/zerolog"
)

var testTime = time.Date(2026, 3, 1, 12, 30, 45, 7_000_000, time.FixedZone("CET", 3600))

func fullAccess() *Access {
	return &Access{
		Time: testTime, RequestID: "0f8fad5b", Route: "orders", Policy: "strict", Mode: "block",
		Client: netip.MustParseAddr("2001:db8::7"), Method: "GET", Host: "shop.example",
		Path: "/api/v1/orders/123", Protocol: "HTTP/1.1", Status: 200, BytesIn: 512, BytesOut: 2048,
		Duration: 1234567 * time.Nanosecond, Upstream: "orders-origin", Endpoint: "10.0.0.7:8080", Attempts: 2,
		UpstreamDuration: 900 * time.Microsecond, Verdict: "pass", Coverage: "partial",
		CoverageReason: "oversize", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
		Error: "timeout",
	}
}

func fullSecurity() *Security {
	return &Security{
		Time: testTime, RequestID: "0f8fad5b", Route: "orders", Policy: "strict", Mode: "block",
		Client: netip.MustParseAddr("192.0.2.1"), Method: "POST", Host: "shop.example", Path: "/login",
		Verdict: "block", Status: 403, Phase: 2, RuleID: 949110, InboundScore: 15, InboundThreshold: 5,
		OutboundScore: 1, OutboundThreshold: 4, RulesDropped: 2, Coverage: "partial",
		CoverageReason: "oversize", Error: "timeout", Generation: 7,
		Rules: []Rule{
			{ID: 942100, Message: "SQL Injection Attack", Severity: "critical", Phase: 2,
				Target: "ARGS:q", Value: "1' OR 1=1", Tags: []string{"attack-sqli"}},
			{ID: 942130, Message: "found password=hunter2", Severity: "critical", Phase: 2,
				Target: "ARGS:password", Value: "hunter2"},
		},
	}
}

// decode checks that out is one line of JSON and returns it.
func decode(t *testing.T, out []byte) map[string]any {
	t.Helper()
	if bytes.Count(out, []byte("\n")) != 1 || out[len(out)-1] != '\n' {
		t.Fatalf("not one line: %q", out)
	}
	var fields map[string]any
	if err := json.Unmarshal(out, &fields); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !utf8.Valid(out) {
		t.Fatalf("not UTF-8: %q", out)
	}
	return fields
}

func TestAccessJSON(t *testing.T) {
	var out bytes.Buffer
	New(&out, Options{}).Access(fullAccess())
	want := `{"time":"2026-03-01T11:30:45.007Z","level":"info","event":"access","request_id":"0f8fad5b",` +
		`"route":"orders","policy":"strict","mode":"block","client":"2001:db8::7","method":"GET",` +
		`"host":"shop.example","path":"/api/v1/orders/123","protocol":"HTTP/1.1","status":200,` +
		`"bytes_in":512,"bytes_out":2048,"duration_ms":1.234,"upstream":"orders-origin",` +
		`"endpoint":"10.0.0.7:8080","attempts":2,"upstream_ms":0.9,"verdict":"pass","coverage":"partial",` +
		`"coverage_reason":"oversize","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) ` +
		`Gecko/20100101 Firefox/120.0","error":"timeout","message":"request"}` + "\n"
	if out.String() != want {
		t.Errorf("\n got %s\nwant %s", out.String(), want)
	}
	decode(t, out.Bytes())
}

func TestSecurityJSON(t *testing.T) {
	var out bytes.Buffer
	New(&out, Options{}).Security(fullSecurity())
	want := `{"time":"2026-03-01T11:30:45.007Z","level":"info","event":"security","request_id":"0f8fad5b",` +
		`"route":"orders","policy":"strict","mode":"block","client":"192.0.2.1","method":"POST",` +
		`"host":"shop.example","path":"/login","verdict":"block","status":403,"phase":2,"rule_id":949110,` +
		`"score":{"inbound":15,"inbound_threshold":5,"outbound":1,"outbound_threshold":4},` +
		`"rules":[{"id":942100,"message":"SQL Injection Attack","severity":"critical","phase":2,` +
		`"target":"ARGS:q","value":"1' OR 1=1","tags":["attack-sqli"]},` +
		`{"id":942130,"message":"found password=[masked]","severity":"critical","phase":2,` +
		`"target":"ARGS:password","value":"[masked 7 bytes]"}],"rules_dropped":2,` +
		`"coverage":"partial","coverage_reason":"oversize","error":"timeout","generation":7,` +
		`"message":"security event"}` + "\n"
	if out.String() != want {
		t.Errorf("\n got %s\nwant %s", out.String(), want)
	}
	decode(t, out.Bytes())
}

func TestEmptyEvents(t *testing.T) {
	for _, console := range []bool{false, true} {
		var out bytes.Buffer
		l := New(&out, Options{Console: console})
		l.Access(&Access{})
		l.Security(&Security{})
		if n := strings.Count(out.String(), "\n"); n != 2 {
			t.Errorf("console %v: %d lines: %s", console, n, out.String())
		}
	}
}

// The level of the operational log is not the events': only switching zerolog off is.
func TestGlobalLevel(t *testing.T) {
	defer zerolog.SetGlobalLevel(zerolog.GlobalLevel())
	f := func(level zerolog.Level, want int) {
		t.Helper()
		zerolog.SetGlobalLevel(level)
		var out bytes.Buffer
		l := New(&out, Options{})
		l.Access(fullAccess())
		l.Security(fullSecurity())
		if n := strings.Count(out.String(), "\n"); n != want {
			t.Errorf("level %s: %d lines, want %d", level, n, want)
		}
	}
	f(zerolog.ErrorLevel, 2)
	f(zerolog.FatalLevel, 2)
	f(zerolog.Disabled, 0)
}

func TestRulesCut(t *testing.T) {
	s := fullSecurity()
	s.Rules = nil
	for i := range 60 {
		s.Rules = append(s.Rules, Rule{ID: i + 1, Target: "ARGS:q", Value: fmt.Sprint(i / 2)})
	}
	var out bytes.Buffer
	New(&out, Options{}).Security(s)
	fields := decode(t, out.Bytes())
	rules := fields["rules"].([]any)
	if len(rules) != MostRules {
		t.Errorf("%d rules", len(rules))
	}
	if got := fields["rules_dropped"]; got != 12.0 {
		t.Errorf("rules_dropped %v, want 10 of these and 2 of the caller", got)
	}
	if last := rules[49].(map[string]any); last["id"] != 50.0 || last["value"] != "24" {
		t.Errorf("last rule %v", last)
	}
}

func TestAccessMasks(t *testing.T) {
	f := func(a Access, field, want string) {
		t.Helper()
		var out bytes.Buffer
		New(&out, Options{}).Access(&a)
		if got := decode(t, out.Bytes())[field]; got != want {
			t.Errorf("%s: got %q, want %q", field, got, want)
		}
	}
	f(Access{Path: "/app;jsessionid=1A2B/cart"}, "path", "/app;jsessionid=[masked]/cart")
	f(Access{Path: "/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}, "path", "/reset/[jwt]")
	f(Access{Path: "/pay/4111111111111111"}, "path", "/pay/[card]")
	f(Access{Path: "/orders/550e8400-e29b-41d4-a716-446655440000"}, "path", "/orders/550e8400-e29b-41d4-a716-446655440000")
	f(Access{Path: "/" + strings.Repeat("a", 2000)}, "path", "/"+strings.Repeat("a", 1023)+"…")
	f(Access{UserAgent: "curl/8 token=abc"}, "user_agent", "curl/8 token=[masked]")
	f(Access{UserAgent: strings.Repeat("é", 300)}, "user_agent", strings.Repeat("é", 128)+"…")
	f(Access{Host: strings.Repeat("h", 300)}, "host", strings.Repeat("h", 256)+"…")
	f(Access{RequestID: strings.Repeat("i", 300)}, "request_id", strings.Repeat("i", 128)+"…")
}

// hostile is what a client may put into any field to disturb a terminal or a parser.
const hostile = "a\x00\x1b[31m\x07\x7f\r\n\"\\|\xff\xc3(\u009b31m\u202egpj\u2028\u200bé"

func hostileEvents(l *Log) {
	l.Access(&Access{RequestID: hostile, Method: hostile, Host: hostile, Path: hostile, Protocol: hostile, UserAgent: hostile})
	l.Security(&Security{RequestID: hostile, Method: hostile, Host: hostile, Path: hostile, Rules: []Rule{
		{ID: 1, Message: hostile, Severity: hostile, Target: "ARGS:" + hostile, Value: hostile},
		{ID: 2, Message: hostile, Target: hostile, Value: "token=" + hostile},
	}})
}

func TestHostileText(t *testing.T) {
	for _, console := range []bool{false, true} {
		var out bytes.Buffer
		hostileEvents(New(&out, Options{Console: console}))
		lines := bytes.SplitAfter(out.Bytes(), []byte("\n"))
		if len(lines) != 3 || len(lines[2]) != 0 {
			t.Fatalf("console %v: not two lines: %q", console, lines)
		}
		for _, line := range lines[:2] {
			if !utf8.Valid(line) {
				t.Errorf("console %v: not UTF-8: %q", console, line)
			}
			for _, r := range string(line[:len(line)-1]) {
				if r != utf8.RuneError && !unicode.IsGraphic(r) {
					t.Errorf("console %v: %U in %q", console, r, line)
				}
			}
			if !console {
				decode(t, line)
			}
		}
	}
}

func TestConsole(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, Options{Console: true})
	l.Access(fullAccess())
	l.Security(fullSecurity())
	want := `12:30:45   pass 200 GET shop.example/api/v1/orders/123 1.234ms error=timeout request_id=0f8fad5b route=orders ` +
		`client=2001:db8::7 coverage=partial coverage_reason=oversize endpoint=10.0.0.7:8080
12:30:45 ! block 403 POST shop.example/login inbound=15/5 outbound=1/4 error=timeout request_id=0f8fad5b route=orders ` +
		`client=192.0.2.1 rule_id=949110 policy=strict coverage=partial coverage_reason=oversize` +
		` | 942100 ARGS:q="1' OR 1=1" "SQL Injection Attack" | 942130 ARGS:password="[masked 7 bytes]" "found password=[masked]" rules_dropped=2
`
	if out.String() != want {
		t.Errorf("\n got %s\nwant %s", out.String(), want)
	}
}

// On a terminal an event takes one line, whatever is in it, and the verdict has a color.
func TestConsoleWidth(t *testing.T) {
	for width := 40; width <= 240; width += 5 {
		var out bytes.Buffer
		l := New(&out, Options{Console: true, Color: true, Width: func() int { return width }})
		l.Access(fullAccess())
		l.Security(fullSecurity())
		hostileEvents(l)
		for text := range strings.Lines(out.String()) {
			shown := colors.ReplaceAllString(strings.TrimSuffix(text, "\n"), "")
			if n := columns([]byte(shown)); n > width {
				t.Errorf("%d columns of %d: %q", n, width, shown)
			}
			for _, r := range shown {
				if r != utf8.RuneError && !unicode.IsGraphic(r) {
					t.Errorf("%U in %q", r, text)
				}
			}
		}
		if !strings.Contains(out.String(), "\x1b[31;1m! block\x1b[0m 403 ") {
			t.Errorf("a block in %d columns does not stand out: %q", width, out.String())
		}
	}
	var out bytes.Buffer
	New(&out, Options{Console: true, Width: func() int { return 140 }}).Security(fullSecurity())
	want := `12:30:45 ! block 403 POST shop.example/login 942100 ARGS:q="1' OR 1=1" +3 inbound=15/5 outbound=1/4 error=timeout request_id=0f8fad5b
`
	if out.String() != want {
		t.Errorf("\n got %s\nwant %s", out.String(), want)
	}
}

var colors = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// Every field that is written has its line in the operations guide, and every line is of a field that is written.
func TestFieldsDocumented(t *testing.T) {
	native, _ := formatted(t, Native)
	for title, i := range map[string]int{"Access events": 0, "Security events": 2, "Ban events": 3} {
		written := fieldNames("", native[i])
		var rows []string
		for _, row := range documented(t, title) {
			rows = append(rows, row[0])
			if !slices.Contains(written, row[0]) && row[0] != "observed" && row[0] != "rules_dropped" {
				t.Errorf("section %q has a row for %s, which is never written", title, row[0])
			}
		}
		for _, name := range written {
			if !slices.Contains(rows, name) {
				t.Errorf("section %q has no row for %s", title, name)
			}
		}
	}
}

func fieldNames(prefix string, fields map[string]any) []string {
	var names []string
	for name, value := range fields {
		names = append(names, prefix+name)
		switch v := value.(type) {
		case map[string]any:
			names = append(names, fieldNames(prefix+name+".", v)...)
		case []any:
			for _, one := range v {
				if m, ok := one.(map[string]any); ok {
					names = append(names, fieldNames(prefix+name+"[].", m)...)
				}
			}
		}
	}
	return names
}

func BenchmarkAccess(b *testing.B) {
	f := func(name string, w io.Writer, console bool) {
		b.Run(name, func(b *testing.B) {
			l := New(w, Options{Console: console})
			a := fullAccess()
			b.ReportAllocs()
			for b.Loop() {
				l.Access(a)
			}
		})
	}
	f("json", io.Discard, false)
	f("console", io.Discard, true)
	w := NewWriter(io.Discard, WriterOptions{})
	defer w.Close(time.Second)
	f("writer", w, false)
}

// kept is a sink that remembers, which a real one may not.
type kept struct{ lines []string }

func (s *kept) Send(k Kind, line []byte) { s.lines = append(s.lines, fmt.Sprint(k, " ", string(line))) }

// TestFanOut gives events to several sinks, each of which gets the kinds that it wants, and the
// line that standard output got.
func TestFanOut(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, Options{Kinds: Kinds(FailedEvent | SecurityEvent)})
	var all, bans kept
	l.Attach(&all, Native, AllKinds)
	l.Attach(&bans, Native, Kinds(BanEvent))
	failed := fullAccess()
	failed.Failed = true
	l.Access(fullAccess())
	l.Access(failed)
	l.Security(fullSecurity())
	l.Ban(&Ban{Action: "begun", Who: "192.0.2.1"})

	if len(all.lines) != 4 || len(bans.lines) != 1 || bans.lines[0] != all.lines[3] {
		t.Fatalf("one sink got %q, the other %q", all.lines, bans.lines)
	}
	for i, k := range []Kind{AccessEvent, FailedEvent, SecurityEvent, BanEvent} {
		if !strings.HasPrefix(all.lines[i], fmt.Sprint(k, " {")) {
			t.Errorf("event %d: want kind %d, got %q", i, k, all.lines[i])
		}
	}
	want := strings.TrimPrefix(all.lines[1], "2 ") + strings.TrimPrefix(all.lines[2], "4 ")
	if out.String() != want {
		t.Errorf("standard output\n got %s\nwant %s", out.String(), want)
	}
}

// TestWants says of events that nobody takes that they need not be made.
func TestWants(t *testing.T) {
	if l := New(nil, Options{}); l.Wants(AccessEvent) || l.Wants(SecurityEvent) {
		t.Error("a log to nowhere wants events")
	}
	l := New(io.Discard, Options{Console: true, Kinds: Kinds(BanEvent)})
	if l.Wants(AccessEvent) || !l.Wants(BanEvent) {
		t.Error("a console of bans does not want bans alone")
	}
	l.Attach(&kept{}, Native, Kinds(AccessEvent))
	if !l.Wants(AccessEvent) || l.Wants(FailedEvent) {
		t.Error("what a sink wants is not wanted")
	}
}

func BenchmarkSecurity(b *testing.B) {
	l := New(io.Discard, Options{})
	s := fullSecurity()
	b.ReportAllocs()
	for b.Loop() {
		l.Security(s)
	}
}
