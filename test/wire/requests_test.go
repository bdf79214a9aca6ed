package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
	"github.com/wafer-waf/wafer/wire"
)

// A case of testdata/requests is what a client sends,
//
//	> bytes                  as they are
//	line GET / HTTP/1.1      a request with this line and a Host field
//	field Name: value        a GET request with this field
//	chunked 5\r\nhello...    a POST request with this as its chunked body
//	host odd.test            whose Host field the three above have, instead of a.test
//
// and what comes of it:
//
//	< bytes                  what the backend gets, nothing else; {tier} stands for the fields
//	                         that the tier writes, {addr} for its address
//	<+                       the bytes of ">" with the fields of the tier behind the others
//	<line, <field            what becomes of the request of the same name
//	<body hello              what becomes of "chunked": a body with a length
//	<~ bytes                 the beginning of what the backend gets of a request that it never gets whole
//	! 400 bare_lf            status and reason for which the request, or the last one, is refused
//	= 100 200                the statuses that the client gets, if not 200 for each request that
//	                         was forwarded and then that of the refusal
//
// The client ends its side when it has sent all.
type requestCase struct {
	raw, want string
	broken    bool // the last message that the backend gets is not whole
	status    int  // of the refusal, 0: none
	reason    string
	statuses  string
}

func readRequestCase(t *testing.T, b block) requestCase {
	t.Helper()
	var c requestCase
	host := "a.test"
	for _, l := range b.lines {
		head := "\r\nHost: " + host + "\r\n"
		switch l.word {
		case "host":
			host = l.rest
		case ">":
			c.raw += l.rest
		case "line":
			c.raw += l.rest + head + "\r\n"
		case "field":
			c.raw += "GET / HTTP/1.1" + head + l.rest + "\r\n\r\n"
		case "chunked":
			c.raw += "POST / HTTP/1.1" + head + "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" + l.rest
		case "<":
			c.want += l.rest
		case "<+":
			before, after, _ := strings.Cut(c.raw, "\r\n\r\n")
			c.want += before + "\r\n{tier}\r\n" + after
		case "<line":
			c.want += l.rest + head + "{tier}\r\n"
		case "<field":
			if l.rest != "" {
				l.rest += "\r\n"
			}
			c.want += "GET / HTTP/1.1" + head + l.rest + "{tier}\r\n"
		case "<body":
			c.want += "POST / HTTP/1.1" + head + "Content-Type: text/plain\r\n{tier}Content-Length: " + strconv.Itoa(len(l.rest)) + "\r\n\r\n" + l.rest
		case "<~":
			c.want += l.rest
			c.broken = true
		case "!":
			status, reason, _ := strings.Cut(l.rest, " ")
			c.status, _ = strconv.Atoi(status)
			c.reason = reason
		case "=":
			c.statuses = l.rest
		default:
			t.Fatalf("%s: unknown word %q", b.name, l.word)
		}
	}
	if c.raw == "" || c.want == "" && c.status == 0 {
		t.Fatalf("%s: incomplete", b.name)
	}
	return c
}

// requestRoutes has hosts with the strict and the lenient view of paths, and one where
// nothing is inspected, so that bodies are streamed.
const requestRoutes = `
routes:
  - { id: a, hosts: [a.test], policy: detect, upstreams: [{ id: b }] }
  - id: lenient
    hosts: [a.test]
    paths: [{ prefix: /lenient }]
    policy: detect
    upstreams: [{ id: b }]
    ambiguous_paths: [dot_segment, empty_segment]
  - id: odd
    hosts: [odd.test]
    policy: detect
    upstreams: [{ id: b }]
    ambiguous_paths: [control, dot_segment, double_encoding, empty_segment, encoded_separator, invalid_escape]
  - { id: strict, hosts: [strict.test], policy: detect, path_readings: one, upstreams: [{ id: b }] }
  - { id: block, hosts: [block.test], upstreams: [{ id: b }] }
  - { id: small, hosts: [small.test], policy: "off", upstreams: [{ id: b }], limits: { request_body: 8B } }
  - { id: any, policy: "off", upstreams: [{ id: b }] }
upstreams:
  - { id: b, endpoints: ["%s"] }
policies:
  - { id: detect, mode: detect }
  - { id: "off", mode: "off" }
`

