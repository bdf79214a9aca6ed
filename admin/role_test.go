package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/admin/api"
)

const (
	elsewhere = "10.1.2.3:5000"
	here      = "127.0.0.1:5000"
)

// keys are a file of tokens for a test, and the tokens by name.
func keys(t *testing.T) (file string, tokens map[string]string) {
	t.Helper()
	tokens = map[string]string{}
	var text strings.Builder
	for _, one := range []struct {
		name  string
		role  Role
		until time.Time
	}{
		{"grafana", Read, time.Time{}},
		{"ci", Operate, time.Now().Add(time.Hour)},
		{"ended", Operate, time.Now().Add(-time.Hour)},
	} {
		token, line, err := NewToken(one.name, one.role, one.until)
		if err != nil {
			t.Fatal(err)
		}
		tokens[one.name] = token
		text.WriteString(line + "\n")
	}
	file = filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, tokens
}

// ask sends a request from an address, with a token if there is one.
func ask(h http.Handler, method, path, from, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	r.RemoteAddr, r.Host = from, "10.0.0.1:9090"
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// everything has every endpoint.
func everything() *Options {
	o := fullOptions()
	say := func() any { return "good" }
	o.Standing, o.Store = say, say
	o.Lists = func(netip.Addr) any { return "good" }
	o.Bundle = func(context.Context, netip.Addr) ([]byte, error) { return []byte("good"), nil }
	o.Bans.List = func(string, string, int) (any, error) { return "good", nil }
	o.Bans.Add = func(context.Context, url.Values) (any, error) { return "good", nil }
	o.Bans.Clear = o.Bans.Add
	fine := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	o.API = []api.Endpoint{{Path: "/api/v1/events", Serve: fine}}
	return &o
}

// TestRoles asks endpoints of every kind by all sorts of tokens. TestAccess asks every endpoint.
func TestRoles(t *testing.T) {
	file, tokens := keys(t)
	given, err := OpenTokens(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	tokens["unknown"], tokens[""] = tokenPrefix+"guessed", ""
	const ok, unauthorized, forbidden = http.StatusOK, http.StatusUnauthorized, http.StatusForbidden
	open := []string{"GET /healthz", "GET /readyz", "GET /", "GET /api/v1/bundle"} // the last says itself to whom
	counts := []string{"GET /metrics", "GET /api/v1/standing"}
	reads := []string{"GET /api/v1/config", "GET /api/v1/routes", "GET /api/v1/upstreams", "GET /api/v1/bans", "GET /api/v1/store", "GET /api/v1/lists"}
	sees := []string{"GET /api/v1/events"}
	operates := []string{"POST /-/reload", "POST /api/v1/bans", "DELETE /api/v1/bans", "GET /debug/pprof/", "GET /debug/pprof/cmdline", "GET /debug/pprof/symbol"}
	for _, c := range []struct {
		about  string
		tokens *Tokens
		change func(*Options)
		from   string
		token  string
		counts int
		reads  int
		sees   int
		does   int
	}{
		{"no tokens, elsewhere", nil, nil, elsewhere, "", ok, ok, forbidden, forbidden},
		{"no tokens, here", nil, nil, here, "", ok, ok, ok, ok},
		{"no tokens, here counts for nothing", nil, func(o *Options) { o.LocalNeedsToken = true }, here, "", ok, ok, forbidden, forbidden},
		{"no tokens, one shown", nil, nil, elsewhere, "ci", ok, ok, forbidden, forbidden},
		{"none shown", given, nil, elsewhere, "", ok, unauthorized, unauthorized, unauthorized},
		{"none shown, here", given, nil, here, "", ok, ok, ok, ok},
		{"none shown, here counts for nothing", given, func(o *Options) { o.LocalNeedsToken = true }, here, "", ok, unauthorized, unauthorized, unauthorized},
		{"reader", given, nil, elsewhere, "grafana", ok, ok, ok, forbidden},
		{"reader, here", given, nil, here, "grafana", ok, ok, ok, ok},
		{"operator", given, nil, elsewhere, "ci", ok, ok, ok, ok},
		{"ended", given, nil, elsewhere, "ended", ok, unauthorized, unauthorized, unauthorized},
		{"unknown", given, nil, elsewhere, "unknown", ok, unauthorized, unauthorized, unauthorized},
		{"unknown, here", given, nil, here, "unknown", ok, unauthorized, unauthorized, unauthorized},
		{"closed, none shown", given, func(o *Options) { o.Closed = []string{"/metrics", "/api/v1/standing"} }, elsewhere, "", unauthorized, unauthorized, unauthorized, unauthorized},
		{"closed, reader", given, func(o *Options) { o.Closed = []string{"/metrics", "/api/v1/standing"} }, elsewhere, "grafana", ok, ok, ok, forbidden},
	} {
		t.Run(c.about, func(t *testing.T) {
			o := everything()
			o.Tokens = c.tokens
			if c.change != nil {
				c.change(o)
			}
			refused := map[string]int{}
			o.Refused = func(reason string) { refused[reason]++ }
			wrong := 0
			f := func(status int, lines []string) {
				for _, line := range lines {
					method, path, _ := strings.Cut(line, " ")
					w := ask(New(*o), method, path, c.from, tokens[c.token])
					if w.Code != status {
						t.Errorf("%s: status %d, want %d: %s", line, w.Code, status, w.Body)
					}
					if challenge := w.Header().Get("WWW-Authenticate"); (challenge != "") != (w.Code == unauthorized) {
						t.Errorf("%s: status %d with WWW-Authenticate %q", line, w.Code, challenge)
					}
					if w.Code >= 400 {
						wrong++
					}
				}
			}
			f(ok, open)
			f(c.counts, counts)
			f(c.reads, reads)
			f(c.sees, sees)
			f(c.does, operates)
			total := 0
			for reason, n := range refused {
				if total += n; !slices.Contains(Refusals(), reason) {
					t.Errorf("reason %q is not listed", reason)
				}
			}
			if total != wrong {
				t.Errorf("%d of %d refusals are counted", total, wrong)
			}
		})
	}
}

// TestOtherSchemes takes no other credentials for tokens.
func TestOtherSchemes(t *testing.T) {
	file, tokens := keys(t)
	o := fullOptions()
	var err error
	if o.Tokens, err = OpenTokens(file, nil); err != nil {
		t.Fatal(err)
	}
	h := New(o)
	for field, status := range map[string]int{
		"bearer " + tokens["ci"]: 200, "Bearer  " + tokens["ci"] + " ": 200,
		"Basic " + tokens["ci"]: 401, tokens["ci"]: 401, "Bearer": 401, "Bearer x, Bearer " + tokens["ci"]: 401,
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/config", http.NoBody)
		r.RemoteAddr, r.Host = elsewhere, "wafer:9090"
		r.Header.Set("Authorization", field)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != status {
			t.Errorf("%q: status %d, want %d", field, w.Code, status)
		}
	}
}

// TestAdminIsWrittenDown logs who has changed something and, some times, who was refused, and no token.
func TestAdminIsWrittenDown(t *testing.T) {
	file, tokens := keys(t)
	var out logBuffer
	o := fullOptions()
	o.Log = zerolog.New(&out)
	var err error
	if o.Tokens, err = OpenTokens(file, nil); err != nil {
		t.Fatal(err)
	}
	h := New(o)
	ask(h, "POST", "/-/reload", elsewhere, tokens["ci"])
	for range 100 {
		ask(h, "POST", "/-/reload", elsewhere, tokens["grafana"])
		ask(h, "GET", "/api/v1/config", elsewhere, "wafer_guessed")
		ask(h, "GET", "/api/v1/config", elsewhere, tokens["grafana"])
	}
	text := out.String()
	var first struct{ Who, From, Method, Path, Message string }
	line, _, _ := strings.Cut(text, "\n")
	if err := json.Unmarshal([]byte(line), &first); err != nil {
		t.Fatal(err)
	}
	if first.Who != "ci" || first.From != elsewhere || first.Method != "POST" || first.Path != "/-/reload" || first.Message != "admin request" {
		t.Errorf("%+v", first)
	}
	if n := strings.Count(text, "refused"); n == 0 || n > 30 {
		t.Errorf("%d lines about 200 refusals", n)
	}
	for name, token := range tokens {
		if strings.Contains(text, token) {
			t.Errorf("the token of %s is in the log", name)
		}
	}
}

// Who has no token is told at once which one changing takes.
func TestRoleThatIsNeeded(t *testing.T) {
	file, _ := keys(t)
	given, err := OpenTokens(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	none := func(context.Context, url.Values) (any, error) { return "", nil }
	h := New(Options{Log: zerolog.Nop(), Tokens: given, Bans: Bans{
		List: func(string, string, int) (any, error) { return "", nil }, Add: none, Clear: none,
	}})
	for method, want := range map[string]string{"GET": "role read", "POST": "role operate", "DELETE": "role operate"} {
		if w := ask(h, method, "/api/v1/bans", elsewhere, ""); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", method, w.Code, w.Body, want)
		}
	}
}
