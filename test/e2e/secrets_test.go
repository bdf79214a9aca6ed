package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// received is what somebody outside the tier has got.
type received struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *received) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *received) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// answered is a secret of the application's answers.
const answered = "Zq999Vx"

// collector takes what is sent by HTTP, compressed or not.
func collector(t *testing.T) (url string, got *received) {
	t.Helper()
	got = &received{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body = z
		}
		if _, err := io.Copy(got, body); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

// answerTo is what the application answers: with secrets in its head and its body, and to some paths what is no answer.
func answerTo(path string) string {
	whole := func(head, mediaType, body string) string {
		return "HTTP/1.1 " + head + "Content-Type: " + mediaType + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	switch path {
	case "/b":
		return whole("302 Found\r\nLocation: https://jane:"+answered+"@h.example/reset/4f9c2ab1"+answered+"?token="+answered+"#access_token="+answered+
			"\r\nRefresh: 0; url=/x?session="+answered+"\r\nLink: </x?token="+answered+">; rel=next\r\nWWW-Authenticate: Bearer "+answered+
			"\r\nSet-Cookie: a=\""+answered+"; b\"; Path=/\r\nset-cookie:"+answered+"\r\n", "text/plain", "password: "+answered)
	case "/c":
		return whole("200 OK\r\n", "text/html", `<meta name="csrf-token" content="`+answered+`"><input type=hidden name='authenticity_token' value='`+answered+
			`'><script>var token = "`+answered+`"; cfg = {apiKey: '`+answered+`', "b": "`+base64.StdEncoding.EncodeToString([]byte(`{"secret":"`+answered+`"}`))+`"}</script>`)
	case "/d":
		return "HTTP/1.1 200 OK\r\nBad header token=" + answered + "\r\n\r\n"
	case "/e":
		return whole("200 token="+answered+"\r\n", "text/plain", "ok")
	case "/g":
		return "token=" + answered + "\r\n\r\n"
	case "/h":
		return "HTTP/1.1 200 OK\r\nContent-Length: token=" + answered + "\r\nX-Api-Key: " + answered + "\r\n\r\n"
	case "/i":
		return "HTTP/1.1 200 OK\r\nContent-Encoding: token=" + answered + "\r\nTransfer-Encoding: chunked\r\nTrailer: X-Token\r\n\r\n2\r\nok\r\n0\r\nX-Token: " + answered + "\r\n\r\n"
	}
	return whole("200 OK\r\nSet-Cookie: id="+answered+"; Path=/\r\nX-Api-Key: "+answered+"\r\n", "application/json", `{"access_token":"`+answered+`","note":"ok"}`)
}

// TestSecretsStayInside sends secrets of every kind through a tier with everything that tells anything, and looks for
// them in all that it has told.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	all := secrets(t)
	all = append(all, secret{kind: "what the application has answered", hidden: answered})
	if len(all) < 200 {
		t.Fatalf("%d kinds of secrets", len(all))
	}
	backend := newEcho(t, func(r *http.Request, _ string) string { return answerTo(r.URL.Path) })
	routes := tier.RouteFile(t, `
routes:
  - { id: shop, policy: look, record: all, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+backend.url()+`"] }
policies:
  - { id: look, mode: detect }
records:
  - { id: all, sample: 100%, parts: [request_headers, request_body, files, response_headers, response_body, outcome, rules] }
`)
	https, httpsGot := collector(t)
	otlp, otlpGot := collector(t)
	traces, tracesGot := collector(t)
	syslogGot := &received{}
	syslog := listen(t, func(c net.Conn) { _, _ = io.Copy(syslogGot, c) })
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	everything := "events: [access, security, bans]"
	boot := write("boot.yaml", `
log: { level: debug, format: json }
masking:
  names: [iban]
  headers: [X-Tenant]
  json_paths: ["user.birthday"]
  patterns: ['ref:(\w+)']
  email: true
  key_file: `+write("mask.key", strings.Repeat("k", 32))+`
recent: { memory: 64MiB }
traces: { endpoint: "`+traces+`", protocol: http, sample: 100%, parents: all }
records: { file: { path: `+filepath.Join(dir, "records.log")+` } }
events:
  sinks:
    - { id: native, `+everything+`, file: { path: `+filepath.Join(dir, "native.log")+` } }
    - { id: ocsf, `+everything+`, format: ocsf, file: { path: `+filepath.Join(dir, "ocsf.log")+` } }
    - { id: ecs, `+everything+`, format: ecs, file: { path: `+filepath.Join(dir, "ecs.log")+` } }
    - { id: https, `+everything+`, https: { url: "`+https+`" } }
    - { id: syslog, `+everything+`, syslog: { address: "tcp://`+syslog+`" } }
    - { id: otlp, `+everything+`, otlp: { endpoint: "`+otlp+`", protocol: http } }
`)
	w := tier.Plain(t, routes, "--config", boot)

	var sent []string
	refused := map[string]int{}
	for n, s := range all[:len(all)-1] {
		requests := carried(s, w.Addr)
		if s.field != "" {
			requests = append(requests, oddly(s, w.Addr)...)
		}
		if testing.Short() { // each kind in one or two ways, and each way with some kinds
			first := n % len(requests)
			requests = append(requests[first:first+1], requests[:min(first, 1)]...)
		}
		for _, text := range requests {
			switch answer := ask(t, w.Addr, text); answer.status {
			case 0:
				t.Errorf("%s: no answer to %s", s.kind, text)
			case http.StatusBadRequest:
				line, _, _ := strings.Cut(text, "\r\n")
				refused[line]++
			}
			sent = append(sent, text)
		}
	}
	if len(refused) > len(sent)/100 {
		t.Errorf("%d requests are none: %v", len(refused), refused)
	}
	told := map[string]string{}
	const latest = "admin /api/v1/events?limit=1000"
	for _, path := range []string{
		"/api/v1/config", "/api/v1/routes", "/api/v1/upstreams", "/metrics", "/api/v1/standing", "/api/v1/overview", "/api/v1/traffic",
		"/api/v1/policies", "/api/v1/generations", "/api/v1/events/top", strings.TrimPrefix(latest, "admin "),
		"/api/v1/events?limit=1000&kind=access", "/api/v1/events?limit=1000&format=csv", "/api/v1/events?limit=1000&format=ndjson",
	} {
		status, text := w.Get(path)
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
		told["admin "+path] = text
	}
	var found []map[string]any
	tier.Eventually(t, "events with findings", func() bool {
		found = w.Events(func(e map[string]any) bool { return e["event"] == "security" })
		return len(found) >= 20
	})
	for _, e := range found[:20] {
		path := fmt.Sprint("/api/v1/events/", e["request_id"])
		status, text := w.Get(path)
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
		told["admin, events opened"] += text
	}
	for n, start := range []string{
		"GET /a?", "POST /json/text ", "POST /json/within ", "POST /graphql ", "GET /graphql?", "POST /xml/soap ", "POST /xml/attribute ", "POST /yaml ", "POST /parts/json ",
		"GET /query/nested?", "POST /base64/json ", "GET /header/agent?",
	} {
		if text := later(sent, start, 10*n); text != "" {
			told["explain"] += saysOf(t, text, "explain", "-v", routes)
		}
	}
	told["replay"] = saysOf(t, strings.Join(sent, "\r\n\r\n"), "replay", "--format", "http", routes, "-")
	w.Signal(syscall.SIGTERM)
	if code := w.Wait(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	told["stdout"], told["log"] = fmt.Sprint(w.Events(func(map[string]any) bool { return true })), w.Stderr()
	for _, name := range []string{"native", "ocsf", "ecs", "records"} {
		text, err := os.ReadFile(filepath.Join(dir, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		told["file "+name] = string(text)
	}
	file := filepath.Join(dir, "records.log")
	told["records list"] = saysOf(t, "", "records", "list", file)
	for _, format := range []string{"har", "modsecurity"} {
		told["records, "+format] = saysOf(t, "", "records", "export", "--format", format, file)
	}
	told["https"], told["syslog"], told["otlp"], told["traces"] = httpsGot.String(), syslogGot.String(), otlpGot.String(), tracesGot.String()
	if n := strings.Count(told["traces"], "wafer.verdict"); n < len(sent)*9/10 {
		t.Errorf("%d spans of %d requests", n, len(sent))
	}
	if n := strings.Count(told[latest], "[masked"); n < 100 {
		t.Errorf("the admin API has %d places where something is masked", n)
	}
	look(t, all, told, len(sent))
}

// later is the first request from one on that begins so; empty: there is none.
func later(sent []string, start string, from int) string {
	for _, text := range sent[min(from, len(sent)):] {
		if strings.HasPrefix(text, start) {
			return text
		}
	}
	return ""
}

// saysOf is what a command says of a text on its standard input.
func saysOf(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	c := exec.Command(tier.PlainBinary(t), args...)
	c.Stdin = strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v: %s", args, err, out)
	}
	return string(out)
}

// spellings are what a secret is in text, and in Base64 by each place of its first byte.
func spellings(secret string) []string {
	all := []string{secret, strings.ToLower(secret)}
	for before := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + secret))
		text = text[(before*4+2)/3:]
		all = append(all, text[:(before+len(secret))/3*4-(before*4+2)/3])
	}
	return all
}

// look looks for secrets in what was told.
func look(t *testing.T, all []secret, told map[string]string, sent int) {
	t.Helper()
	for where, text := range told {
		found := 0
		for _, s := range all {
			if s.own && (where == "explain" || where == "replay") {
				continue // they know no boot file
			}
			for _, spelled := range spellings(s.hidden) {
				if at := strings.Index(text, spelled); at >= 0 {
					found++
					if found <= 5 {
						t.Errorf("%s tells a secret (%s): …%s…", where, s.kind, text[max(at-200, 0):min(at+80, len(text))])
					}
					break
				}
			}
		}
		if found > 5 {
			t.Errorf("%s tells %d secrets", where, found)
		}
	}
	// Nearly all that was sent was told of, so that there was something to be found.
	for _, where := range []string{"stdout", "file native", "file ocsf", "file ecs", "file records", "https", "syslog", "otlp"} {
		masked := strings.Count(told[where], "[masked") + strings.Count(told[where], "[card") + strings.Count(told[where], "[key")
		if masked < sent*3/4 {
			t.Errorf("%s has %d places where something is masked, of %d requests", where, masked, sent)
		}
	}
}
