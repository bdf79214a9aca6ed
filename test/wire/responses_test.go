package wire

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// A case of testdata/responses is what a backend sends,
//
//	client GET {path} ...   what it answers, if not a plain GET request
//	< bytes                 its answer
//	close                   it closes the connection then
//	late bytes              it sends more when the client has its answer
//	late-close              it closes the connection when the client has its answer
//
// and what a client gets:
//
//	= 200 body              status and body
//	! 502                   one of the tier's own pages
//	cut hello               a body that begins like this and visibly ends too early, or no answer
//	                        at all; where bodies are inspected it may be a 502
//	interim 103 Link: <b>   an interim response before, with this field; no others
//	interims 3              only how many there are at most
//	field Name: value       a field, with its case in the value and in the name
//	nofield Name            no such field, in no interim response either
//	reused yes              whether the connection to the backend serves another request
//	tries 2                 how often the backend may be asked, if not once
//
// Afterwards another client's request has to get its own answer.
type responseCase struct {
	client, sent, late string
	closes, lateCloses bool
	status             int
	body               string
	own, cut           bool
	interims           []string
	anyInterims        int
	fields, nofields   []string
	reused             string
	tries              int
}

func readResponseCase(t *testing.T, b block) responseCase {
	t.Helper()
	c := responseCase{client: "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"}
	for _, l := range b.lines {
		switch l.word {
		case "client":
			c.client = l.rest
		case "<":
			c.sent += l.rest
		case "close":
			c.closes = true
		case "late":
			c.late = l.rest
		case "late-close":
			c.lateCloses = true
		case "=", "!":
			status, body, _ := strings.Cut(l.rest, " ")
			c.status, _ = strconv.Atoi(status)
			c.body, c.own = body, l.word == "!"
		case "cut":
			c.status, c.body, c.cut = 200, l.rest, true
		case "interim":
			c.interims = append(c.interims, l.rest)
		case "interims":
			c.anyInterims, _ = strconv.Atoi(l.rest)
		case "field":
			c.fields = append(c.fields, l.rest)
		case "nofield":
			c.nofields = append(c.nofields, l.rest)
		case "tries":
			c.tries, _ = strconv.Atoi(l.rest)
		case "reused":
			c.reused = l.rest
		default:
			t.Fatalf("%s: unknown word %q", b.name, l.word)
		}
	}
	if c.status == 0 {
		t.Fatalf("%s: incomplete", b.name)
	}
	return c
}

// stage is a backend that plays one case at a time.
type stage struct {
	*backend
	mu      sync.Mutex
	current *responseCase
	proceed chan struct{} // the client has its answer
	done    chan struct{} // the backend has done what the case says of late
}

func (s *stage) play(c *peer, m message) bool {
	if n, ok := strings.CutPrefix(m.target, "/clean/"); ok {
		_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nclean %s", len("clean ")+len(n), n)
		return err == nil
	}
	s.mu.Lock()
	rc, proceed, done := s.current, s.proceed, s.done
	s.mu.Unlock()
	_, err := io.WriteString(c, rc.sent)
	if rc.late == "" && !rc.lateCloses {
		return err == nil && !rc.closes
	}
	<-proceed
	if rc.late != "" {
		_, err = io.WriteString(c, rc.late)
	}
	if rc.lateCloses {
		_ = c.Close() // what is late is its own end
	}
	close(done)
	return err == nil && !rc.lateCloses
}

const responseRoutes = `
routes:
  - { id: streamed, hosts: [off.test], policy: "off", upstreams: [{ id: b }] }
  - { id: inspected, hosts: [detect.test], policy: detect, upstreams: [{ id: b }] }
upstreams:
  - { id: b, endpoints: ["%s"] }
policies:
  - { id: detect, mode: detect, response_body: { inspect: true } }
  - { id: "off", mode: "off" }
`

func TestResponses(t *testing.T) {
	t.Parallel()
	s := &stage{}
	s.backend = newBackend(t, s.play)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(responseRoutes, s.url())))
	n := 0
	for _, b := range blocks(t, "responses") {
		c := readResponseCase(t, b)
		t.Run(b.name, func(t *testing.T) {
			for _, host := range []string{"off.test", "detect.test"} {
				n++
				c.check(t, w, s, host, n)
			}
		})
	}
	if n < 200 {
		t.Errorf("%d cases only", n/2)
	}
}

