package proxy

import (
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/challenge"
)

// benchChallenge is an access policy that asks every browser.
const benchChallenge = `access:
  - id: default
    challenge: { keys: [a secret that is shared by all replicas], otherwise: deny, no_script_wait: 1s }
    rules: [{ id: all, then: challenge }]
`

// withToken is a request of benchHead's, of a client that has been patient.
func withToken(t testing.TB) string {
	t.Helper()
	keys, err := challenge.NewKeys("a secret that is shared by all replicas")
	if err != nil {
		t.Fatal(err)
	}
	c, err := challenge.New(challenge.Options{
		Keys: keys, Bits: challenge.FewestBits, Within: time.Minute, Wait: time.Second, Status: http.StatusTooManyRequests,
	})
	if err != nil {
		t.Fatal(err)
	}
	agent := regexp.MustCompile("User-Agent: ([^\r]*)").FindStringSubmatch(benchHead)[1]
	who := challenge.Client{Host: "shop.example.com", Address: netip.MustParseAddr("127.0.0.1"), Agent: agent}
	page := c.Ask(&who, "/", "id", time.Now().Add(-10*time.Second))
	puzzle := regexp.MustCompile(`name="puzzle" value="([^"]*)"`).FindSubmatch(page.Body)[1]
	reply, outcome := challenge.NewEndpoint(challenge.NewGuard(), keys).Take(&challenge.Answer{
		Method: http.MethodGet, Path: challenge.Path, Query: url.Values{"puzzle": {string(puzzle)}, "back": {"/"}}.Encode(), Client: who, Now: time.Now(),
	})
	if outcome != challenge.Waited {
		t.Fatal(outcome)
	}
	cookie, _, _ := strings.Cut(reply.Fields.Get("Set-Cookie"), ";")
	return strings.Replace(benchHead, "Cookie: ", "Cookie: "+cookie+"; ", 1)
}

// BenchmarkExchangeWithToken is BenchmarkExchange without inspection, of a client that has proved itself.
func BenchmarkExchangeWithToken(b *testing.B) {
	_, addr := benchProxy(b, benchRoutes(b, "off", benchBackend(b, "\r\n\r\n"), 1, 1, benchChallenge))
	c := newBenchClient(b, addr, withToken(b))
	b.ReportAllocs()
	for b.Loop() {
		c.exchange(b)
	}
}
