package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/wafer-waf/wafer/test/tier"
)

// authority signs tokens and tells its keys.
type authority struct {
	keys  atomic.Pointer[[]byte]
	asked atomic.Int32
	url   string
}

// signingKey is a key with a name.
type signingKey struct {
	id  string
	key *ecdsa.PrivateKey
}

func newSigningKey(t testing.TB, id string) signingKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{id, key}
}

func newAuthority(t testing.TB, keys ...signingKey) *authority {
	t.Helper()
	a := &authority{}
	a.tell(t, keys...)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.asked.Add(1)
		_, _ = w.Write(*a.keys.Load())
	}))
	t.Cleanup(s.Close)
	a.url = s.URL + "/keys"
	return a
}

// tell has the authority tell these keys from now on.
func (a *authority) tell(t testing.TB, keys ...signingKey) {
	t.Helper()
	var set jose.JSONWebKeySet
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.key.Public(), KeyID: k.id, Use: "sig"})
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	a.keys.Store(&text)
}

// token is a token with these claims beside those that it needs; nil takes one away.
func (k signingKey) token(t testing.TB, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"iss": "https://id.example/", "aud": "shop", "exp": time.Now().Add(time.Hour).Unix()}
	for name, v := range claims {
		if all[name] = v; v == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.key, KeyID: k.id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// hashed is the line of a client's key in a file.
func hashed(client, key string) string {
	sum := sha256.Sum256([]byte(key))
	return client + " " + fmt.Sprintf("%x", sum) + "\n"
}

const tokensFile = `
routes:
  - { id: api, hosts: [api.test], access: api, upstreams: [{ id: a }] }
  - { id: either, hosts: [either.test], access: either, upstreams: [{ id: a }] }
  - { id: free, hosts: [free.test], access: free, upstreams: [{ id: a }] }
  - { id: off, hosts: [off.test], access: off, upstreams: [{ id: a }] }
  - { id: watched, hosts: [watched.test], access: watched, upstreams: [{ id: a }] }
upstreams:
  - { id: a, endpoints: ["%[1]s"] }
policies:
  - id: default
    rules_after:
      - inline: |
          SecRule REQUEST_HEADERS:Authorization|REQUEST_HEADERS:X-Api-Key|ARGS:api_key|REQUEST_COOKIES:session "@rx ." "id:9001,phase:1,pass,log,msg:'%%{MATCHED_VAR}',logdata:'%%{MATCHED_VAR}'"
access:
  - id: api
    tokens: &tokens
      from: [{ header: Authorization, scheme: Bearer }, { cookie: session }]
      issuers: [{ issuer: "https://id.example/", audiences: [shop], jwks_url: "%[2]s" }]
      headers: [{ claim: sub, name: X-User }, { claim: realm.roles, name: X-Roles }]
      forward: remove
      realm: shop
    rules:
      - { id: office, when: { headers: [{ name: X-Office, present: true }] }, then: always_allow }
      - { id: staff, when: { paths: [{ prefix: /admin }], not: { claims: [{ name: realm.roles, values: [admin] }] } }, then: deny, status: 404 }
  - id: either
    tokens: { <<: *tokens, mode: alternative }
    api_keys: &keys { mode: alternative, from: [{ header: X-Api-Key }, { query: api_key }], file: keys.txt, header: X-Client, forward: remove }
    rules:
      - { id: partners, when: { paths: [{ prefix: /partner }], not: { api_keys: [partner] } }, then: deny }
  - id: free
    tokens: { <<: *tokens, mode: optional, forward: keep }
    api_keys: { <<: *keys, mode: optional, invalid: ignore, forward: keep }
  - id: off
    mode: off
    tokens: *tokens
    api_keys: *keys
  - id: watched
    tokens: { <<: *tokens, mode: observe }
`

// forwarded are the lines of a request that reached the echo, whose names begin so.
func (r reply) forwarded(names ...string) string {
	var lines []string
	for _, line := range strings.Split(r.body, "\r\n")[1:] {
		name, _, _ := strings.Cut(line, ":")
		for _, n := range names {
			if strings.EqualFold(name, n) {
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, " | ")
}

// Tokens and keys say who asks, to rules and to applications, and nobody else can say it.
func TestTokensAndKeys(t *testing.T) {
	t.Parallel()
	back := newEcho(t, nil)
	key, other := newSigningKey(t, "one"), newSigningKey(t, "two")
	issuer := newAuthority(t, key)
	file := tier.RouteFile(t, fmt.Sprintf(tokensFile, back.url(), issuer.url))
	const good, partners = "0123456789abcdefKEY", "partnerKEYpartnerKEY"
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), "keys.txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(hashed("shop", good) + hashed("partner", partners))
	w := tier.Start(t, file)
	ann := key.token(t, map[string]any{"sub": "ann", "realm": map[string]any{"roles": []string{"reader", "admin"}}})
	bob := key.token(t, map[string]any{"sub": "bob"})
	secrets := []string{ann, bob, strings.Split(ann, ".")[1], strings.Split(ann, ".")[2], good, partners}
	ids := map[string]string{}
	f := func(host, target string, status int, fields ...string) reply {
		t.Helper()
		r := ask(t, w.Addr, request("GET", host, target, fields...))
		r.wantStatus(t, status)
		ids[r.id] = host + target
		return r
	}
	bearer := func(token string) string { return "Authorization: Bearer " + token }

	// Required.
	r := f("api.test", "/", 401)
	if got := r.header.Get("WWW-Authenticate"); got != `Bearer realm="shop"` || r.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(r.body, r.id) {
		t.Errorf("%q, %s", got, r.body)
	}
	wantEvent(t, w.Access(r.id), map[string]any{"verdict": "refused", "error": "unauthenticated", "access_rule": "tokens.missing", "coverage": "none"})
	r = f("api.test", "/", 200, bearer(ann), "X-User: root", "x-roles: admin", "X_User: root")
	if got := r.forwarded("x-user", "x-roles", "authorization", "x_user"); got != "X-User: ann | X-Roles: reader,admin" {
		t.Errorf("the application reads %q", got)
	}
	r = f("api.test", "/", 200, "Cookie: a=b; session="+bob+"; c=d", "X-Roles: admin")
	if got := r.forwarded("x-user", "x-roles", "cookie"); got != "Cookie: a=b; c=d | X-User: bob" {
		t.Errorf("the application reads %q", got)
	}
	f("api.test", "/admin", 200, bearer(ann))
	f("api.test", "/admin", 404, bearer(bob))
	f("api.test", "/admin", 404)
	r = f("api.test", "/", 401, bearer(key.token(t, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})))
	if got := r.header.Get("WWW-Authenticate"); got != `Bearer realm="shop", error="invalid_token", error_description="the token has expired"` {
		t.Error(got)
	}
	r = f("api.test", "/", 400, bearer(ann), "Cookie: session="+bob)
	if got := r.header.Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_request"`) {
		t.Error(got)
	}
	f("api.test", "/", 401, bearer(ann[:len(ann)-4]+"AAAA"))
	f("api.test", "/?q="+injection, 403, bearer(ann)) // it is inspected as before
	r = f("api.test", "/", 200, "X-Office: 1", "X-User: root", bearer(ann))
	if got := r.forwarded("x-user"); got != "X-User: ann" {
		t.Errorf("always allowed: %q", got)
	}

	// One of two, what is optional, what is off, and what is only watched.
	f("either.test", "/", 401)
	f("either.test", "/", 200, bearer(bob))
	r = f("either.test", "/?a=b&api_key="+good+"&c=%61", 200, "X-Client: root")
	if got := strings.SplitN(r.body, "\r\n", 2)[0]; got != "GET /?a=b&c=%61 HTTP/1.1" || r.forwarded("x-client") != "X-Client: shop" {
		t.Errorf("%q with %q", got, r.forwarded("x-client"))
	}
	f("either.test", "/partner", 403, "X-Api-Key: "+good)
	r = f("either.test", "/partner", 200, "X-Api-Key: "+partners)
	if got := r.forwarded("x-client", "x-api-key"); got != "X-Client: partner" {
		t.Errorf("the application reads %q", got)
	}
	f("either.test", "/", 401, "X-Api-Key: nobody's")
	r = f("free.test", "/", 200, "X-User: root", "X-Client: root", "X-Api-Key: nobody's")
	if got := r.forwarded("x-user", "x-client", "x-api-key"); got != "X-Api-Key: nobody's" {
		t.Errorf("the application reads %q", got)
	}
	f("free.test", "/", 401, bearer("x.y.z"))
	r = f("free.test", "/", 200, bearer(ann), "X-Api-Key: "+good)
	if got := r.forwarded("authorization", "x-user", "x-client"); got != bearer(ann)+" | X-User: ann | X-Client: shop" {
		t.Errorf("the application reads %q", got)
	}
	r = f("off.test", "/", 200, bearer(ann), "X-User: root", "X-Client: root")
	if got := r.forwarded("x-user", "x-client"); got != "" {
		t.Errorf("a policy that is off lets pass %q", got)
	}
	r = f("watched.test", "/", 200)
	wantEvent(t, w.Access(r.id), map[string]any{"verdict": "pass", "access_would": "unauthenticated tokens.missing"})
	if got := r.header.Get("WWW-Authenticate"); got != "" {
		t.Errorf("who is only watched is asked for %s", got)
	}

	// The issuer takes a new key, and the file has another one.
	before := issuer.asked.Load()
	issuer.tell(t, key, other)
	fresh := other.token(t, map[string]any{"sub": "eve"})
	tier.Eventually(t, "a token with a new key is taken", func() bool {
		return ask(t, w.Addr, request("GET", "api.test", "/", bearer(fresh))).status == 200
	})
	if n := issuer.asked.Load() - before; n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
	write(hashed("shop", "anotherKEY"))
	if code, text := w.Reload(); code != 200 {
		t.Fatal(text)
	}
	f("either.test", "/", 401, "X-Api-Key: "+good)
	f("either.test", "/", 200, "X-Api-Key: anotherKEY")

	for series, want := range map[string]float64{
		`wafer_access_tokens_total{carried="token",policy="api",reason="expired"}`:                              1,
		`wafer_access_tokens_total{carried="api_key",policy="either",reason="not_a_key"}`:                       2,
		`wafer_access_decisions_total{decision="unauthenticated",policy="api",rule="tokens.several"}`:           1,
		`wafer_access_decisions_total{decision="would_unauthenticated",policy="watched",rule="tokens.missing"}`: 1,
	} {
		if got := w.Metric(series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	for id, what := range ids {
		for _, event := range []map[string]any{w.Access(id)} {
			text, _ := json.Marshal(event)
			for _, secret := range secrets {
				if strings.Contains(string(text), secret) {
					t.Errorf("%s: an event has %q: %s", what, secret, text)
				}
			}
		}
	}
	shown := 0
	for _, event := range w.Events(func(e map[string]any) bool { return e["event"] == "security" }) {
		text, _ := json.Marshal(event)
		if strings.Contains(string(text), "9001") {
			shown++
		}
		for _, secret := range secrets {
			if strings.Contains(string(text), secret) {
				t.Errorf("a security event has %q: %s", secret, text)
			}
		}
	}
	if shown < 5 {
		t.Errorf("%d events are about tokens", shown)
	}
}

// What an issuer, a file of keys or a name is that cannot be is told before it serves.
func TestTokensAreChecked(t *testing.T) {
	t.Parallel()
	file := tier.RouteFile(t, `
routes: [{ id: a, access: a, policy: unread, upstreams: [{ id: a }] }]
upstreams: [{ id: a, endpoints: ["http://a.invalid:80"] }]
policies: [{ id: unread, request_body: { inspect: false } }]
access:
  - id: a
    tokens: { from: [{ header: X-Value }], issuers: [{ issuer: a, audiences: [a], jwks_file: keys.json }, { issuer: b, audiences: [b], jwks_url: "https://id.example/", ca: keys.txt }] }
    api_keys: { from: [{ query: k }], file: keys.txt }
    login: { paths: [{ exact: /login }], account: { form: user } }
`)
	for name, text := range map[string]string{"keys.json": `{"keys":[{"kty":"oct","k":"AAAA"}]}`, "keys.txt": "shop my-secret-key\n"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := exec.CommandContext(t.Context(), tier.Binary(t), "check", file).CombinedOutput()
	said := string(text)
	for _, want := range []string{
		`tokens.from[0].header: events would show its values`, `tokens.issuers[0].jwks_file: keys.json: no key for signatures among 1`,
		`tokens.issuers[1].ca: no certificate in PEM`, `api_keys.from[0].query: events would show`, `api_keys.file: keys.txt: line 1: of client "shop": not 64 hexadecimal digits`,
		`routes[0].access: "a" protects logins, for which bodies have to be read, and policy "unread" does not inspect them`,
	} {
		if err == nil || !strings.Contains(said, want) {
			t.Errorf("%v, no %q in\n%s", err, want, said)
		}
	}
	if strings.Contains(said, "my-secret-key") {
		t.Error("it shows a key")
	}
}
