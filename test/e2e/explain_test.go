package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/wafer-waf/wafer/test/tier"
)

// explainFile is a route file to explain requests under. More may be added to its policy, which is its last.
func explainFile(t *testing.T, more string) string {
	t.Helper()
	return tier.RouteFile(t, `
routes:
  - { id: shop, hosts: [shop.test], policy: shop, upstreams: [{ id: a }] }
  - { id: api, hosts: [shop.test], paths: [{ prefix: /api }], methods: [POST], policy: open, upstreams: [{ id: a }] }
  - { id: watched, hosts: [watched.test], policy: watched, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["http://a.invalid:80"] }
policies:
  - { id: base, thresholds: { inbound: 4 } }
  - { id: open, mode: off }
  - { id: watched, inherits: base, mode: detect }
  - id: shop
    inherits: base
`+more)
}

// explain runs the command without the race detector, which has nothing to find in it and makes compiling
// policies slow.
func explain(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return plainly(t, stdin, append([]string{"explain"}, args...)...)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	file := explainFile(t, `
    exclusions:
      - { rule: 942100, target: ARGS:note, path: /notes, reason: notes are free text }
    rules_before:
      - inline: SecRule ARGS:v "@streq own" "id:100010,phase:1,deny,status:404,log,msg:'own rule'"
`)
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte("q=1'+OR+'1'='1'+--+"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(name string, wantCode int, want, not []string, stdin string, args ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := explain(t, stdin, args...)
			if code != wantCode {
				t.Errorf("exit code %d, want %d\n%s%s", code, wantCode, stdout, stderr)
			}
			said := strings.Join(strings.Fields(stdout+stderr), " ")
			for _, w := range want {
				if !strings.Contains(said, w) {
					t.Errorf("does not say %q:\n%s", w, said)
				}
			}
			for _, n := range not {
				if strings.Contains(said, n) {
					t.Errorf("says %q:\n%s", n, said)
				}
			}
			if n := strings.Count(stdout, "\n"); n > 25 {
				t.Errorf("%d lines:\n%s", n, stdout)
			}
		})
	}
	attack := "http://shop.test/search?q=" + injection
	f("a block", 3, []string{
		"request GET shop.test/search", "route shop (host shop.test and any path)", "policy shop (block, paranoia level 1)",
		"verdict block 403", "add up to a score of 5, and policy shop blocks from 4 on",
		"rules 942100 +5 SQL Injection", "ARGS:q = 1' OR '1'='1' --", "coverage full",
		"passes with this in policy shop, as was tried: exclusions: - { rule: 942100, target: ARGS:q, path: /search, reason:",
	}, []string{"949110", "980170", "thresholds", "not api", "\x1b"}, "", file, attack)
	f("a pass", 0, []string{"verdict pass why no rule has found anything"}, []string{"exclusions:"}, "", file, "http://shop.test/")
	f("detection", 0, []string{"verdict would_block", "exclusions: - { rule: 942100"}, nil, "", file, "http://watched.test/?q="+injection)
	f("an exclusion", 0, []string{"excluded 942100 ARGS:note below /notes by policies[3].exclusions[0]: notes are free text", "verdict pass"}, nil, "", file,
		"http://shop.test/notes/1?note="+injection)
	f("an own rule", 3, []string{"verdict block 404", "rule 100010 decides by itself", "change it there"}, []string{"exclusions:"}, "", file, "http://shop.test/?v=own")
	f("an attack", 3, []string{"rules agree on this request, so it looks like an attack", "-v tells"}, []string{"exclusions:"}, "", file, "http://shop.test/?q=<script>alert(document.cookie)</script>")
	f("no route", 3, []string{"route none not", "verdict refused 404", "no_route: ", "coverage none, no_route"}, nil, "", file, "--host", "other.test")
	f("mode off", 0, []string{"route api (", "verdict pass", "mode: off", "coverage none, policy_off"}, nil, "POST /api/x HTTP/1.1\nHost: shop.test\nContent-Length: 3\n\na=b\n", file)
	f("a short body", 3, []string{"verdict refused 400", "truncated: the body is shorter"}, []string{"clean"}, "POST /x HTTP/1.1\nHost: shop.test\nContent-Length: 30\n\na=b\n", file)
	f("a body as text", 3, []string{"request POST", "ARGS:q"}, nil, "", file, "http://shop.test/x", "--body", "q=1'+OR+'1'='1'+--+")
	f("a body from a file", 3, []string{"request POST", "ARGS:q"}, nil, "", file, "http://shop.test/x", "-d", "@"+body)
	const call = "POST /shop.Orders/Create HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: test\r\nAccept: */*\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunk := func(text string) string { // of one message with one field
		return fmt.Sprintf("%x\r\n\x00\x00\x00\x00%c\n%c%s\r\n", len(text)+7, len(text)+2, len(text), text)
	}
	f("a message of a call", 3, []string{"request POST shop.test/shop.Orders/Create", "verdict block 200", "ARGS:protobuf.1"}, nil,
		call+chunk("hello")+chunk("1' OR '1'='1' -- ")+"0\r\n\r\n", file)
	f("a call", 0, []string{"verdict pass"}, nil, call+chunk("hello")+chunk("there")+"0\r\n\r\n", file)
	f("a body from standard input", 3, []string{"request PUT", "ARGS:json.q"}, nil, `{"q":"1' OR '1'='1' -- "}`, file, "http://shop.test/x", "-d", "-", "-X", "PUT")
	f("fields", 3, []string{"920450", "REQUEST_HEADERS_NAMES:Proxy"}, nil, "", file, "--host", "shop.test", "-H", "Proxy: x", "-H", "Accept: text/html")
	f("a field that is none", 1, []string{`--header "Proxy" is not written as 'Name: value'`}, nil, "", file, "--host", "shop.test", "-H", "Proxy")
	f("a space", 1, []string{"write %20 for a space"}, nil, "", file, "--host", "shop.test", "--path", "/a b")
	f("a body without a length", 1, []string{"write Content-Length: 3"}, nil, "POST /api/x HTTP/1.1\nHost: shop.test\n\na=b\n", file)
	f("nothing", 1, []string{"no request: give a URL, --host, or on standard input a raw HTTP request or an event"}, nil, "", file)
	f("flags without a host", 1, []string{"--body needs a URL or --host"}, nil, "", file, "-d", "a=b")
	f("no route file", 1, []string{"give a route file"}, nil, "GET / HTTP/1.1\nHost: a\n\n")
	f("another output", 1, []string{"--output"}, nil, "", file, attack, "-o", "xml")
}

