package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// samples are files with requests in every format.
const samples = "../../traffic/testdata/"

func replayRoutes(t *testing.T, policy string) string {
	t.Helper()
	return tier.RouteFile(t, `
routes:
  - { id: shop, hosts: [shop.example.com], policy: shop, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["http://a.invalid:80"] }
policies:
  - `+policy+"\n")
}

// plainly runs the command without the race detector, as explain does.
func plainly(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), tier.PlainBinary(t), args...)
	var out, err bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &err
	_ = c.Run() // the exit code says it
	return c.ProcessState.ExitCode(), out.String(), err.String()
}

func TestReplay(t *testing.T) {
	t.Parallel()
	routes := replayRoutes(t, "{ id: shop }")
	f := func(name string, wantCode int, want []string, stdin string, args ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := plainly(t, stdin, append([]string{args[0], routes}, args[1:]...)...)
			if code != wantCode {
				t.Errorf("exit code %d, want %d\n%s%s", code, wantCode, stdout, stderr)
			}
			said := strings.Join(strings.Fields(stdout+stderr), " ")
			for _, w := range want {
				if !strings.Contains(said, w) {
					t.Errorf("does not say %q:\n%s", w, said)
				}
			}
			if strings.ContainsAny(stdout+stderr, "\x1b\r") {
				t.Errorf("drives a terminal that is not there:\n%q", stdout+stderr)
			}
		})
	}
	attack := "GET /?q=1%27%20OR%20%271%27=%271 HTTP/1.1\nHost: shop.example.com\n\nGET /a HTTP/1.1\nHost: shop.example.com\n"
	f("a HAR that passes", 0, []string{"pass shop GET shop.example.com/search", "devtools.har:14", "lost: the file has 149 bytes of the body, and 81234 were sent", "requests 4 verdicts pass 4", "expected pass: all are"},
		"", "replay", samples+"devtools.har", "--expect", "pass")
	f("standard input", 3, []string{"block 403", "-:1 unexpected: expected pass, now block 403 (score", "× 942100 SQL Injection", "expected pass: 1 of 2 are not"}, attack, "replay", "-", "--expect", "pass")
	f("attacks that have to be stopped", 3, []string{"expected a stop, now pass"}, attack, "replay", "-", "--expect", "stop", "--show", "differs")
	f("nothing is expected", 0, []string{"verdicts block 1, pass 1"}, attack, "replay", "-", "--show", "none")
	f("tests of go-ftw", 1, []string{"942100-1", "own.yaml:33: test 942100-3 has no stages", "own.yaml:36: test 942100-4: input: illegal base64", "not judged: response_contains", "expected recorded: all are"},
		"", "replay", samples+"own.yaml", "--expect", "recorded")
	f("what is unsure fails if that is asked for", 1, []string{"expected recorded: 1 of 3 are not"}, "", "replay", samples+"own.yaml", "--expect", "recorded", "--strict")
	f("a folder", 1, []string{"text.http:13:", "requests 10"}, "", "replay", samples)
	f("another host", 0, []string{"refused 404", "error: no_route"}, attack, "replay", "-", "--host", "other.example")
	f("no file", 1, []string{"give files with requests: wafer replay " + routes + " FILE"}, "", "replay")
	f("a file that is not there", 1, []string{"nosuch.har", "no such file"}, "", "replay", "nosuch.har")
	f("no requests", 1, []string{"there is no request in the files"}, "", "replay", "-")
	f("no format", 1, []string{`-: it begins with "hello", expected records, HAR`}, "hello", "replay", "-")
	f("a client with a port", 1, []string{"--client", "without a port"}, attack, "replay", "-", "--client", "192.0.2.1:80")
	f("a word that is none", 1, []string{"write one of nothing, pass, stop, recorded"}, attack, "replay", "-", "--expect", "allowed")
}

