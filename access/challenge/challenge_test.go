package challenge

import (
	"crypto/sha256"
	"math/bits"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
)

const (
	secretA = "a secret of thirty-two bytes, or more"
	secretB = "another secret of thirty-two bytes, or more"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func keys(t testing.TB, secrets ...string) *Keys {
	t.Helper()
	ks, err := NewKeys(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// asking is a challenge with few bits, changed.
func asking(t testing.TB, change func(*Options), secrets ...string) *Challenge {
	t.Helper()
	o := Options{
		Keys: keys(t, secrets...), Bits: 8, Within: 5 * time.Minute, Wait: 5 * time.Second,
		Lifetime: time.Hour, Grace: time.Minute, Status: http.StatusTooManyRequests,
	}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func client() Client {
	return Client{Host: "shop.test", Address: netip.MustParseAddr("192.0.2.7"), Agent: "Mozilla/5.0"}
}

var hidden = regexp.MustCompile(`name="(puzzle|back)" value="([^"]*)"`)

// puzzleOf is what the form of a page has.
func puzzleOf(t testing.TB, r Reply) (text, back string) {
	t.Helper()
	for _, m := range hidden.FindAllSubmatch(r.Body, 2) {
		if string(m[1]) == "puzzle" {
			text = string(m[2])
		} else {
			back = string(m[2])
		}
	}
	if text == "" || back == "" {
		t.Fatalf("no puzzle in %s", r.Body)
	}
	return text, back
}

// solve does the work as the page says it, not as the package does.
func solve(puzzle string, want int) string {
	for n := 0; ; n++ {
		sum := sha256.Sum256([]byte(puzzle[len(puzzle)-32:] + "." + strconv.Itoa(n)))
		if bits.LeadingZeros32(uint32(sum[0])<<24|uint32(sum[1])<<16|uint32(sum[2])<<8|uint32(sum[3])) >= want {
			return strconv.Itoa(n)
		}
	}
}

// posted is an answer that a browser sends.
func posted(c Client, puzzle, answer, back string, now time.Time) *Answer {
	form := url.Values{"puzzle": {puzzle}, "back": {back}, "answer": {answer}}
	return &Answer{Method: http.MethodPost, Path: Path, Body: []byte(form.Encode()), Client: c, ID: "id", Now: now}
}

// token takes what comes back for an answer apart.
func token(t testing.TB, r Reply) string {
	t.Helper()
	value, found := strings.CutPrefix(r.Fields.Get("Set-Cookie"), Cookie+"=")
	value, _, _ = strings.Cut(value, ";")
	if !found || r.Status != http.StatusSeeOther {
		t.Fatalf("%d %q: no token", r.Status, r.Fields)
	}
	return value
}

// earn is a token for a client, for work.
func earn(t testing.TB, c *Challenge, who Client, now time.Time) string {
	t.Helper()
	puzzle, back := puzzleOf(t, c.Ask(&who, "/cart?a=1", "id", now))
	r, outcome := NewEndpoint(NewGuard(), c.o.Keys).Take(posted(who, puzzle, solve(puzzle, c.o.Bits), back, now.Add(time.Second)))
	if outcome != Solved {
		t.Fatalf("outcome %s", outcome)
	}
	return token(t, r)
}

// patient is a token for a client, for patience.
func patient(t testing.TB, c *Challenge, who Client, now time.Time) string {
	t.Helper()
	puzzle, back := puzzleOf(t, c.Ask(&who, "/", "id", now))
	a := &Answer{Method: http.MethodGet, Path: Path, Client: who, Now: now.Add(c.o.Wait + lag),
		Query: url.Values{"puzzle": {puzzle}, "back": {back}}.Encode()}
	r, outcome := NewEndpoint(NewGuard(), c.o.Keys).Take(a)
	if outcome != Waited {
		t.Fatalf("outcome %s", outcome)
	}
	return token(t, r)
}

func cookies(tokens ...string) message.Fields {
	var f message.Fields
	for _, t := range tokens {
		f = append(f, message.Field{Name: "cookie", Value: "a=b; " + Cookie + "=" + t + " ; c=d"})
	}
	return f
}

func TestTokens(t *testing.T) {
	ask := asking(t, nil, secretA)
	good := earn(t, ask, client(), noon)
	last := good[:len(good)-1] + map[bool]string{true: "1", false: "0"}[strings.HasSuffix(good, "0")]
	puzzle, _ := puzzleOf(t, ask.Ask(new(client()), "/", "id", noon))
	tests := []struct {
		name    string
		change  func(*Client)
		options func(*Options)
		secrets []string
		tokens  []string
		after   time.Duration
		late    bool
		want    Standing
	}{
		{name: "the client's"},
		{name: "none", tokens: []string{}, want: None},
		{name: "empty", tokens: []string{""}, want: Broken},
		{name: "cut", tokens: []string{good[1:]}, want: Broken},
		{name: "in capitals", tokens: []string{strings.ToUpper(good)}, want: Broken},
		{name: "another bit", tokens: []string{last}, want: Other},
		{name: "a puzzle", tokens: []string{puzzle}, want: Broken},
		{name: "the second of two", tokens: []string{last, good}},
		{name: "beyond those that are looked at", tokens: []string{last, last, last, last, good}, want: Other},
		{name: "a neighbor's address", change: func(c *Client) { c.Address = netip.MustParseAddr("192.0.2.200") }},
		{name: "IPv4 within IPv6", change: func(c *Client) { c.Address = netip.MustParseAddr("::ffff:192.0.2.7") }},
		{name: "another network", change: func(c *Client) { c.Address = netip.MustParseAddr("192.0.3.7") }, want: Other},
		{name: "no address", change: func(c *Client) { c.Address = netip.Addr{} }, want: Other},
		{name: "another user agent", change: func(c *Client) { c.Agent = "curl/8" }, want: Other},
		{name: "another host", change: func(c *Client) { c.Host = "other.test" }, want: Other},
		{name: "the host with a port", change: func(c *Client) { c.Host = "shop.test:8080" }},
		{name: "the host in capitals", change: func(c *Client) { c.Host = "SHOP.test" }},
		{name: "another border between host and user agent", want: Other,
			change: func(c *Client) { c.Host, c.Agent = "shop.tes", "tMozilla/5.0" }},
		{name: "the key as the second one", secrets: []string{secretB, secretA}},
		{name: "without its key", secrets: []string{secretB}, want: Foreign},
		{name: "harder by now", options: func(o *Options) { o.Bits = 9 }, want: Weak},
		{name: "at its end", after: time.Hour},
		{name: "ended", after: time.Hour + 2*time.Second, want: Ended},
		{name: "ended, in a request that cannot be asked", after: time.Hour + time.Minute, late: true},
		{name: "ended long ago", after: time.Hour + time.Minute + 2*time.Second, late: true, want: Ended},
		{name: "from a replica whose clock is ahead", after: -skew},
		{name: "from the future", after: -skew - time.Second, want: Ended},
		{name: "shorter by now", options: func(o *Options) { o.Lifetime = time.Minute }, after: 2 * time.Minute, want: Ended},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			who := client()
			if test.change != nil {
				test.change(&who)
			}
			if test.secrets == nil {
				test.secrets = []string{secretA}
			}
			if test.tokens == nil {
				test.tokens = []string{good}
			}
			c := asking(t, test.options, test.secrets...)
			if got := c.Stands(cookies(test.tokens...), &who, test.late, noon.Add(test.after)); got != test.want {
				t.Errorf("stands %q, want %q", got, test.want)
			}
		})
	}
}

// TestPatience wants a token for patience to be worth something where patience is, and no more.
func TestPatience(t *testing.T) {
	who := client()
	given := patient(t, asking(t, nil, secretA), who, noon)
	for name, test := range map[string]struct {
		options func(*Options)
		want    Standing
	}{
		"where it is given":           {},
		"where less is wanted":        {options: func(o *Options) { o.Wait = time.Second }},
		"where more is wanted":        {options: func(o *Options) { o.Wait = 6 * time.Second }, want: Weak},
		"where only work is":          {options: func(o *Options) { o.Wait = 0 }, want: Weak},
		"whatever the work there is":  {options: func(o *Options) { o.Bits = 24 }},
		"where it would have to last": {options: func(o *Options) { o.Lifetime = time.Second }, want: Ended},
	} {
		c := asking(t, test.options, secretA)
		if got := c.Stands(cookies(given), &who, false, noon.Add(10*time.Second)); got != test.want {
			t.Errorf("%s: stands %q, want %q", name, got, test.want)
		}
	}
}

// TestV6 wants a token bound to the network that a client of IPv6 has to itself.
func TestV6(t *testing.T) {
	who := client()
	who.Address = netip.MustParseAddr("2001:db8:1:2::7")
	c := asking(t, nil, secretA)
	given := earn(t, c, who, noon)
	for address, want := range map[string]Standing{
		"2001:db8:1:2:ffff::1": In, "2001:db8:1:2::7%eth0": In, "2001:db8:1:3::7": Other, "192.0.2.7": Other,
	} {
		who.Address = netip.MustParseAddr(address)
		if got := c.Stands(cookies(given), &who, false, noon); got != want {
			t.Errorf("%s: stands %q, want %q", address, got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	ask := asking(t, nil, secretA)
	who := client()
	puzzle, back := puzzleOf(t, ask.Ask(&who, "/cart?a=1&b=2", "id", noon))
	if back != "/cart?a=1&amp;b=2" {
		t.Fatalf("back %q", back)
	}
	back = "/cart?a=1&b=2"
	answer := solve(puzzle, 8)
	tests := []struct {
		name    string
		change  func(*Answer)
		secrets []string
		want    Outcome
	}{
		{name: "right", want: Solved},
		{name: "no work", want: Wrong, change: func(a *Answer) { *a = *posted(a.Client, puzzle, "1"+answer, back, a.Now) }},
		{name: "no number", want: Wrong, change: func(a *Answer) { *a = *posted(a.Client, puzzle, "-"+answer, back, a.Now) }},
		{name: "a long number", want: Wrong,
			change: func(a *Answer) { *a = *posted(a.Client, puzzle, strings.Repeat("1", 1000), back, a.Now) }},
		{name: "at once, without an answer", want: Early, change: func(a *Answer) { *a = *posted(a.Client, puzzle, "", back, a.Now) }},
		{name: "patiently, without an answer", want: Waited,
			change: func(a *Answer) { *a = *posted(a.Client, puzzle, "", back, a.Now.Add(5*time.Second)) }},
		{name: "late", want: Late, change: func(a *Answer) { a.Now = noon.Add(5*time.Minute + 2*time.Second) }},
		{name: "by a replica whose clock is behind", want: Solved, change: func(a *Answer) { a.Now = noon.Add(-2 * time.Second) }},
		{name: "before the puzzle", want: Late, change: func(a *Answer) { a.Now = noon.Add(-time.Minute) }},
		{name: "another client's", want: NotHis, change: func(a *Answer) { a.Client.Agent = "curl/8" }},
		{name: "another network's", want: NotHis, change: func(a *Answer) { a.Client.Address = netip.MustParseAddr("198.51.100.7") }},
		{name: "another host's", want: NotHis, change: func(a *Answer) { a.Client.Host = "other.test" }},
		{name: "another way back", want: NotHis, change: func(a *Answer) { *a = *posted(a.Client, puzzle, answer, "/logout", a.Now) }},
		{name: "another site", want: NoSlip, change: func(a *Answer) { *a = *posted(a.Client, puzzle, answer, "//evil.test", a.Now) }},
		{name: "no puzzle", want: NoSlip, change: func(a *Answer) { *a = *posted(a.Client, "", answer, back, a.Now) }},
		{name: "no form", want: NoSlip, change: func(a *Answer) { a.Body = []byte("%zz") }},
		{name: "nothing", want: NoSlip, change: func(a *Answer) { a.Body = nil }},
		{name: "too much", want: NoSlip, change: func(a *Answer) { a.Body = append(a.Body, strings.Repeat("&a=b", MostBytes)...) }},
		{name: "a token instead", want: NoSlip,
			change: func(a *Answer) { *a = *posted(a.Client, earn(t, ask, who, noon), answer, back, a.Now) }},
		{name: "other keys", want: NoKey, secrets: []string{secretB}},
		{name: "keys that change", want: Solved, secrets: []string{secretB, secretA}},
		{name: "another path", want: Nowhere, change: func(a *Answer) { a.Path = Prefix }},
		{name: "another method", want: Nowhere, change: func(a *Answer) { a.Method = http.MethodPut }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.secrets == nil {
				test.secrets = []string{secretA}
			}
			a := posted(who, puzzle, answer, back, noon.Add(time.Second))
			if test.change != nil {
				test.change(a)
			}
			r, got := NewEndpoint(NewGuard(), keys(t, test.secrets...)).Take(a)
			if got != test.want {
				t.Fatalf("outcome %q, want %q", got, test.want)
			}
			good := got == Solved || got == Waited
			if location := r.Fields.Get("Location"); good != (r.Fields.Get("Set-Cookie") != "") || good != (location == back) {
				t.Errorf("%d %q", r.Status, r.Fields)
			}
			if r.Fields.Get("Cache-Control") != "no-store" {
				t.Errorf("may be cached: %q", r.Fields)
			}
		})
	}
}

// TestOneTokenEach wants a puzzle to be worth one token, and two puzzles two.
func TestOneTokenEach(t *testing.T) {
	ask, who := asking(t, nil, secretA), client()
	puzzle, back := puzzleOf(t, ask.Ask(&who, "/", "id", noon))
	var tokens []string
	for i := range 2 { // at replicas, of which one has a new key already
		e := NewEndpoint(NewGuard(), keys(t, [][]string{{secretA}, {secretB, secretA}}[i]...))
		r, _ := e.Take(posted(who, puzzle, solve(puzzle, 8), back, noon.Add(time.Duration(i)*time.Minute)))
		tokens = append(tokens, token(t, r))
	}
	if tokens[0] != tokens[1] {
		t.Errorf("one puzzle gave %q and %q", tokens[0], tokens[1])
	}
	if one, other := earn(t, ask, who, noon), earn(t, ask, who, noon); one == other {
		t.Error("two puzzles gave the same token")
	}
}

// TestReplicas wants what one replica asks to be answered at another, and the token to be good at a third.
func TestReplicas(t *testing.T) {
	who := client()
	puzzle, back := puzzleOf(t, asking(t, nil, secretA, secretB).Ask(&who, "/", "id", noon))
	r, _ := NewEndpoint(NewGuard(), keys(t, secretB), keys(t, secretA)).Take(posted(who, puzzle, solve(puzzle, 8), back, noon))
	if got := asking(t, nil, secretB, secretA).Stands(cookies(token(t, r)), &who, false, noon); got != In {
		t.Errorf("stands %q", got)
	}
}

func TestGuard(t *testing.T) {
	ask, who := asking(t, nil, secretA), client()
	e := NewEndpoint(NewGuard(), ask.o.Keys)
	rate := 0
	for range 3 * guardBurst {
		r, outcome := e.Take(posted(who, "", "", "/", noon))
		if outcome == Rate {
			if rate++; r.Status != http.StatusTooManyRequests || r.Fields.Get("Retry-After") == "" {
				t.Fatalf("%d %q", r.Status, r.Fields)
			}
		}
	}
	if rate != 2*guardBurst {
		t.Errorf("%d answers of %d were too many, want %d", rate, 3*guardBurst, 2*guardBurst)
	}
	if _, outcome := e.Take(posted(who, "", "", "/", noon.Add(guardEvery))); outcome != NoSlip {
		t.Errorf("a moment later: %q", outcome)
	}
	admitted := 0
	for i := range 100 { // of which few share the slot
		who.Address = netip.AddrFrom4([4]byte{10, byte(i), 0, 1})
		if _, outcome := e.Take(posted(who, "", "", "/", noon)); outcome != Rate {
			admitted++
		}
	}
	if admitted < 50 {
		t.Errorf("%d of 100 other networks may answer", admitted)
	}
}

func TestOptions(t *testing.T) {
	if _, err := NewKeys(); err == nil {
		t.Error("no key is taken")
	}
	if _, err := NewKeys(secretA, ""); err == nil || !strings.Contains(err.Error(), "key 2") {
		t.Errorf("an empty key: %v", err)
	}
	for name, change := range map[string]func(*Options){
		"no key":              func(o *Options) { o.Keys = nil },
		"no work":             func(o *Options) { o.Bits = 0 },
		"too much work":       func(o *Options) { o.Bits = 25 },
		"no time":             func(o *Options) { o.Within = 0 },
		"too much time":       func(o *Options) { o.Within = 24 * time.Hour },
		"patience in vain":    func(o *Options) { o.Wait = o.Within },
		"patience below zero": func(o *Options) { o.Wait = -1 },
	} {
		o := Options{Keys: keys(t, secretA), Bits: 16, Within: time.Minute, Wait: time.Second}
		if change(&o); true {
			if _, err := New(o); err == nil {
				t.Errorf("%s is taken", name)
			}
		}
	}
}

// TestLongAgent wants the length of a user agent to be bound even where its bytes no longer are.
func TestLongAgent(t *testing.T) {
	c, who := asking(t, nil, secretA), client()
	who.Agent = strings.Repeat("a", 2*longestAgent)
	given := earn(t, c, who, noon)
	who.Agent += "a"
	if got := c.Stands(cookies(given), &who, false, noon); got != Other {
		t.Errorf("stands %q", got)
	}
}

func BenchmarkStands(b *testing.B) {
	c, who := asking(b, nil, secretA), client()
	who.Agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
	fields := cookies(earn(b, c, who, noon))
	b.ReportAllocs()
	for b.Loop() {
		if c.Stands(fields, &who, false, noon) != In {
			b.Fatal("refused")
		}
	}
}

func BenchmarkAsk(b *testing.B) {
	c, who := asking(b, nil, secretA), client()
	b.ReportAllocs()
	for b.Loop() {
		c.Ask(&who, "/cart?a=1", "id", noon)
	}
}

func BenchmarkTake(b *testing.B) {
	c, who := asking(b, nil, secretA), client()
	e := NewEndpoint(NewGuard(), c.o.Keys)
	puzzle, back := puzzleOf(b, c.Ask(&who, "/", "id", noon))
	a := posted(who, puzzle, solve(puzzle, 8), back, noon)
	b.ReportAllocs()
	for b.Loop() {
		a.Now = a.Now.Add(time.Microsecond)
		e.Take(a)
	}
}

// TestAllocations wants a token to cost no allocation.
func TestAllocations(t *testing.T) {
	c, who := asking(t, nil, secretA), client()
	fields := cookies(earn(t, c, who, noon))
	if n := testing.AllocsPerRun(100, func() { c.Stands(fields, &who, false, noon) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestGuardAfterTheClockWasSetBack lets clients in after that, and no more of them than otherwise.
func TestGuardAfterTheClockWasSetBack(t *testing.T) {
	g, client, now := NewGuard(), netip.MustParseAddr("192.0.2.1"), time.Unix(1_700_000_000, 0)
	for _, at := range []time.Time{now, now.Add(-time.Hour)} {
		for i := range guardBurst {
			if !g.admits(client, at) {
				t.Fatalf("%s: answer %d is refused", at, i)
			}
		}
		if g.admits(client, at) {
			t.Errorf("%s: more than %d are let in at once", at, guardBurst)
		}
	}
}