func (c *responseCase) check(t *testing.T, w *tier.Tier, s *stage, host string, n int) {
	t.Helper()
	path := "/case/" + strconv.Itoa(n)
	proceed, done := make(chan struct{}), make(chan struct{})
	s.mu.Lock()
	s.current, s.proceed, s.done = c, proceed, done
	s.mu.Unlock()
	before := s.count()

	conn := dial(t, w.Addr, "")
	defer conn.Close()
	conn.send(strings.NewReplacer("{path}", path, "{host}", host).Replace(c.client))
	method, _, _ := strings.Cut(c.client, " ")
	var interims []reply
	var r reply
	for {
		var err error
		r, err = readReply(conn.br, method)
		if errors.Is(err, errNoReply) && c.cut {
			r = reply{status: c.status, body: c.body, cut: true} // nothing looks like a whole answer even less
			break
		}
		if err != nil {
			t.Fatalf("%s: no answer: %v after %q", host, err, r.head)
		}
		if r.status >= 200 {
			break
		}
		interims = append(interims, r)
	}
	close(proceed)
	if c.late != "" || c.lateCloses {
		tier.Receive(t, "the backend's late bytes", done)
	}
	c.judge(t, host, method, r, interims)

	// Another client.
	other := ask(t, w.Addr, fmt.Sprintf("GET /clean/%d HTTP/1.1\r\nHost: %s\r\n\r\n", n, host))
	if want := fmt.Sprintf("clean %d", n); other.status != 200 || other.body != want {
		t.Errorf("%s: another client got %d %q, want %q", host, other.status, other.body, want)
	}
	seen := s.seen(before)
	for again := 1; again < c.tries && len(seen) > 2 && seen[1].target == path; again++ {
		seen = seen[1:]
	}
	if len(seen) != 2 || seen[0].target != path || seen[1].target != fmt.Sprintf("/clean/%d", n) {
		t.Fatalf("%s: the backend was asked %d times: %+v", host, len(seen), seen)
	}
	reused := "no"
	if seen[0].conn == seen[1].conn {
		reused = "yes"
	}
	want := c.reused
	if want == "" && (c.own || c.cut) {
		want = "no"
	}
	if want != "" && reused != want {
		t.Errorf("%s: connection reused: %s, want %s", host, reused, want)
	}

	// The client's own connection may be used again unless it was told otherwise.
	if closed := strings.Contains(r.head, "\r\nConnection: close\r\n"); !closed && !r.cut && strings.Contains(c.client, "HTTP/1.1") {
		conn.send(fmt.Sprintf("GET /clean/%d HTTP/1.1\r\nHost: %s\r\n\r\n", n, host))
		next, err := readReply(conn.br, "GET")
		if want := fmt.Sprintf("clean %d", n); err != nil || next.body != want {
			t.Errorf("%s: next on the connection: %v %q, want %q", host, err, next.body, want)
		}
	} else if rest, err := io.ReadAll(conn.br); len(rest) > 0 || err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("%s: behind the answer: %q, %v", host, rest, err)
	}
}

func (c *responseCase) judge(t *testing.T, host, method string, r reply, interims []reply) {
	t.Helper()
	switch {
	case c.cut && host == "detect.test" && r.status == 502:
		return
	case c.cut && (!r.cut || r.status != 200 || !strings.HasPrefix(r.body, c.body)):
		t.Errorf("%s: not cut: %s%q", host, r.head, r.body)
	case c.own && (r.status != c.status || !strings.Contains(r.body, r.id) || r.cut):
		t.Errorf("%s: got %s%q, want %d", host, r.head, r.body, c.status)
	case !c.cut && !c.own && (r.status != c.status || r.body != c.body || r.cut):
		t.Errorf("%s: got %s%q, want %d %q", host, r.head, r.body, c.status, c.body)
	}
	if c.cut && r.head == "" {
		return
	}
	if !regexp.MustCompile(`(?m)^X-Request-Id: [0-9a-f-]{36}\r$`).MatchString(r.head) || r.id == "theirs" || strings.Count(strings.ToLower(r.head), "x-request-id") != 1 {
		t.Errorf("%s: no request id of ours: %s", host, r.head)
	}
	if !strings.HasPrefix(r.head, "HTTP/1.1 ") {
		t.Errorf("%s: version: %s", host, r.head)
	}
	for _, f := range c.fields {
		name, _, _ := strings.Cut(f, ":")
		if !strings.Contains(r.head, "\r\n"+f+"\r\n") && (!strings.EqualFold(name, "Date") || !strings.Contains(strings.ToLower(r.head), "\r\n"+strings.ToLower(f)+"\r\n")) {
			t.Errorf("%s: no %q in %q", host, f, r.head)
		}
	}
	for _, f := range c.nofields {
		for _, r := range append(interims, r) {
			if strings.Contains(strings.ToLower(r.head), "\r\n"+strings.ToLower(f)+":") {
				t.Errorf("%s: %s in %q", host, f, r.head)
			}
		}
	}
	if c.anyInterims > 0 && len(interims) <= c.anyInterims {
		return
	}
	if len(interims) != len(c.interims) {
		t.Fatalf("%s: %d interim responses, want %d", host, len(interims), len(c.interims))
	}
	for i, want := range c.interims {
		status, f, _ := strings.Cut(want, " ")
		lower := strings.ToLower(interims[i].head)
		if strconv.Itoa(interims[i].status) != status || f != "" && !strings.Contains(interims[i].head, "\r\n"+f+"\r\n") ||
			strings.Contains(lower, "connection:") || strings.Contains(lower, "content-length:") || strings.Contains(lower, "x-request-id:") {
			t.Errorf("%s: interim response %q, want %s", host, interims[i].head, want)
		}
	}
}
