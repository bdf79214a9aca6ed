package e2e

import (
	"crypto/sha256"
	"math/bits"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/challenge"
	"github.com/wafer-waf/wafer/test/tier"
)

const (
	html         = "Accept: text/html,*/*;q=0.8"
	challengeKey = "a secret that is shared by all replicas"
	form         = "Content-Type: application/x-www-form-urlencoded"
)

var puzzleField = regexp.MustCompile(`data-bits="(\d+)"><input type="hidden" name="puzzle" value="([^"]*)"><input type="hidden" name="back" value="([^"]*)"`)

// solved is the body of an answer to a page that asks.
func solved(t *testing.T, page string) url.Values {
	t.Helper()
	m := puzzleField.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no puzzle in %.2000s", page)
	}
	want, _ := strconv.Atoi(m[1])
	for n := 0; ; n++ {
		sum := sha256.Sum256([]byte(m[2][len(m[2])-32:] + "." + strconv.Itoa(n)))
		if bits.LeadingZeros32(uint32(sum[0])<<24|uint32(sum[1])<<16|uint32(sum[2])<<8|uint32(sum[3])) >= want {
			return url.Values{"puzzle": {m[2]}, "back": {strings.ReplaceAll(m[3], "&amp;", "&")}, "answer": {strconv.Itoa(n)}}
		}
	}
}

// pass is the cookie that came with a reply.
func pass(r reply) string {
	cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	return "Cookie: " + cookie
}

