package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
)

// loginApp is an application that knows one account, and reads its name as its framework would.
func loginApp(t *testing.T) *echo {
	return newEcho(t, func(r *http.Request, raw string) string {
		_, body, _ := strings.Cut(raw, "\r\n\r\n")
		account, password := credentials(r, body)
		switch {
		case r.URL.Path == "/form" && account == "ann" && password == "right":
			return "HTTP/1.1 303 See Other\r\nLocation: /home\r\nContent-Length: 0\r\n\r\n"
		case r.URL.Path == "/form":
			return "HTTP/1.1 303 See Other\r\nLocation: /form?error=1\r\nContent-Length: 0\r\n\r\n"
		case strings.HasPrefix(r.URL.Path, "/login") && (account != "ann" || password != "right"):
			return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
		}
		return ""
	})
}

func credentials(r *http.Request, body string) (account, password string) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" {
		var sent struct {
			User struct{ Name, Password string } `json:"user"`
		}
		_ = json.Unmarshal([]byte(body), &sent)
		return sent.User.Name, sent.User.Password
	}
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(strings.NewReader(body))
	copied.Form, copied.PostForm = nil, nil
	_ = copied.ParseMultipartForm(1 << 20)
	return copied.PostFormValue("username"), copied.PostFormValue("password")
}

const loginsFile = `
routes:
  - { id: shop, hosts: [shop.test], access: shop, upstreams: [{ id: a }] }
  - { id: json, hosts: [json.test], access: json, upstreams: [{ id: a }] }
  - { id: watched, hosts: [watched.test], access: watched, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["%s"] }
access:
  - id: shop
    login:
      paths: [{ prefix: /login }, { exact: /form }]
      account: { form: username }
      success: { location: ^/home }
      per_address: 20/h
      per_account_and_address: 5/h
      per_account: 12/h
  - id: json
    login: { paths: [{ prefix: /login }], account: { json: user.name }, per_account_and_address: 3/h }
  - id: watched
    mode: observe
    login: { paths: [{ prefix: /login }], account: { json: user.name }, per_account_and_address: 1/h }
`

// Neither many accounts from one address nor one from many can be tried for long, and nobody is locked out by that.
func TestLogins(t *testing.T) {
	t.Parallel()
	app := loginApp(t)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(loginsFile, app.url())))
	form := func(from, account, password string) reply {
		t.Helper()
		return askFrom(t, w.Addr, from, message("POST", "shop.test", "/form", "username="+account+"&password="+password, "Content-Type: application/x-www-form-urlencoded"))
	}

	// Stuffing: one address, many accounts.
	reached := app.whole.Load()
	var last reply
	for i := range 60 {
		last = form("127.0.0.2", fmt.Sprint("user", i), "123456")
	}
	if n := app.whole.Load() - reached; n != 20 {
		t.Errorf("%d logins reached the application", n)
	}
	last.wantStatus(t, 429)
	wantEvent(t, w.Access(last.id), map[string]any{"verdict": "refused", "error": "rate_limited", "access_rule": "login.login_address", "status": 429.0})
	if got := last.header.Get("Retry-After"); got == "" || got == "0" {
		t.Errorf("Retry-After is %q", got)
	}
	askFrom(t, w.Addr, "127.0.0.2", request("GET", "shop.test", "/home")).wantStatus(t, 200) // it is no login

	// One account from one address, in all spellings.
	reached = app.whole.Load()
	for i := range 20 {
		form("127.0.0.3", []string{"ann", "ANN", "%61nn", "ann+", "%C3%A1nn", "%EF%BD%81nn"}[i%6], "123456")
	}
	if n := app.whole.Load() - reached; n != 5 {
		t.Errorf("%d logins reached the application", n)
	}
	if r := form("127.0.0.4", "ann", "right"); r.status != 303 || r.header.Get("Location") != "/home" {
		t.Errorf("ann, elsewhere: %d", r.status)
	}

	// Spraying: one account, many addresses.
	reached = app.whole.Load()
	for i := range 40 {
		last = form(fmt.Sprintf("127.0.1.%d", i+1), "ann", "123456")
	}
	if n := app.whole.Load() - reached; n != 7 { // five have failed before
		t.Errorf("%d logins reached the application", n)
	}
	wantEvent(t, w.Access(last.id), map[string]any{"access_rule": "login.login_account"})
	if r := form("127.0.0.4", "ann", "right"); r.status != 303 {
		t.Errorf("ann, where she has logged in before: %d", r.status)
	}

	if n := w.Metric(`wafer_access_decisions_total{decision="rate_limited",policy="shop",rule="login.login_address"}`); n != 40 {
		t.Errorf("%v logins were refused by address", n)
	}
	for _, e := range w.Events(func(map[string]any) bool { return true }) {
		if text, _ := json.Marshal(e); strings.Contains(string(text), "user1") || strings.Contains(string(text), "123456") {
			t.Errorf("an event names an account or a password: %s", text)
		}
	}
}