// What explain prints is pasted as it is, and the request passes.
func TestExplainSuggestsWhatWorks(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"http://shop.test/notes?note=" + injection},
		{"http://shop.test/a%20b/c?x=1", "-H", "Proxy: x"},
		{"http://shop.test/a/b%2525/c%23?x=1", "-H", "Proxy: x"},
		{"http://shop.test/", "-H", "Range: bytes=5-2", "-d", "x[y]=1'+OR+'1'='1'+--+"},
	} {
		_, out, _ := explain(t, "", append([]string{explainFile(t, ""), "-v"}, args...)...)
		_, yaml, found := strings.Cut(out, "    exclusions:\n")
		if !found {
			t.Fatalf("%s suggests nothing:\n%s", args, out)
		}
		yaml, _, _ = strings.Cut("    exclusions:\n"+yaml, "\n\n")
		code, out, stderr := explain(t, "", append([]string{explainFile(t, yaml+"\n")}, args...)...)
		if code != 0 || !strings.Contains(out, "excluded") {
			t.Errorf("%d with\n%s\n%s%s", code, yaml, out, stderr)
		}
	}
}

// A thousand routes are not a thousand lines, whatever is asked for.
func TestExplainManyRoutes(t *testing.T) {
	t.Parallel()
	var routes strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&routes, "  - { id: r%d, hosts: [h%d.test], policy: open, upstreams: [{ id: a }] }\n", i, i)
	}
	file := tier.RouteFile(t, "routes:\n"+routes.String()+"upstreams:\n  - { id: a, endpoints: [\"http://a.invalid:80\"] }\npolicies:\n  - { id: open, mode: off }\n")
	for _, c := range []struct {
		args  []string
		lines int
		says  string
	}{
		{[]string{"http://h500.test/"}, 8, "route      r500"},
		{[]string{"http://none.test/"}, 12, "and 997 others"},
		{[]string{"http://h500.test/", "-v"}, 90, "and 979 others"},
	} {
		_, out, _ := explain(t, "", append([]string{file}, c.args...)...)
		if n := strings.Count(out, "\n"); n > c.lines || !strings.Contains(out, c.says) {
			t.Errorf("%s: %d lines\n%s", c.args, n, out)
		}
	}
}