// aged is the cookie of a client of loopback that proved itself a while ago.
func aged(t *testing.T, host string, ago time.Duration) string {
	t.Helper()
	keys, err := challenge.NewKeys(challengeKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := challenge.New(challenge.Options{Keys: keys, Bits: 8, Within: time.Minute, Wait: time.Second, Status: 429})
	if err != nil {
		t.Fatal(err)
	}
	who, then := challenge.Client{Host: host, Address: netip.MustParseAddr("127.0.0.1"), Agent: "e2e"}, time.Now().Add(-ago)
	answer := solved(t, string(c.Ask(&who, "/", "id", then).Body))
	r, _ := challenge.NewEndpoint(challenge.NewGuard(), keys).Take(&challenge.Answer{
		Method: http.MethodPost, Path: challenge.Path, Body: []byte(answer.Encode()), Client: who, Now: then,
	})
	cookie, _, _ := strings.Cut(r.Fields.Get("Set-Cookie"), ";")
	return "Cookie: " + cookie
}

// TestChallenge has clients asked, answer, and come back.
func TestChallenge(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	w := tier.Start(t, tier.RouteFile(t, `
routes:
  - { id: shop, hosts: [shop.test], paths: [{ prefix: /shop }, { prefix: /api }, { exact: /robots.txt }, { prefix: /.well-known/acme-challenge }], access: shop, upstreams: [{ id: a }] }
  - { id: lax, hosts: [lax.test], access: lax, upstreams: [{ id: a }] }
  - { id: plain, hosts: [plain.test], upstreams: [{ id: a }] }
  - { id: secure, hosts: [secure.test], https: redirect, access: lax, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["`+back.url()+`"] }
access:
  - id: shop
    default: deny
    challenge: { keys: [`+challengeKey+`], otherwise: deny, difficulty: 8, lifetime: 1h, grace: 10m }
    rules:
      - { id: api, when: { paths: [{ prefix: /api }] }, then: allow }
      - { id: all, then: challenge }
  - { id: lax, inherits: shop, challenge: { otherwise: allow } }
`), "--trusted-proxies", "127.0.0.1/32")

	page := get(t, w, "shop.test", "/shop/cart?a=1&b=2", html).wantStatus(t, 429)
	wantEvent(t, w.Access(page.id), map[string]any{"verdict": "refused", "error": "challenged", "access_rule": "all", "route": "shop"})
	if page.header.Get("Cache-Control") != "no-store" || page.header.Get("Retry-After") == "" || !strings.Contains(page.body, page.id) {
		t.Errorf("%v\n%s", page.header, page.body)
	}
	answer := solved(t, page.body)
	if got := answer.Get("back"); got != "/shop/cart?a=1&b=2" {
		t.Errorf("leads back to %q", got)
	}
	given := post(t, w, "shop.test", challenge.Path, answer.Encode()).wantStatus(t, 303)
	wantEvent(t, w.Access(given.id), map[string]any{"verdict": "pass", "error": nil, "coverage": "none"})
	if got := given.header.Get("Location"); got != "/shop/cart?a=1&b=2" {
		t.Errorf("sent back to %q", got)
	}
	if got := given.header.Get("Set-Cookie"); !strings.HasSuffix(got, "; Path=/; HttpOnly; SameSite=Lax") {
		t.Errorf("cookie %q", got)
	}
	cookie := pass(given)

	f := func(name string, r reply, status int, want map[string]any) {
		t.Run(name, func(t *testing.T) {
			t.Helper()
			r.wantStatus(t, status)
			if asks := puzzleField.MatchString(r.body); asks != (status == 429) {
				t.Errorf("asks: %v\n%s", asks, r.body)
			}
			wantEvent(t, w.Access(r.id), want)
		})
	}
	passes, refused := map[string]any{"verdict": "pass"}, map[string]any{"verdict": "refused", "error": "challenged"}
	f("with the token", get(t, w, "shop.test", "/shop/cart", html, cookie), 200, passes)
	f("with the token, a script", get(t, w, "shop.test", "/shop/x.json", "Accept: application/json", cookie), 200, passes)
	f("with the token, a form", post(t, w, "shop.test", "/shop/buy", "a=b", cookie), 200, passes)
	f("with the token, an attack", get(t, w, "shop.test", "/shop?q=1'+or+1=1--+", html, cookie), 403, map[string]any{"verdict": "block"})
	f("an attack is not looked at", get(t, w, "shop.test", "/shop?q=1'+or+1=1--+", html), 429, refused)
	f("another host", get(t, w, "lax.test", "/", html, cookie), 429, refused)
	f("another client", get(t, w, "shop.test", "/shop", html, cookie, "X-Forwarded-For: 192.0.2.9"), 429, refused)
	f("another user agent", ask(t, w.Addr, "GET /shop HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: other\r\n"+html+"\r\n"+cookie+"\r\nConnection: close\r\n\r\n"), 429, refused)
	f("a program", get(t, w, "shop.test", "/shop"), 403, refused)
	f("JSON", get(t, w, "shop.test", "/shop", "Accept: application/json"), 403, refused)
	f("fetch", get(t, w, "shop.test", "/shop", html, "Sec-Fetch-Mode: cors"), 403, refused)
	f("a web socket", get(t, w, "shop.test", "/shop", html, "Connection: Upgrade", "Upgrade: websocket"), 403, refused)
	f("a form", post(t, w, "shop.test", "/shop", "a=b", html), 403, refused)
	f("a program that may pass", get(t, w, "lax.test", "/"), 200, passes)
	f("a path that is let in before", get(t, w, "shop.test", "/api", html), 200, passes)
	f("robots", get(t, w, "shop.test", "/robots.txt", html), 200, passes)
	f("a certificate's", get(t, w, "shop.test", "/.well-known/acme-challenge/x", html), 200, passes)
	f("no challenge", get(t, w, "plain.test", "/", html), 200, passes)

	f("by http, where https is wanted", get(t, w, "secure.test", "/", html), 308, map[string]any{"verdict": "pass"})
	f("by https, where it is wanted", get(t, w, "secure.test", "/", html, "X-Forwarded-Proto: https"), 429, refused)

	ended, late := aged(t, "shop.test", time.Hour+5*time.Minute), aged(t, "shop.test", time.Hour+15*time.Minute)
	f("a page, after the token has ended", get(t, w, "shop.test", "/shop", html, ended), 429, refused)
	f("a form, after the token has ended", post(t, w, "shop.test", "/shop/buy", "a=b", html, ended), 200, passes)
	f("a form, long after the token has ended", post(t, w, "shop.test", "/shop/buy", "a=b", html, late), 403, refused)

	secure := post(t, w, "shop.test", challenge.Path, answer.Encode(), "X-Forwarded-Proto: https").wantStatus(t, 303)
	if got := secure.header.Get("Set-Cookie"); !strings.HasSuffix(got, "; Secure") || pass(secure) != cookie {
		t.Errorf("cookie %q by https, %q before", got, cookie)
	}
	out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--http2-prior-knowledge", "-A", "e2e", "-H", "Host: shop.test", "-d", answer.Encode(),
		"-o", os.DevNull, "-w", "%{http_version} %{http_code} Cookie: %header{set-cookie}", "http://"+w.Addr+challenge.Path).CombinedOutput()
	if want := "2 303 " + cookie + ";"; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("by HTTP/2: %v %s, want %s", err, out, want)
	}
	for series, want := range map[string]float64{
		`wafer_challenge_answers_total{outcome="solved"}`:                              3,
		`wafer_challenges_total{got="page",policy="shop",token="no_token"}`:            2,
		`wafer_challenges_total{got="page",policy="shop",token="ended"}`:               1,
		`wafer_challenges_total{got="denied",policy="shop",token="ended"}`:             1,
		`wafer_challenges_total{got="passed",policy="lax",token="no_token"}`:           1,
		`wafer_access_decisions_total{decision="challenged",policy="shop",rule="all"}`: 11,
	} {
		if got := w.Metric(series); got != want {
			t.Errorf("%s %v, want %v", series, got, want)
		}
	}
}

