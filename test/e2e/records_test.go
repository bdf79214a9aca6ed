package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/record"
	"github.com/wafer-waf/wafer/test/tier"
)

// recorded is a tier that records, and its file.
type recorded struct {
	*tier.Tier
	t    *testing.T
	file string
}

// recording starts a tier with a route file and a file for records. Further lines go to the boot file.
func recording(t *testing.T, routes, boot string) *recorded {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "records.jsonl")
	config := filepath.Join(dir, "boot.yaml")
	if err := os.WriteFile(config, []byte("records: { file: { path: "+file+" }"+boot+" }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &recorded{tier.Start(t, tier.RouteFile(t, routes), "--config", config), t, file}
}

// all are the records that are in the file.
func (r *recorded) all() (all []*record.Record) {
	r.t.Helper()
	f, err := os.Open(r.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	for from := record.NewReader(f); ; {
		one, err := from.Next()
		switch {
		case err == io.EOF:
			return all
		case err != nil:
			r.t.Fatal(err)
		}
		all = append(all, one)
	}
}

// of waits for the record of a request.
func (r *recorded) of(id string) (found *record.Record) {
	r.t.Helper()
	tier.Eventually(r.t, "the record of "+id, func() bool {
		for _, one := range r.all() {
			if one.RequestID == id {
				found = one
				return true
			}
		}
		return false
	})
	return found
}

// wants compares what a record says with what it should, one "name: value" a line.
func wants(t *testing.T, r *record.Record, want string) {
	t.Helper()
	var got strings.Builder
	body := func(name string, b *record.Body) {
		if b == nil {
			return
		}
		fmt.Fprintf(&got, "%s: %.80q size %d inspected %d", name, b.Bytes, b.Size, b.Inspected)
		for word, set := range map[string]bool{" unended": b.Unended, " masked": b.Masked} {
			if set {
				got.WriteString(word)
			}
		}
		for _, word := range []string{string(b.Cut), string(b.LeftOut), b.Decoded} {
			if word != "" {
				got.WriteString(" " + word)
			}
		}
		got.WriteString("\n")
	}
	fmt.Fprintf(&got, "why: %s\n%s %s\nverdict: %s %s %s\n", strings.Join(r.Why, ","), r.Request.Method, r.Request.Target, r.Verdict, r.Coverage, r.CoverageReason)
	body("request", r.Request.Body)
	if p := r.Response; p != nil {
		fmt.Fprintf(&got, "status: %d by %s\n", p.Status, p.By)
		body("response", p.Body)
	}
	if p := r.Withheld; p != nil {
		fmt.Fprintf(&got, "withheld: %d\n", p.Status)
		body("withheld", p.Body)
	}
	if strings.TrimSpace(got.String()) != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// messages has calls of gRPC and a request of HTTP/2 recorded.
func (r *recorded) messages() {
	t := r.t
	call := func(host, text string) *record.Record {
		message := "\x0a" + string([]byte{byte(len(text))}) + text
		body := "\x00\x00\x00\x00" + string([]byte{byte(len(message))}) + message
		c := dial(t, r.Addr, "")
		defer c.Close()
		return r.of(c.send(grpcCall(host, body)).reply("POST").id)
	}
	const attack = "1' UNION SELECT username, password FROM users -- "
	one := call("some.test", attack)
	if b := one.Request.Body; one.Message != "grpc" || one.Verdict != "block" || !strings.HasSuffix(string(b.Bytes), attack) || b.Inspected == 0 || len(one.Rules) == 0 {
		t.Errorf("a call that is blocked: %q %+v", one.Message, b)
	}
	one = call("all.test", attack)
	if b := one.Request.Body; one.Message != "" || one.Verdict != "block" || !strings.HasSuffix(string(b.Bytes), attack) {
		t.Errorf("a call that is captured: %q %+v", one.Message, b)
	}
	said, err := exec.CommandContext(t.Context(), "curl", "-sS", "--http2-prior-knowledge", "-D", "-", "-o", os.DevNull, "-d", "a=b", "-H", "Host: all.test", "http://"+r.Addr+"/h2").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, id, _ := strings.Cut(string(said), "x-request-id: ")
	id, _, _ = strings.Cut(id, "\r")
	one = r.of(id)
	if b := one.Request.Body; one.Request.Protocol != "HTTP/2.0" || string(b.Bytes) != "a=b" || one.Response.Status != 200 {
		t.Errorf("HTTP/2: %+v", one.Request)
	}
}

// grpcCall is a call of gRPC over HTTP/1.1.
func grpcCall(host, body string) string {
	return message("POST", host, "/shop.Orders/Create", body, "Content-Type: application/grpc", "TE: trailers")
}

// commands reads the file as people do.
func (r *recorded) commands() {
	t := r.t
	var first *record.Record
	for _, one := range r.all() {
		if one.Verdict == "block" {
			first = one
			break
		}
	}
	f := func(code int, want []string, stdin string, args ...string) string {
		t.Helper()
		got, stdout, stderr := command(t, stdin, append([]string{"records"}, args...)...)
		for _, text := range want {
			if !strings.Contains(stdout+stderr, text) {
				t.Errorf("%v: no %q in\n%s%s", args, text, stdout, stderr)
			}
		}
		if got != code {
			t.Errorf("%v: exit code %d, want %d\n%s", args, got, code, stderr)
		}
		return stdout
	}
	list := f(0, []string{"block 403 POST some.test/form " + first.RequestID}, "", "list", r.file, "--verdict", "block", "--since", "1h")
	if strings.Contains(list, " pass ") {
		t.Errorf("others are listed, too:\n%s", list)
	}
	f(0, []string{"rule 942100", "403", "recorded by some because of: verdict", injection}, "", "show", r.file, first.RequestID)
	f(1, []string{"no record of that request"}, "", "show", r.file, "none")
	for format, want := range map[string]string{"har": `"startedDateTime"`, "modsecurity": `"transaction"`, "json": `"event":"record"`} {
		out := f(0, []string{want, first.RequestID}, "", "export", r.file, "--format", format, "--request-id", first.RequestID)
		if !json.Valid([]byte(out)) {
			t.Errorf("%s is no JSON: %s", format, out)
		}
	}
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	f(1, []string{"-:1: not a record", first.RequestID}, "{}\n"+string(text)+`{"event":"rec`, "list")
	f(1, []string{`--since: "yesterday" is no time`}, "", "list", r.file, "--since", "yesterday")
	f(1, []string{"no such file"}, "", "list", "missing.jsonl")
}

func gzipped(t *testing.T, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRecords(t *testing.T) {
	t.Parallel()
	const secret = "password=hunter2hunter2"
	long := strings.Repeat("0123456789", 5000)
	back := newEcho(t, func(r *http.Request, raw string) string {
		answer := func(status, fields, body string) string {
			return fmt.Sprintf("HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s", status, fields, len(body), body)
		}
		switch r.URL.Path {
		case "/long":
			return answer("200 OK", "Content-Type: text/plain\r\n", long)
		case "/endless":
			return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" + long
		case "/gzip":
			return answer("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", gzipped(t, secret))
		case "/fails":
			return answer("503 Service Unavailable", "Content-Type: text/plain\r\nSet-Cookie: sid=verysecretvalue\r\n", "down")
		case "/leaks":
			return answer("200 OK", "Content-Type: text/html\r\n", "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version")
		}
		return answer("200 OK", "Content-Type: text/plain\r\n", "hello")
	})
	r := recording(t, `
routes:
  - { id: all, hosts: [all.test], record: all, upstreams: [{ id: a }] }
  - { id: some, hosts: [some.test], record: some, policy: response, upstreams: [{ id: a }] }
  - { id: small, hosts: [small.test], record: small, upstreams: [{ id: a }] }
  - { id: off, hosts: [off.test], policy: off, record: some, upstreams: [{ id: a }], limits: { request_body: 1MiB } }
  - { id: none, hosts: [none.test], upstreams: [{ id: a }] }
  - { id: scores, hosts: [scores.test], record: scores, policy: look, upstreams: [{ id: a }] }
  - { id: turn, hosts: [turn.test], record: some, access: closed, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
policies:
  - { id: response, response_body: { inspect: true } }
  - { id: off, mode: off }
  - { id: look, mode: detect, response_body: { inspect: true } }
access:
  - { id: closed, default: deny }
records:
  - { id: all, sample: 100% }
  - { id: some, when: { verdicts: [block, refused], score_from: 100, statuses: [5xx], clients: [127.0.0.9], headers: [{ name: X-Debug, exact: "1" }] } }
  - { id: scores, when: { score_from: 5 } }
  - { id: small, sample: 100%, limits: { request_body: 10B, response_body: 20B, record: 1KiB } }
`, "")

	wants(t, r.of(get(t, r.Tier, "all.test", "/a?q=1&password=hunter2hunter2").wantStatus(t, 200).id), `
why: sample
GET /a?q=1&password=[masked]
verdict: pass full 
status: 200 by upstream
response: "hello" size 5 inspected 0`)

	wants(t, r.of(post(t, r.Tier, "all.test", "/form", "name=x&password=hunter2hunter2").wantStatus(t, 200).id), `
why: sample
POST /form
verdict: pass full 
request: "name=x&password=[masked]" size 30 inspected 30 masked
status: 200 by upstream
response: "hello" size 5 inspected 0`)

	one := r.of(post(t, r.Tier, "some.test", "/form", "q="+injection).wantStatus(t, 403).id)
	wants(t, one, fmt.Sprintf(`
why: verdict
POST /form
verdict: block full 
request: "q=%s" size %d inspected %[2]d
status: 403 by tier
response: %.80q size %d inspected 0`, injection, len(injection)+2, one.Response.Body.Bytes, one.BytesOut))
	if len(one.Rules) == 0 || one.Score == nil || one.Score.Inbound < 5 || one.Upstream != "" {
		t.Errorf("rules %v, score %v, upstream %q", one.Rules, one.Score, one.Upstream)
	}

	one = r.of(get(t, r.Tier, "some.test", "/leaks").wantStatus(t, 403).id)
	if w := one.Withheld; w == nil || w.Status != 200 || w.Body == nil || !strings.Contains(string(w.Body.Bytes), "MySQL") || one.Response.By != "tier" {
		t.Errorf("withheld %+v %+v, response %+v", w, w.Body, one.Response)
	}

	wants(t, r.of(get(t, r.Tier, "some.test", "/fails").wantStatus(t, 503).id), `
why: status
GET /fails
verdict: pass full 
status: 503 by upstream
response: "down" size 4 inspected 4`)

	wants(t, r.of(get(t, r.Tier, "off.test", "/fails").wantStatus(t, 503).id), `
why: status
GET /fails
verdict: pass none policy_off
status: 503 by upstream
response: "down" size 4 inspected 0`)

	one = r.of(get(t, r.Tier, "some.test", "/long", "X-Debug: 1").wantStatus(t, 200).id)
	if b := one.Response.Body; strings.Join(one.Why, ",") != "header" || len(b.Bytes) != len(long) || b.Cut != "" {
		t.Errorf("%v: %d bytes, cut %q", one.Why, len(b.Bytes), b.Cut)
	}
	one = r.of(askFrom(t, r.Addr, "127.0.0.9", request("GET", "some.test", "/endless", "Connection: close")).wantStatus(t, 200).id)
	if b := one.Response.Body; strings.Join(one.Why, ",") != "client" || len(b.Bytes) != len(long) || b.Cut != "" || b.Unended {
		t.Errorf("%v: %d bytes, cut %q", one.Why, len(b.Bytes), b.Cut)
	}

	wants(t, r.of(get(t, r.Tier, "all.test", "/gzip").wantStatus(t, 200).id), fmt.Sprintf(`
why: sample
GET /gzip
verdict: pass full 
status: 200 by upstream
response: "password=[masked]" size %d inspected 0 masked gzip`, len(gzipped(t, secret))))

	wants(t, r.of(post(t, r.Tier, "small.test", "/long", "a=0123456789").wantStatus(t, 200).id), `
why: sample
POST /long
verdict: pass full 
request: "a=01234567" size 12 inspected 12 limit
status: 200 by upstream
response: "01234567890123456789" size 50000 inspected 0 limit`)

	low := get(t, r.Tier, "scores.test", "/?q=hello").wantStatus(t, 200)
	one = r.of(post(t, r.Tier, "scores.test", "/form", "q="+injection).wantStatus(t, 200).id)
	wants(t, one, fmt.Sprintf(`
why: score
POST /form
verdict: would_block full 
request: "q=%s" size %d inspected %[2]d
status: 200 by upstream
response: "hello" size 5 inspected 5`, injection, len(injection)+2))
	if one.Score == nil || one.Score.Inbound < 5 {
		t.Errorf("score %+v", one.Score)
	}
	one = r.of(get(t, r.Tier, "scores.test", "/leaks").wantStatus(t, 200).id) // a score of the response
	if b := one.Response.Body; strings.Join(one.Why, ",") != "score" || one.Score.Outbound < 4 || !strings.Contains(string(b.Bytes), "MySQL") {
		t.Errorf("%v, score %+v, %+v", one.Why, one.Score, b)
	}

	one = r.of(get(t, r.Tier, "turn.test", "/").wantStatus(t, 403).id)
	wants(t, one, fmt.Sprintf(`
why: verdict
GET /
verdict: refused none refused
status: 403 by tier
response: %.80q size %d inspected 0`, one.Response.Body.Bytes, one.BytesOut))

	get(t, r.Tier, "none.test", "/?q="+injection).wantStatus(t, 403)
	quiet := get(t, r.Tier, "some.test", "/quiet").wantStatus(t, 200)
	r.of(get(t, r.Tier, "all.test", "/last").id)
	for _, one := range r.all() {
		if one.RequestID == quiet.id || one.RequestID == low.id || one.Route == "none" {
			t.Errorf("%s was recorded: %v", one.Request.Target, one.Why)
		}
	}
	r.messages()
	r.commands()
	tier.Eventually(t, "all that are there are counted", func() bool {
		return r.Metric(`wafer_records_total{result="written"}`) == float64(len(r.all()))
	})
	tier.Eventually(t, "memory of records is given back", func() bool { return r.Metric("wafer_records_memory_bytes") == 0 })
}

// Records that cannot be written are lost, and each is counted once. Requests do not notice. When there is room again,
// records are written again.
func TestRecordsAreLost(t *testing.T) {
	t.Parallel()
	back := newEcho(t, func(*http.Request, string) string { return "HTTP/1.1 204 No Content\r\n\r\n" })
	dir := t.TempDir()
	folder := filepath.Join(dir, "there", "not")
	file := filepath.Join(folder, "records.jsonl")
	config := filepath.Join(dir, "boot.yaml")
	boot := "records: { memory: 1MiB, file: { path: " + file + " } }\nlimits: { head: 1MiB }\n"
	if err := os.WriteFile(config, []byte(boot), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &recorded{tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: all, record: all, upstreams: [{ id: a }] }
  - { id: slow, hosts: [slow.test], record: slow, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
records:
  - { id: all, sample: 100%, limits: { per_second: 0 } }
  - { id: slow, sample: 100%, limits: { per_second: 1B } }
`+off), "--config", config), t, file}
	given := 0.0
	exchange := func(n int, raw string) {
		t.Helper()
		c := dial(t, r.Addr, "")
		defer c.Close()
		for range n {
			c.send(raw).reply("GET").wantStatus(t, 204)
			given++
		}
	}
	total := func(result string) float64 { return r.Metric(`wafer_records_total{result="` + result + `"}`) }
	sum := func() float64 {
		return total("written") + total("output") + total("memory") + total("rate") + total("ended") + total("broken")
	}

	exchange(500, request("GET", "a.test", "/", "X-Long: "+strings.Repeat("x", 1000)))
	tier.Eventually(t, "records are lost", func() bool { return total("output") > 0 && r.Metric("wafer_records_up") == 0 })
	r.Log(func(l map[string]any) bool { return l["message"] == "records cannot be written" })

	huge := request("GET", "a.test", "/", "X-Long: "+strings.Repeat("x", 900_000))
	exchange(5, huge)
	tier.Eventually(t, "heads of 900 kB are lost for want of memory", func() bool { return total("memory") >= 4 })
	exchange(20, request("GET", "slow.test", "/", "X-Long: "+strings.Repeat("x", 500)))
	tier.Eventually(t, "all but one are lost for the rate", func() bool { return total("rate") == 19 })

	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	tier.Eventually(t, "records are written", func() bool { return total("written") > 0 && r.Metric("wafer_records_up") == 1 && sum() == given })
	exchange(1, request("GET", "a.test", "/last"))
	tier.Eventually(t, "all are counted", func() bool { return sum() == given })
	all := r.all()
	if n := total("written"); n != float64(len(all)) || all[len(all)-1].Request.Target != "/last" {
		t.Errorf("%v are counted, %d are there", n, len(all))
	}

	// A body that never ends, of a client that leaves.
	c := dial(t, r.Addr, "")
	c.send("POST /endless HTTP/1.1\r\nHost: a.test\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("400\r\n"+strings.Repeat("e", 1024)+"\r\n", 100))
	_ = c.Close() // in the middle
	given++
	tier.Eventually(t, "its record", func() bool { all = r.all(); return all[len(all)-1].Request.Target == "/endless" })
	if b := all[len(all)-1].Request.Body; !b.Unended || len(b.Bytes) > 64<<10 {
		t.Errorf("%d bytes, cut %q, left out %q, unended %v", len(b.Bytes), b.Cut, b.LeftOut, b.Unended)
	}
	tier.Eventually(t, "memory of records is given back", func() bool { return r.Metric("wafer_records_memory_bytes") == 0 })
	tier.Eventually(t, "it is counted, too", func() bool { return sum() >= given })
	if sum() != given {
		t.Errorf("%v are counted, %v were given", sum(), given)
	}
}

// Records may go where events go, and are read from among them.
func TestRecordsInASink(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	dir := t.TempDir()
	file := filepath.Join(dir, "all.jsonl")
	config := filepath.Join(dir, "boot.yaml")
	boot := "events: { sinks: [{ id: archive, events: [access], file: { path: " + file + " } }] }\nrecords: { sink: archive }\n"
	if err := os.WriteFile(config, []byte(boot), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &recorded{tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: all, record: all, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
records:
  - { id: all, sample: 100% }
`+off), "--config", config), t, file}
	id := get(t, r.Tier, "a.test", "/").wantStatus(t, 200).id
	if one := r.of(id); one.Response.Status != 200 {
		t.Errorf("%+v", one)
	}
	tier.Eventually(t, "the event and the record", func() bool { return r.Metric(`wafer_sink_events_total{result="sent",sink="archive"}`) == 2 })
	tier.Eventually(t, "it is counted", func() bool { return r.Metric(`wafer_records_total{result="sink"}`) >= 1 })
	if n := r.Metric(`wafer_records_total{result="sink"}`); n != 1 || len(r.all()) != 1 {
		t.Errorf("%v were given, %d are there", n, len(r.all()))
	}
}

// TestRecordsOfWebSockets records the message of a client that is blocked, masked, and not the one that passes.
func TestRecordsOfWebSockets(t *testing.T) {
	t.Parallel()
	back := newEcho(t, func(*http.Request, string) string {
		return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	})
	r := recording(t, `
routes:
  - { id: all, websocket: inspect, record: attacks, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
records:
  - { id: attacks, when: { verdicts: [block] } }
`, "")
	said := func(text string) string { // masked with zeros
		return "\x81" + string([]byte{0x80 | byte(len(text))}) + "\x00\x00\x00\x00" + text
	}
	c := dial(t, r.Addr, "")
	c.send(request("GET", "a.test", "/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
	id := c.reply("GET").wantStatus(t, 101).id
	c.send(said("good morning") + said(`{"password":"hunter2hunter2","q":"1' UNION SELECT a, b FROM users -- "}`))
	one := r.of(id)
	b := one.Request.Body
	if one.Message != "websocket" || one.Verdict != "block" || b == nil || len(one.Rules) == 0 || one.Request.Target != "/chat" {
		t.Fatalf("%q %s %+v", one.Message, one.Verdict, b)
	}
	if text := string(b.Bytes); !strings.Contains(text, "UNION SELECT") || strings.Contains(text, "hunter2") || !b.Masked || b.Inspected == 0 {
		t.Errorf("%+v", b)
	}
	tier.Eventually(t, "memory of records is given back", func() bool { return r.Metric("wafer_records_memory_bytes") == 0 })
	if all := r.all(); len(all) != 1 {
		t.Errorf("%d records", len(all))
	}
}
