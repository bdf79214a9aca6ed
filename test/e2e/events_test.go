package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kaptinlin/jsonschema"
	"github.com/wafer-waf/wafer/test/tier"
)

// eventFiles is a tier with a sink for each format.
type eventFiles struct {
	*tier.Tier
	t      *testing.T
	dir    string
	routes string
}

// writingEvents starts one.
func writingEvents(t *testing.T) *eventFiles {
	t.Helper()
	back := newEcho(t, nil)
	e := &eventFiles{t: t, dir: t.TempDir()}
	e.routes = tier.RouteFile(t, `
routes:
  - { id: shop, paths: [{ prefix: /shop }], upstreams: [{ id: a }] }
  - { id: watched, paths: [{ prefix: /watched }], policy: watch, upstreams: [{ id: a }] }
  - { id: login, paths: [{ prefix: /login }], access: strict, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
policies:
  - { id: default, mode: block }
  - { id: watch, mode: detect }
access:
  - { id: strict, bans: [{ id: attackers, blocked: true, count: 1, window: 1m, for: 1h }] }
`)
	var sinks []string
	for _, format := range []string{"native", "ocsf", "ecs"} {
		sinks = append(sinks, fmt.Sprintf("{ id: %s, format: %[1]s, events: [access, security, bans], file: { path: %s } }", format, e.path(format)))
	}
	boot := filepath.Join(e.dir, "boot.yaml")
	if err := os.WriteFile(boot, []byte("log: { access: off }\ndrain_delay: 0s\nevents: { sinks: ["+strings.Join(sinks, ", ")+"] }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e.Tier = tier.Start(t, e.routes, "--config", boot)
	return e
}

func (e *eventFiles) path(format string) string { return filepath.Join(e.dir, format+".jsonl") }

// attack asks for everything of which there are events.
func (e *eventFiles) attack() {
	const attack = "?q=1%27+OR+1=1--&password=hunter2"
	ask(e.t, e.Addr, request("GET", "shop.test", "/shop", "Connection: close")).wantStatus(e.t, 200)
	ask(e.t, e.Addr, request("GET", "shop.test", "/shop"+attack, "Connection: close")).wantStatus(e.t, 403)
	ask(e.t, e.Addr, request("GET", "shop.test", "/watched"+attack, "Connection: close")).wantStatus(e.t, 200)
	ask(e.t, e.Addr, request("GET", "shop.test", "/none", "Connection: close")).wantStatus(e.t, 404)
	ask(e.t, e.Addr, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").wantStatus(e.t, 400)
	ask(e.t, e.Addr, request("GET", "shop.test", "/login"+attack, "Connection: close")).wantStatus(e.t, 403)
	tier.Eventually(e.t, "the ban", func() bool { return e.Metric(`wafer_bans`) > 0 })
	ask(e.t, e.Addr, request("GET", "shop.test", "/login", "Connection: close")).wantStatus(e.t, 403)
}

// lines are the events that a sink has got.
func (e *eventFiles) lines(format string) (events []map[string]any) {
	e.t.Helper()
	data, err := os.ReadFile(e.path(format))
	if err != nil {
		e.t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var event map[string]any
		if err := json.Unmarshal(line, &event); err != nil {
			e.t.Fatalf("%s: %v: %s", format, err, line)
		}
		events = append(events, event)
	}
	return events
}

// TestEventsKeepToSchema asks for everything of which there are events. What sinks get keeps to schema/event.json, is the same in
// each format, is counted, and goes to standard output only as far as that was asked for.
func TestEventsKeepToSchema(t *testing.T) {
	t.Parallel()
	e := writingEvents(t)
	e.attack()
	const given = 7 + 3 + 1 // requests, those in which rules found something, and a ban
	for _, format := range []string{"native", "ocsf", "ecs"} {
		tier.Eventually(t, "all events as "+format, func() bool {
			return e.Metric(`wafer_sink_events_total{result="sent",sink="`+format+`"}`) == given
		})
	}
	text, err := os.ReadFile("../../schema/event.json")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	native := e.lines("native")
	kinds := map[any]int{}
	for _, event := range native {
		kinds[event["event"]]++
		if r := schema.Validate(event); !r.IsValid() {
			problems, _ := json.Marshal(r.ToList(false)) // of plain values
			t.Errorf("%v is not valid: %s", event, problems)
		}
	}
	if kinds["access"] != 7 || kinds["security"] != 3 || kinds["ban"] != 1 {
		t.Errorf("events: %v", kinds)
	}
	isBan := func(event map[string]any) bool { return event["event"] == "ban" }
	withoutBans := slices.DeleteFunc(slices.Clone(native), isBan)
	bans := slices.DeleteFunc(slices.Clone(native), func(event map[string]any) bool { return !isBan(event) })
	for _, format := range []string{"ocsf", "ecs"} {
		events := e.lines(format)
		if len(events) != len(native) {
			t.Fatalf("%s: %d events of %d", format, len(events), len(native))
		}
		var texts []string
		for _, event := range events {
			text, _ := json.Marshal(event) // of plain values
			if texts = append(texts, string(text)); strings.Contains(string(text), "hunter2") {
				t.Errorf("%s tells a secret: %s", format, text)
			}
		}
		for _, event := range slices.Concat(withoutBans, bans) { // sinks need not have the same order: requests end beside each other
			id, _ := event["request_id"].(string)
			verdict, _ := event["verdict"].(string)
			at := slices.IndexFunc(texts, func(text string) bool {
				return strings.Contains(text, id) && strings.Contains(text, verdict)
			})
			if at < 0 {
				t.Errorf("%s has not got %v, but\n%s", format, event, strings.Join(texts, "\n"))
				continue
			}
			texts = slices.Delete(texts, at, at+1)
		}
	}
	e.Event(isBan)
	if n := len(e.Events(func(event map[string]any) bool { return event["verdict"] == "pass" })); n != 0 {
		t.Errorf("%d events of clean requests on standard output with log.access: off", n)
	}
}

// TestEventsCommand reads a sink's file, and standard output through a pipe, with the binary.
func TestEventsCommand(t *testing.T) {
	t.Parallel()
	e := writingEvents(t)
	e.attack()
	run := func(stdin []byte, args ...string) string {
		t.Helper()
		c := exec.Command(tier.Binary(t), append([]string{"events"}, args...)...)
		c.Stdin = bytes.NewReader(stdin)
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return string(out)
	}
	tier.Eventually(t, "the last event, in the tier's memory", func() bool {
		return strings.Count(run(nil, "--admin", e.Admin, "-o", "json", "--kind", "access"), "\n") == 3 // with log.access: off
	})
	if out := run(nil, "--admin", e.Admin, "-o", "json", "--rule", "942100", "--route", "login"); strings.Count(out, "\n") != 1 || !strings.Contains(out, `"verdict":"block"`) {
		t.Errorf("of the tier: %s", out)
	}
	e.Signal(15)
	if code := e.Wait(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if out := run(nil, "--verdict", "would_block", "--kind", "security", e.path("native")); strings.Count(out, "\n") != 1 || !strings.Contains(out, `"route":"watched"`) {
		t.Errorf("json: %s", out)
	}
	data, err := os.ReadFile(e.path("native"))
	if err != nil {
		t.Fatal(err)
	}
	if out := run(data, "-o", "console", "--rule", "942000-942999", "--route", "shop", "-"); !strings.Contains(out, "! block 403 GET shop.test/shop") {
		t.Errorf("console: %s", out)
	}
	if out := run(data, "-o", "csv", "--status", "4xx", "-"); strings.Count(out, "\n") != 1+7 {
		t.Errorf("csv: %s", out)
	}
}

// TestEventsAfterKill kills a tier under load. The next one goes on with whole lines.
func TestEventsAfterKill(t *testing.T) {
	t.Parallel()
	e := writingEvents(t)
	c := dial(t, e.Addr, "")
	for range 200 {
		c.send(request("GET", "shop.test", "/shop")).reply(http.MethodGet).wantStatus(t, 200)
	}
	tier.Eventually(t, "a line", func() bool { return e.Metric(`wafer_sink_events_total{result="sent",sink="native"}`) > 0 })
	e.Kill()
	f, err := os.OpenFile(e.path("native"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"time":"2026-`); err != nil { // as far as it might have come
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadFile(e.path("native"))
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Count(left, []byte("\n"))
	e.Tier = tier.Start(t, e.routes, "--config", filepath.Join(e.dir, "boot.yaml"))
	ask(t, e.Addr, request("GET", "shop.test", "/shop", "Connection: close")).wantStatus(t, 200)
	tier.Eventually(t, "the next line", func() bool { return e.Metric(`wafer_sink_events_total{result="sent",sink="native"}`) == 1 })
	if events := e.lines("native"); len(events) != before+1 {
		t.Errorf("%d events, want %d and one more", len(events), before)
	}
}