// TestChallengeAnswers sends what is no answer.
func TestChallengeAnswers(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	w := tier.Start(t, tier.RouteFile(t, `
routes: [{ id: shop, hosts: [shop.test], access: shop, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["`+back.url()+`"] }]
policies: [{ id: default, mode: "off" }]
access:
  - id: shop
    challenge: { keys: [`+challengeKey+`], otherwise: deny, difficulty: 8 }
    rules: [{ id: all, then: challenge }]
`))
	answer := solved(t, get(t, w, "shop.test", "/?a=b", html).wantStatus(t, 429).body)
	with := func(key, value string) string {
		changed := url.Values{}
		for k, v := range answer {
			changed[k] = v
		}
		changed.Set(key, value)
		return changed.Encode()
	}
	long := "a=" + strings.Repeat("b", challenge.MostBytes)
	f := func(name string, r reply, status int, why string) {
		t.Run(name, func(t *testing.T) {
			t.Helper()
			r.wantStatus(t, status)
			if r.header.Get("Set-Cookie") != "" || r.header.Get("Location") != "" {
				t.Errorf("%v", r.header)
			}
			if strings.Contains(r.body, "evil.test") {
				t.Errorf("leads elsewhere: %s", r.body)
			}
			wantEvent(t, w.Access(r.id), map[string]any{"verdict": "refused", "error": why})
		})
	}
	answers := func(body string, fields ...string) reply {
		return post(t, w, "shop.test", challenge.Path, body, fields...)
	}
	f("no work", answers(with("answer", "x")), 403, "challenge_wrong")
	f("no patience", answers(with("answer", "")), 403, "challenge_early")
	f("another page", answers(with("back", "/other")), 403, "challenge_other_client")
	for _, elsewhere := range []string{"//evil.test", `/\evil.test`, "https://evil.test/", "/\t/evil.test", "\r\nX: evil.test", "javascript:evil.test", ""} {
		f("to "+strconv.Quote(elsewhere), answers(with("back", elsewhere)), 403, "challenge_broken")
	}
	f("another client", ask(t, w.Addr, "POST "+challenge.Path+" HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: other\r\n"+form+"\r\nContent-Length: "+
		strconv.Itoa(len(answer.Encode()))+"\r\n\r\n"+answer.Encode()), 403, "challenge_other_client")
	f("another host", post(t, w, "other.test", challenge.Path, answer.Encode()), 403, "challenge_other_client")
	f("nothing", answers(""), 403, "challenge_broken")
	f("too much", answers(long), 413, "request_body")
	f("too much, of a length that is not told", ask(t, w.Addr, message("POST", "shop.test", challenge.Path, "", "Transfer-Encoding: chunked")+
		strconv.FormatInt(int64(len(long)), 16)+"\r\n"+long+"\r\n0\r\n\r\n"), 413, "request_body")
	f("GET, of nothing", get(t, w, "shop.test", challenge.Path), 403, "challenge_broken")
	f("another path", get(t, w, "shop.test", challenge.Prefix+"other"), 404, "challenge_not_found")
	f("another spelling", get(t, w, "shop.test", "/%2ewell-known/./wafer/other"), 404, "challenge_not_found")
	if n := len(w.Events(func(e map[string]any) bool { return e["upstream"] != nil })); n > 0 {
		t.Errorf("%d requests have reached the application", n)
	}
}

// TestChallengeKeys changes the keys, and has a policy watch only.
func TestChallengeKeys(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	file := tier.RouteFile(t, "")
	configure := func(keys, mode string) {
		tier.Rewrite(t, file, `
routes: [{ id: shop, access: shop, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["`+back.url()+`"] }]
policies: [{ id: default, mode: "off" }]
access:
  - id: shop
    mode: `+mode+`
    challenge: { keys: [`+keys+`], otherwise: deny, difficulty: 8 }
    rules: [{ id: all, then: challenge }]
`)
	}
	const next = "the secret that takes the place of it"
	configure(challengeKey, "enforce")
	w := tier.Start(t, file, "--reload-interval", "0s")
	old := pass(post(t, w, "shop.test", challenge.Path, solved(t, get(t, w, "shop.test", "/", html).body).Encode()).wantStatus(t, 303))
	reload := func(keys, mode string) {
		t.Helper()
		configure(keys, mode)
		if status, text := w.Reload(); status != 200 {
			t.Fatal(status, text)
		}
	}
	reload(next+", "+challengeKey, "enforce")
	get(t, w, "shop.test", "/", html, old).wantStatus(t, 200)
	page := get(t, w, "shop.test", "/", html).wantStatus(t, 429)
	reload(next, "enforce")
	get(t, w, "shop.test", "/", html, old).wantStatus(t, 429)
	young := pass(post(t, w, "shop.test", challenge.Path, solved(t, page.body).Encode()).wantStatus(t, 303))
	get(t, w, "shop.test", "/", html, young).wantStatus(t, 200)
	reload(next, "observe")
	r := get(t, w, "shop.test", "/", html, old).wantStatus(t, 200)
	wantEvent(t, w.Access(r.id), map[string]any{"verdict": "pass", "access_would": "challenged all"})
	r = get(t, w, "shop.test", "/", html, young).wantStatus(t, 200)
	wantEvent(t, w.Access(r.id), map[string]any{"verdict": "pass", "access_would": nil})
	if got := w.Metric(`wafer_challenges_total{got="page",policy="shop",token="other_key"}`); got != 2 {
		t.Errorf("%v requests with a key that is not known any more, want 2", got)
	}
}