// TestReplayReports: what programs read can be read, also when not everything could be.
func TestReplayReports(t *testing.T) {
	t.Parallel()
	routes := replayRoutes(t, "{ id: shop }")
	f := func(output string, decode func([]byte) error, want ...string) {
		t.Helper()
		code, stdout, stderr := plainly(t, "", "replay", routes, samples, "--expect", "stop", "--output", output)
		if err := decode([]byte(stdout)); err != nil || code != 1 {
			t.Errorf("%s: exit code %d, %v\n%s%s", output, code, err, stdout, stderr)
		}
		for _, w := range want {
			if !strings.Contains(stdout, w) {
				t.Errorf("%s lacks %q:\n%s", output, w, stdout)
			}
		}
	}
	isJSON := func(b []byte) error { var v any; return json.Unmarshal(b, &v) }
	f("json", isJSON, `"unexpected":["expected a stop, now pass"]`, `"rule_id":949110`, `"summary": {"requests":10,"untried":0,"unreadable":3,`)
	f("sarif", isJSON, `"startLine":33`, `test 942100-3 has no stages`, `own.yaml`, `"ruleId":"unexpected"`)
	f("junit", func(b []byte) error {
		for d := xml.NewDecoder(bytes.NewReader(b)); ; {
			if _, err := d.Token(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	}, `<failure message="expected a stop, now pass">`, `<error message="test 942100-3 has no stages"/>`)
}

// TestReplayOrder: however many requests are tried at once, what is told is the same.
func TestReplayOrder(t *testing.T) {
	t.Parallel()
	routes := replayRoutes(t, "{ id: shop, paranoia: { blocking: 2 }, inspection_budget: 10s }")
	var many strings.Builder
	for i := range 400 {
		fmt.Fprintf(&many, "GET /%d?q=%s HTTP/1.1\r\nHost: shop.example.com\r\n\r\n", i, strings.Repeat("1%27%20OR%20", i%4))
	}
	_, one, _ := plainly(t, many.String(), "replay", routes, "-", "--jobs", "1", "--output", "json")
	_, all, stderr := plainly(t, many.String(), "replay", routes, "-", "--jobs", "8", "--output", "json")
	if one != all || !strings.Contains(one, `"requests":400`) {
		t.Errorf("told differently: %d and %d bytes\n%s", len(one), len(all), stderr)
	}
}

// TestReplayMemory: of a large file no more is held than of a small one.
func TestReplayMemory(t *testing.T) {
	t.Parallel()
	routes := replayRoutes(t, "{ id: shop, mode: off }")
	c := exec.CommandContext(t.Context(), tier.PlainBinary(t), "replay", routes, "-", "--show", "none")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	const responses, size = 200, 1 << 20
	body := strings.Repeat("x", size)
	write := func(text string) {
		if _, err := io.WriteString(in, text); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"log":{"entries":[`)
	for i := range responses {
		if i > 0 {
			write(",")
		}
		write(`{"request":{"method":"GET","url":"http://shop.example.com/"},"response":{"status":200,"content":{"text":"` + body + `"}}}`)
	}
	// What getrusage says of a child includes what its parent held when it started it.
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	peak := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)
	if peak == nil {
		t.Fatalf("no peak in\n%s", status)
	}
	write("]}}")
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), fmt.Sprintf("pass %d", responses)) {
		t.Errorf("says\n%s", out.String())
	}
	kib, err := strconv.Atoi(string(peak[1]))
	if err != nil {
		t.Fatal(err)
	}
	if mib := kib >> 10; mib > responses*size>>20 {
		t.Errorf("%d MiB were held of a file of %d", mib, responses*size>>20)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	older := replayRoutes(t, "{ id: shop }")
	newer := replayRoutes(t, `id: shop
    mode: detect
    thresholds: { inbound: 9 }
    exclusions: [{ rule: 942100, target: "ARGS:var", reason: free text }]`)
	f := func(name string, wantCode int, want []string, args ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := plainly(t, "", append([]string{"diff"}, args...)...)
			said := strings.Join(strings.Fields(stdout+stderr), " ")
			if code != wantCode {
				t.Errorf("exit code %d, want %d\n%s", code, wantCode, said)
			}
			for _, w := range want {
				if !strings.Contains(said, w) {
					t.Errorf("does not say %q:\n%s", w, said)
				}
			}
		})
	}
	whole := filepath.Join(t.TempDir(), "own.http")
	if err := os.WriteFile(whole, []byte("POST /post HTTP/1.1\nHost: shop.example.com\nAccept: */*\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 15\n\nvar=1234 OR 1=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f("a change", 3, []string{
		"POST shop.example.com/post", "- block 403 (score 5 of 5)", "+ pass", "mode: block → detect", "threshold: 5 → 9", "score: 5 → 0",
		"rule 942100 does not find ARGS:var (+5) any more: excluded by policies[0].exclusions[0]: 942100 ARGS:var (free text)",
		"1 × block 403 → pass", "942100: found in 1 requests before and in 0 now",
	}, older, newer, "--traffic", whole)
	f("the other way", 3, []string{"rule 942100 finds ARGS:var (+5): before, excluded by policies[0].exclusions[0]", "1 × pass → block 403"}, newer, older, "--traffic", whole)
	f("no change", 0, []string{"changes no verdict"}, older, older, "--traffic", whole, "--traffic", samples+"devtools.har")
	f("for programs", 3, []string{`"verdict_changes":true`, `"summary": {"requests":1,`, `"kinds":[{"old":"block 403","new":"pass","requests":1}]`}, older, newer, "-t", whole, "-o", "json")
	f("something unreadable", 1, []string{"test 942100-3 has no stages"}, older, newer, "--traffic", samples+"own.yaml")
	f("one route file", 1, []string{"give two route files"}, older, "--traffic", whole)
	f("no traffic", 1, []string{"--traffic FILE"}, older, newer)
}