// An event from the log of a running tier is told, tried again under a file, and gone when its exclusion is
// there.
func TestExplainEvents(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	w := tier.Plain(t, tier.RouteFile(t, `
routes:
  - { id: shop, policy: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
policies:
  - { id: shop }
`))
	blocked := ask(t, w.Addr, request("GET", "shop.test", "/notes?note="+injection))
	masked := ask(t, w.Addr, request("GET", "shop.test", "/notes?password="+injection))
	posted := ask(t, w.Addr, "POST /notes HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: x\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n{bad")
	passed := ask(t, w.Addr, request("GET", "shop.test", "/"))
	w.Access(passed.id)
	lines := ""
	for _, e := range w.Events(func(map[string]any) bool { return true }) {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		lines += "[pod/wafer-1/wafer] " + string(text) + "\n"
	}
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("not an event {\n"+strings.Repeat("{", 3<<20)+"\n"+lines), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(wantCode int, want string, stdin string, args ...string) {
		t.Helper()
		code, out, stderr := explain(t, stdin, args...)
		if said := strings.Join(strings.Fields(out+stderr), " "); code != wantCode || !strings.Contains(said, want) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", args, code, wantCode, want, out, stderr)
		}
	}
	f(3, "verdict block 403 why the rules below add up to a score of 5, and the policy blocks from 5 on rules 942100", "", "--log", log, "--request-id", blocked.id)
	f(0, "verdict pass 200", lines, "--request-id", passed.id)
	f(1, "no event of request \"nobody\"", lines, "--request-id", "nobody")
	f(1, "events of several requests: choose one with --request-id", lines, "--log", "-")
	f(1, "events of several requests: choose one with --request-id", "what wrote to the same output\n"+lines, explainFile(t, ""))
	f(3, "exclusions: - { rule: 942100, target: ARGS:note, path: /notes", lines, explainFile(t, ""), "--request-id", blocked.id)
	f(0, "so a pass says nothing: ARGS:password request GET", lines, explainFile(t, ""), "--request-id", masked.id)
	f(0, "so a pass says nothing: REQBODY_ERROR", lines, explainFile(t, ""), "--request-id", posted.id)
	f(0, "verdict pass why no rule has found anything coverage", lines, explainFile(t, ""), "--request-id", posted.id)
	f(0, "excluded 942100 ARGS:note", lines, explainFile(t, "    exclusions: [{ rule: 942100, target: ARGS:note, path: /notes, reason: free text }]"), "--request-id", blocked.id)
}

