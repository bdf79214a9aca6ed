package e2e

import (
	"bytes"
	"mime/multipart"
	"regexp"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// curlWord is an argument of a printed curl command in quotes, with the flag before it.
var curlWord = regexp.MustCompile(`(?:(-[Hd]) )?'([^']*)'`)

// curl does what a printed curl command does.
func curl(t *testing.T, command string) reply {
	t.Helper()
	var fields []string
	var body, url string
	for _, m := range curlWord.FindAllStringSubmatch(command, -1) {
		switch m[1] {
		case "-H":
			fields = append(fields, m[2])
		case "-d":
			body = m[2]
		default:
			url = m[2]
		}
	}
	addr, target, ok := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	if !ok {
		t.Fatalf("no URL in %q", command)
	}
	method, host := "GET", addr
	if body != "" {
		method = "POST"
	}
	if h, ok := strings.CutPrefix(fields0(fields), "Host: "); ok {
		host, fields = h, fields[1:]
	}
	return ask(t, addr, message(method, host, "/"+target, body, fields...))
}

func fields0(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

func TestDemoDoesWhatItPrints(t *testing.T) {
	t.Parallel()
	w := tier.Run(t, "demo")
	printed := w.Printed("Ctrl-C ends it.")
	commands := map[string]string{} // by title
	for i, line := range printed {
		if title, ok := strings.CutPrefix(line, "  # "); ok && i+1 < len(printed) {
			commands[title] = strings.TrimSpace(printed[i+1])
		}
	}
	if len(commands) != 6 {
		t.Fatalf("%d commands printed, want 6:\n%s", len(commands), strings.Join(printed, "\n"))
	}
	try := func(title string, status int, inBody string) reply {
		t.Helper()
		command, ok := commands[title]
		if !ok {
			t.Fatalf("no command %q among %v", title, commands)
		}
		r := curl(t, command).wantStatus(t, status)
		if !strings.Contains(r.body, inBody) {
			t.Errorf("%s: body lacks %q:\n%s", title, inBody, r.body)
		}
		return r
	}
	try("a clean page passes", 200, "Stoneware mug")
	blocked := try("an SQL injection is blocked", 403, `"status":403`)
	wantEvent(t, w.Security(blocked.id), map[string]any{"verdict": "block", "route": "shop", "mode": "block"})
	blocked = try("a script inside JSON is blocked", 403, `"status":403`)
	wantEvent(t, w.Security(blocked.id), map[string]any{"verdict": "block", "route": "shop", "coverage": "full"})
	seen := try("the same injection on a host that is only watched passes and is reported", 200, "SELECT title, text FROM items")
	wantEvent(t, w.Security(seen.id), map[string]any{"verdict": "would_block", "route": "legacy", "mode": "detect", "status": 200.0})
	hidden := try("what nobody has to ask for is not there, and costs no inspection", 404, `"status":404`)
	wantEvent(t, w.Access(hidden.id), map[string]any{"verdict": "refused", "route": "shop", "error": "access_denied", "access_rule": "hidden"})
	metrics := try("what was counted", 200, `wafer_requests_total{route="shop",verdict="block"} 2`)
	if want := `wafer_requests_total{route="legacy",verdict="would_block"} 1`; !strings.Contains(metrics.body, want) {
		t.Errorf("metrics lack %q", want)
	}

	get(t, w, "elsewhere.localhost", "/").wantStatus(t, 404)
	get(t, w, w.Addr, "/").wantStatus(t, 200) // who asks for no name meets the shop
	get(t, w, "[::1]:8080", "/").wantStatus(t, 200)
	leak := get(t, w, "shop.localhost", "/debug/error").wantStatus(t, 403)
	if strings.Contains(leak.body, "java.") {
		t.Errorf("the stack trace is shown:\n%s", leak.body)
	}
	wantEvent(t, w.Security(leak.id), map[string]any{"verdict": "block", "phase": 4.0})

	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("photo", "mug.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(bytes.Repeat([]byte("\x89PNG pixels "), 4000)); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	upload := ask(t, w.Addr, message("POST", "shop.localhost", "/upload", form.String(), "Content-Type: "+m.FormDataContentType())).wantStatus(t, 200)
	if want := `[{"name":"mug.png","bytes":48000}]`; strings.TrimSpace(upload.body) != want {
		t.Errorf("upload: %s, want %s", upload.body, want)
	}
}