func TestRequests(t *testing.T) {
	t.Parallel()
	back := newBackend(t, ok)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(requestRoutes, back.url())))
	cases := blocks(t, "requests")
	if len(cases) < 150 {
		t.Errorf("%d cases only", len(cases))
	}
	var refusals []refusal
	for i, b := range cases {
		c := readRequestCase(t, b)
		t.Run(b.name, func(t *testing.T) {
			refusals = append(refusals, refusal{b.name, c.check(t, w, back, math.MaxInt), &c})
			if i%5 == 0 && len(c.raw) < 2000 {
				refusals = append(refusals, refusal{b.name, c.check(t, w, back, 1), &c})
			}
		})
	}
	// All at the end: events are written in batches.
	t.Run("events", func(t *testing.T) {
		counts := map[string]float64{}
		for _, r := range refusals {
			if r.id == "" {
				continue
			}
			counts[r.reason]++
			e := w.Access(r.id)
			if e["error"] != r.reason || e["status"] != float64(r.status) || e["verdict"] != "refused" {
				t.Errorf("%s: %v", r.name, e)
			}
		}
		for reason, want := range counts {
			if n := w.Metric(`wafer_refused_total{reason="` + reason + `"}`); n != want {
				t.Errorf("%s was counted %v times, want %v", reason, n, want)
			}
		}
		for _, reason := range wire.Reasons() {
			if strings.HasPrefix(reason, "head_timeout") || strings.HasPrefix(reason, "body_") {
				continue // TestSlowClients'
			}
			if counts[reason] == 0 {
				t.Errorf("no case is refused for %s", reason)
			}
		}
	})
}

// refusal is a request whose access event has to say why it was refused.
type refusal struct {
	name, id string
	*requestCase
}

// check sends the case in writes of step bytes. It returns the request id of the refusal,
// if there is one.
func (c *requestCase) check(t *testing.T, w *tier.Tier, back *backend, step int) string {
	t.Helper()
	before := back.count()
	replies := exchange(t, w.Addr, c.raw, step)

	// Another client's request is served, and comes to the backend behind all of the case.
	ask(t, w.Addr, "GET /after HTTP/1.1\r\nHost: off.test\r\n\r\n").wantStatus(t, 200)
	if c.broken {
		// The end of a connection may reach the backend after another connection's request.
		tier.Eventually(t, "the backend notices the end of the request", func() bool { return back.count() >= before+2 })
	}
	var got []message
	after := 0
	for _, m := range back.seen(before) {
		if m.target == "/after" {
			after++
		} else {
			got = append(got, m)
		}
	}
	if after != 1 {
		t.Errorf("the request after it arrived %d times", after)
	}

	var statuses []string
	var final []reply
	for _, r := range replies {
		statuses = append(statuses, strconv.Itoa(r.status))
		if r.cut {
			t.Errorf("an answer was cut short: %s%q", r.head, r.body)
		}
		if r.status >= 200 {
			final = append(final, r)
		}
	}
	var raw string
	want := strings.ReplaceAll(c.want, "{addr}", w.Addr)
	for i, m := range got {
		raw += m.raw
		id := ""
		if i < len(final) {
			id = final[i].id
		}
		want = strings.Replace(want, "{tier}", tierFields(m.raw, id), 1)
		if whole := m.err == nil; whole == (c.broken && i == len(got)-1) {
			t.Errorf("message %d at the backend: %v", i+1, m.err)
		}
	}
	if raw != want && (!c.broken || !strings.HasPrefix(raw, want)) {
		t.Errorf("sent      %q\nforwarded %q\nwant      %q", c.raw, raw, want)
	}
	expected := c.statuses
	if expected == "" {
		expected = strings.TrimSpace(strings.Repeat("200 ", len(got)))
		if c.broken {
			expected = strings.TrimSpace(strings.Repeat("200 ", len(got)-1))
		}
		if c.status != 0 {
			expected = strings.TrimSpace(expected + " " + strconv.Itoa(c.status))
		}
	}
	if s := strings.Join(statuses, " "); s != expected {
		t.Fatalf("statuses %q, want %q", s, expected)
	}
	if c.status == 0 {
		return ""
	}
	last := final[len(final)-1]
	if last.id == "" || !strings.Contains(last.body, last.id) && !strings.HasPrefix(c.raw, "HEAD ") {
		t.Errorf("a page without the request id: %s%s", last.head, last.body)
	}
	return last.id
}

// tierFields are the fields that the tier writes for a client on loopback.
func tierFields(forwarded, id string) string {
	_, rest, _ := strings.Cut(forwarded, "\r\nHost: ")
	host, rest, _ := strings.Cut(rest, "\r\n")
	named := "X-Forwarded-Host: " + host + "\r\n"
	if !strings.Contains(rest, "X-Forwarded-Host: ") {
		named = "" // only where the client named none, which a case shows on its own
	}
	if id == "" { // of a request that was never answered
		_, rest, _ = strings.Cut(rest, "\r\nX-Request-Id: ")
		id, _, _ = strings.Cut(rest, "\r\n")
	}
	return "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n" + named + "X-Request-Id: " + id + "\r\n"
}