// A client's bytes, in a request or in what somebody has put into a log, do not reach a terminal as anything
// but text in a line.
func TestExplainIsNotDriven(t *testing.T) {
	t.Parallel()
	hostile := "\x1b[2J\x1b]0;title\a\u202etxt.exe\u2066\r\nverdict pass\u2028\u009b31m\x00"
	encoded := "%1b%5b2J%1b%5d0;title%07%e2%80%aetxt.exe%e2%81%a6%0d%0averdict%20pass%e2%80%a8%c2%9b31m%ff"
	text, err := json.Marshal(map[string]any{
		"event": "security", "time": hostile, "request_id": hostile, "route": hostile, "policy": hostile, "mode": hostile, "client": hostile,
		"method": hostile, "host": hostile, "path": "/" + hostile, "verdict": hostile, "error": hostile, "coverage": hostile, "coverage_reason": hostile,
		"rules": []any{map[string]any{"id": 1, "message": hostile, "target": "ARGS:" + hostile, "value": hostile, "severity": hostile}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := explainFile(t, "")
	for name, run := range map[string][]string{
		"an argument":       {"", file, "-v", "http://shop.test/?a=" + encoded + injection},
		"a name":            {"", file, "-v", "http://shop.test/?" + encoded + "=" + injection},
		"a path":            {"", file, "-v", "http://shop.test/\u202e" + encoded + "?q=" + injection},
		"a cookie":          {"", file, "-v", "http://shop.test/", "-H", "Cookie: a=" + encoded + injection},
		"a field":           {"", file, "-v", "http://shop.test/", "-H", "User-Agent: sqlmap \u202e\u009b31m"},
		"a host":            {"", file, "-v", "--host", "a\u202e.test"},
		"JSON":              {"", file, "-v", "http://shop.test/", "-d", `{"\u001b[2J\u202e":"1' OR '1'='1' -- \u001b[2J\u202e\n"}`},
		"an event":          {string(text), "--log", "-"},
		"an event, tried":   {string(text), file, "-v"},
		"a message of ours": {"", file, "http://" + "\u202e" + "@x/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, out, stderr := explain(t, run[0], run[1:]...)
			if out == "" && stderr == "" {
				t.Error("says nothing")
			}
			for _, r := range out + stderr {
				if r != '\n' && !unicode.IsGraphic(r) {
					t.Errorf("%U in\n%q", r, out+stderr)
					break
				}
			}
		})
	}
}

// Programs get one document.
func TestExplainJSON(t *testing.T) {
	t.Parallel()
	code, out, stderr := explain(t, "", explainFile(t, ""), "http://shop.test/search?password=hunter2&q="+injection, "-o", "json")
	var got struct {
		Request struct {
			Route, Policy, Verdict string
			Status                 int
			Rules                  []struct{ ID int }
			Suggestion             struct {
				Exclusions string
				Passes     bool
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s%s", err, out, stderr)
	}
	r := got.Request
	if code != 3 || r.Route != "shop" || r.Policy != "shop" || r.Verdict != "block" || r.Status != 403 || len(r.Rules) != 1 || r.Rules[0].ID != 942100 || !r.Suggestion.Passes {
		t.Errorf("%d %+v", code, got)
	}
}

// What the tier's boot file says is secret is not shown by what runs requests through its route files.
func TestMaskingOfTheTier(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), explainFile(t, "")
	boot, requests := filepath.Join(dir, "wafer.yaml"), filepath.Join(dir, "requests.http")
	for name, text := range map[string]string{
		boot:     "masking: { names: [wish], patterns: ['OFFER-[0-9]+'], key_file: /only/where/the/tier/is }\n",
		requests: request("GET", "shop.test", "/OFFER-12345?wish="+injection),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		secret string
		args   []string
	}{
		{"OR '1'", []string{"explain", file, "http://shop.test/?wish=" + injection}},
		{"OFFER-12345", []string{"replay", file, requests}},
		{"OFFER-12345", []string{"diff", file, explainFile(t, "    paranoia: { blocking: 4 }\n"), "--traffic", requests, "--all"}},
	} {
		_, plain, stderr := plainly(t, "", c.args...)
		if !strings.Contains(plain, c.secret) {
			t.Errorf("%s: %s%s", c.args[0], plain, stderr)
		}
		_, masked, stderr := plainly(t, "", append(c.args, "--config", boot)...)
		if strings.Contains(masked, c.secret) || !strings.Contains(masked, "masked") {
			t.Errorf("%s --config: %s%s", c.args[0], masked, stderr)
		}
	}
	if code, _, stderr := plainly(t, "", "explain", file, "http://shop.test/", "--config", file); code != 1 || !strings.Contains(stderr, "no boot file") {
		t.Errorf("%d %s", code, stderr)
	}
}