// A body cannot hide the account: each way in which an application may read it counts.
func TestLoginsInOddBodies(t *testing.T) {
	t.Parallel()
	app := loginApp(t)
	w := tier.Start(t, tier.RouteFile(t, fmt.Sprintf(loginsFile, app.url())))
	bodies := 0
	pad := strings.Repeat("x", 3000)
	for name, c := range map[string]struct{ kind, body string }{
		"a name twice":                    {"application/json", `{"user":{"name":"decoy","name":"carol","password":"a"}}`},
		"a name twice, the other first":   {"application/json", `{"user":{"name":"carol","name":"decoy","password":"a"}}`},
		"an object twice":                 {"application/json", `{"user":{"name":"decoy"},"user":{"name":"carol"}}`},
		"escaped":                         {"application/json", `{"us\u0065r":{"n\u0061me":"c\u0061rol"}}`},
		"in another case":                 {"application/json", `{"User":{"NAME":"Carol"}}`},
		"UTF-16":                          {"application/json; charset=utf-16", utf16(`{"user":{"name":"carol"}}`)},
		"behind long keys":                {"application/json", `{"` + pad + `":{"` + pad + `":{"` + pad + `":[1,2,3,4,5,6,7,8,9,10,11,12]}},"user":{"name":"carol"}}`},
		"a form":                          {"application/x-www-form-urlencoded", "user%5Bname%5D=carol"},
		"JSON, declared as text":          {"text/plain", `{"user":{"name":"carol"}}`},
		"JSON without a type":             {"", `{"user":{"name":"carol"}}`},
		"multipart":                       {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"user[name]\"\r\n\r\ncarol\r\n--b--\r\n"},
		"multipart, another name besides": {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"x\"; name=\"user[name]\"\r\n\r\ncarol\r\n--b--\r\n"},
	} {
		bodies++
		from := fmt.Sprintf("127.0.2.%d", bodies)
		send := func(kind, body string) reply {
			var fields []string
			if kind != "" {
				fields = append(fields, "Content-Type: "+kind)
			}
			return askFrom(t, w.Addr, from, message("POST", "json.test", "/login", body, fields...))
		}
		r := send(c.kind, c.body)
		if r.status == 400 || r.status == 403 || r.status == 415 {
			t.Logf("%s: refused with %d", name, r.status)
			continue // nobody reads an account in what is refused
		}
		r.wantStatus(t, 401)
		send(c.kind, c.body)
		send(c.kind, c.body)
		if r := send("application/json", `{"user":{"name":"carol"}}`); r.status != 429 {
			t.Errorf("%s: the account is not seen: %d", name, r.status)
		}
	}

	// What is not read to its end is no login.
	long := `{"user":{"name":"dave"},"x":"` + strings.Repeat("x", 2<<20) + `"}`
	if r := askFrom(t, w.Addr, "127.0.2.210", message("POST", "json.test", "/login", long, "Content-Type: application/json")); r.status == 401 {
		t.Errorf("a body over the limit is a login")
	}

	// What is only watched is told, and passes.
	var r reply
	for range 3 {
		r = askFrom(t, w.Addr, "127.0.2.211", message("POST", "watched.test", "/login", `{"user":{"name":"ann"}}`, "Content-Type: application/json"))
		r.wantStatus(t, 401)
	}
	wantEvent(t, w.Access(r.id), map[string]any{"access_would": "rate_limited login.login_account_address"})
}

func utf16(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(0)
		b.WriteByte(s[i])
	}
	return b.String()
}
