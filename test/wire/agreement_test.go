package wire

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
	"github.com/wafer-waf/wafer/waf/reading"
)

// Agreement: for whatever is forwarded, the sender's intent, the rules' view and two
// parsers at the backend must be of one opinion. The rules tell what they saw through
// events: digests, so that nothing is cut or masked.

var (
	watchedFields = []string{"X-A", "x-b", "Cookie", "Accept", "Content-Type", "Connection", "X_C", "Authorization"}
	watchedArgs   = []string{"a", "b", "c"}
)

// Rule ids: what each reports.
const (
	idMethod = 100000 + iota
	idTarget
	idBody
	idFieldCount
	idArgCount
	idProtocol
	idFields = 100100
	idGet    = 100200
	idPost   = 100300
)

// witnesses are rules that report what the engine sees.
func witnesses() string {
	var b strings.Builder
	rule := func(id int, target, transform string) {
		fmt.Fprintf(&b, "          SecRule %s \"@unconditionalMatch\" \"id:%d,phase:2,pass,log,%smsg:'seen'\"\n", target, id, transform)
	}
	// joined reports all values of a collection's key, in order.
	joined := func(id int, target string) {
		fmt.Fprintf(&b, "          SecRule %s \"@unconditionalMatch\" \"id:%d,phase:2,pass,nolog,setvar:'tx.w%d=%%{tx.w%d}|%%{MATCHED_VAR}'\"\n", target, id+50000, id, id)
		rule(id, fmt.Sprintf("TX:w%d", id), "t:sha1,t:base64Encode,")
	}
	b.WriteString("          SecMarker \"WITNESSES\"\n") // ends what skipped the rest of the phase before
	rule(idMethod, "REQUEST_METHOD", "t:sha1,t:base64Encode,")
	rule(idTarget, "REQUEST_URI_RAW", "t:sha1,t:base64Encode,")
	rule(idBody, "REQUEST_BODY", "t:sha1,t:base64Encode,")
	rule(idProtocol, "REQUEST_PROTOCOL", "")
	rule(idFieldCount, "&REQUEST_HEADERS", "")
	rule(idArgCount, "&ARGS", "")
	for i, name := range watchedFields {
		joined(idFields+i, "REQUEST_HEADERS:"+name)
	}
	for i, name := range watchedArgs {
		joined(idGet+i, "ARGS_GET:"+name)
		joined(idPost+i, "ARGS_POST:"+name)
	}
	// Nobody else needs to speak: it takes a second off each hundred requests.
	for phase := 1; phase <= 5; phase++ {
		fmt.Fprintf(&b, "          SecAction \"id:%d,phase:%d,pass,nolog,skipAfter:WITNESSES\"\n", 150900+phase, phase)
	}
	return b.String()
}

func digest(s string) string {
	sum := sha1.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:]) // in hexadecimal, some would be masked as card numbers
}

// intent is a request as its sender means it, and its spelling.
type intent struct {
	raw            string
	valid          bool // nothing about it is odd: it has to be forwarded
	method, target string
	fields         []field
	body           string
}

// generate makes a request. Of most of them one detail is odd.
func generate(r *rand.Rand, n int) intent {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	in := intent{valid: true, method: pick("GET", "GET", "POST", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "get")}
	odd := func(s ...string) string {
		in.valid = false
		return pick(s...)
	}
	piece := func() string {
		return pick("a", "b", "Z9", "%41", "%2e", "-._~", "!$'()*,;:@", "%e4%b8%ad", "x=y", "|\"<>", "^`{}")
	}
	path := ""
	for range 1 + r.IntN(3) {
		path += "/s" + piece()
	}
	if r.IntN(12) == 0 {
		path += odd("/../x", "//x", "/%2f", "/%252e", "%00", "%zz", "/%2e%2e;/", "\\x", "#f", "\x80", " x", "/..", "%", "\t")
	}
	pairs := func() string {
		var list []string
		for range r.IntN(5) {
			list = append(list, pick("a", "b", "c", "%61")+pick("=", "=", "")+pick("", "1", "%41+b", "x%26y", "%zz", "c%3dd", "é", "a=b"))
		}
		return strings.Join(list, "&")
	}
	in.target = path
	if r.IntN(3) > 0 {
		q := strings.ReplaceAll(pairs(), "é", "%c3%a9")
		in.target += "?" + q
	}
	sent := in.target
	if r.IntN(20) == 0 {
		sent = "http://agree.test" + in.target
	}

	in.fields = []field{{"Host", "agree.test"}, {"X-Case", strconv.Itoa(n)}}
	for range r.IntN(6) {
		name := pick(watchedFields...)
		if (name == "Content-Type" || name == "Authorization") && slices.ContainsFunc(in.fields, func(f field) bool { return f.name == name }) {
			continue
		}
		value := pick("", "v", "a, b", "\"q\\\"uo\"; x", "\xff\xe9", "a\tb", "x=1; y=2; x=3", "close-by", "1")
		if name == "Content-Type" {
			value = pick("text/plain", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8", "Application/X-WWW-Form-Urlencoded")
		}
		if name == "Connection" {
			value = pick("X-A", "x-b, foo", "keep-alive", "Cookie")
		}
		in.fields = append(in.fields, field{name, value})
	}
	spelled := slices.Clone(in.fields)
	if r.IntN(2) == 0 {
		r.Shuffle(len(spelled), func(i, j int) { spelled[i], spelled[j] = spelled[j], spelled[i] })
		in.fields = spelled
	}

	version := "HTTP/1.1"
	if r.IntN(20) == 0 {
		version = odd("HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", "HTTP/1")
	}
	var b strings.Builder
	b.WriteString(in.method + pick(" ", " ", " ", " ", " ", " ", " ", " ", " ", " ", " ", "  ") + sent + " " + version + "\r\n")
	if strings.Contains(b.String(), "  ") {
		in.valid = false
	}
	for _, f := range spelled {
		end, colon := "\r\n", ":"+pick("", " ", " ", "\t", "  ")
		if r.IntN(60) == 0 {
			end = odd("\n", "\r", "\r\n folded\r\n", "\r\r\n", "\x00\r\n")
		}
		if r.IntN(80) == 0 {
			colon = odd(" : ", "\t:", "", ";")
		}
		b.WriteString(f.name + colon + f.value + end)
	}
	if r.IntN(25) == 0 {
		b.WriteString(odd("Host: evil.test\r\n", "Content-Length: 3\r\nContent-Length: 4\r\n", "Transfer-Encoding: identity\r\n",
			"X Y: z\r\n", ": z\r\n", "Transfer-Encoding : chunked\r\n", "Content-Length: +1\r\n", " Host: x\r\n"))
	}

	switch in.body = strings.ReplaceAll(pairs(), "é", "\xc3\xa9"); {
	case r.IntN(2) == 0 || in.body == "":
		in.body = ""
		b.WriteString("\r\n")
	case r.IntN(2) == 0:
		n := strconv.Itoa(len(in.body))
		if r.IntN(15) == 0 {
			n = odd("0"+n, n+" ", "+"+n, n+","+n, "0x"+n, n+"\r\nTransfer-Encoding: chunked", "-"+n, strconv.Itoa(len(in.body)+1))
		}
		b.WriteString("Content-Length: " + n + "\r\n\r\n" + in.body)
	default:
		coding := "chunked"
		if r.IntN(15) == 0 {
			coding = odd("Chunked", "chunked, chunked", "xchunked", "gzip, chunked", "\"chunked\"", "chunked\x0b", "\r\n chunked")
		}
		b.WriteString("Transfer-Encoding: " + coding + "\r\n\r\n")
		for rest := in.body; rest != ""; {
			n := 1 + r.IntN(len(rest))
			size, end := strconv.FormatInt(int64(n), 16), "\r\n"
			if r.IntN(25) == 0 {
				size = odd("0"+size, size+";x=y", size+" ", "0x"+size, size+"\n", size+";\x01", "+"+size, size+"0")
			}
			if r.IntN(25) == 0 {
				end = odd("\n", "", "X\r\n", "\r", "\r\n\r\n")
			}
			b.WriteString(size + "\r\n" + rest[:n] + end)
			rest = rest[n:]
		}
		b.WriteString(pick("0\r\n\r\n", "0\r\n\r\n", "0\r\n\r\n", "0\r\n\r\n", "0\r\nX-T: 1\r\n\r\n", odd2(&in, r, "0\r\nHost: x\r\n\r\n", "0\r\n", "0\n\r\n", "0\r\n\n", "")))
	}
	in.raw = b.String()
	return in
}

// odd2 returns one of several ends of a body, of which the caller picks one at times. The
// request may then be refused or not.
func odd2(in *intent, r *rand.Rand, s ...string) string {
	if r.IntN(6) > 0 {
		return "0\r\n\r\n"
	}
	in.valid = false
	return s[r.IntN(len(s))]
}

// court runs a tier whose rules are witnesses, in front of a backend that echoes.
type court struct {
	w    *tier.Tier
	back *backend
}

func newCourt(t testing.TB) *court {
	t.Helper()
	back := newBackend(t, func(c *peer, m message) bool {
		_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(m.raw), m.raw)
		return err == nil
	})
	return &court{back: back, w: tier.Start(t, tier.RouteFile(t, fmt.Sprintf(`
routes:
  - { id: a, policy: witness, upstreams: [{ id: b }] }
upstreams:
  - { id: b, endpoints: ["%s"] }
policies:
  - id: witness
    mode: detect
    rules_before:
      - inline: |
%s`, back.url(), witnesses())))}
}

// try sends bytes and judges what comes out of them. It returns how many requests
// were forwarded. in is nil if there is no intent but the bytes.
func (c *court) try(t testing.TB, raw string, in *intent) int {
	t.Helper()
	forwarded := 0
	for _, r := range exchange(t, c.w.Addr, raw, len(raw)) {
		if r.status != 200 {
			if r.status < 400 || !strings.Contains(r.body, r.id) && !strings.HasPrefix(raw, "HEAD ") {
				t.Errorf("%q was answered %s%q", raw, r.head, r.body)
			}
			continue
		}
		forwarded++
		if r.body != "" { // not HEAD
			c.compare(t, raw, r, in)
		}
	}
	if in != nil && forwarded > 1 {
		t.Errorf("%q became %d requests", raw, forwarded)
	}
	return forwarded
}

// compare takes the opinions on a forwarded request, which the answer echoes.
func (c *court) compare(t testing.TB, raw string, r reply, in *intent) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("sent      %q\nforwarded %q\n%s", raw, r.body, fmt.Sprintf(format, args...))
	}
	// Two parsers.
	p := parser{br: bufio.NewReader(strings.NewReader(r.body))}
	strict := p.next()
	if strict.err != nil || strict.raw != r.body {
		fail("the strict parser says %v", strict.err)
		return
	}
	br := bufio.NewReader(strings.NewReader(r.body))
	std, err := http.ReadRequest(br)
	if err != nil {
		var escape *url.Error
		if !errors.As(err, &escape) {
			fail("net/http says %v", err)
		}
		return
	}
	body, err := io.ReadAll(std.Body)
	if err != nil || br.Buffered() > 0 {
		fail("net/http says of the body %v, %d bytes behind it", err, br.Buffered())
	}
	if std.Method != strict.method || std.RequestURI != strict.target || string(body) != strict.body || std.Host != strict.get("Host")[0] {
		fail("net/http and the strict parser disagree: %+v %q %+v", std, body, strict)
	}
	for name, values := range std.Header {
		if got := strict.get(name); !slices.Equal(got, values) {
			fail("field %s: %q and %q", name, got, values)
		}
	}
	if in != nil {
		c.compareIntent(strict, in, fail)
	}
	c.compareEngine(t, r.id, strict, std, in, fail)
}

// compareIntent compares with what the sender meant, but for the documented edits.
func (c *court) compareIntent(got message, in *intent, fail func(string, ...any)) {
	if got.method != in.method || got.target != in.target || got.body != in.body {
		fail("meant %s %s with body %q", in.method, in.target, in.body)
	}
	drop := []string{"connection"}
	for _, f := range in.fields {
		if f.name == "Connection" && f.value != "Cookie" {
			for name := range strings.SplitSeq(f.value, ",") {
				drop = append(drop, strings.ToLower(strings.Trim(name, " ")))
			}
		}
	}
	want := []field{{"Host", "agree.test"}}
	for _, f := range in.fields {
		if f.name != "Host" && !strings.Contains(f.name, "_") && !slices.Contains(drop, strings.ToLower(f.name)) {
			want = append(want, f)
		}
	}
	tail := []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id", "Content-Length"}
	if n := len(want); len(got.fields) < n || !slices.Equal(got.fields[:n], want) {
		fail("meant fields %q", want)
	} else {
		for i, f := range got.fields[n:] {
			if i >= len(tail) || f.name != tail[i] {
				fail("field %q behind those that were meant", f.name)
			}
		}
	}
}

// compareEngine compares with what the rules saw.
func (c *court) compareEngine(t testing.TB, id string, got message, std *http.Request, in *intent, fail func(string, ...any)) {
	t.Helper()
	saw := map[int]string{}
	rules, _ := c.w.Security(id)["rules"].([]any)
	for _, r := range rules {
		m, _ := r.(map[string]any)
		n, _ := m["id"].(float64)
		saw[int(n)], _ = m["value"].(string)
	}
	f := func(what string, rule int, want string) {
		t.Helper()
		if saw[rule] != want {
			fail("the rules saw another %s than %q: %q in %v", what, want, saw[rule], saw)
		}
	}
	f("method", idMethod, digest(got.method))
	f("target", idTarget, digest(got.target))
	if got.body != "" {
		f("body", idBody, digest(got.body))
	} else if saw[idBody] != "" && saw[idBody] != digest("") {
		fail("the rules saw a body")
	}
	values := func(rule int, list []string) string {
		// A variable that is not set yet stands for its own name.
		start := "tx.w" + strconv.Itoa(rule) + "|"
		if len(list) == 0 {
			return ""
		}
		return digest(start + strings.Join(list, "|"))
	}
	for i, name := range watchedFields {
		var list []string
		if in != nil { // what was sent, before the edits
			for _, sent := range in.fields {
				if strings.EqualFold(sent.name, name) {
					list = append(list, sent.value)
				}
			}
		} else if list = got.get(name); len(list) == 0 {
			continue // it may have been dropped
		}
		f("field "+name, idFields+i, values(idFields+i, list))
	}
	// Of arguments the rules see what is read of the bytes that were forwarded, and the standard library's
	// reading is a part of that: a name that comes twice has a third value, for who joins them.
	var v reading.Values
	v.Head(&reading.Request{Method: got.method, Target: got.target, Protocol: "HTTP/1.1"})
	v.Body("URLENCODED", "", []byte(got.body), true)
	arguments := func(what string, first int, kind reading.Kind, meant url.Values) {
		t.Helper()
		for i, name := range watchedArgs {
			var shown []string
			for _, x := range v.Of(kind) {
				if strings.EqualFold(x.Key, name) {
					shown = append(shown, x.Text)
				}
			}
			f(what+name, first+i, values(first+i, shown))
			for _, value := range meant[name] {
				if !slices.Contains(shown, value) {
					fail("%s%s %q is not among %q", what, name, value, shown)
				}
			}
		}
	}
	query, args := url.ParseQuery(std.URL.RawQuery)
	if args == nil && !strings.Contains(std.URL.RawQuery, ";") {
		arguments("argument ", idGet, reading.ArgsGet, query)
	}
	if strings.HasPrefix(strings.Join(got.get("Content-Type"), ""), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(got.body); err == nil && !strings.Contains(got.body, ";") {
			arguments("form value ", idPost, reading.ArgsPost, form)
		}
	}
}

func TestAgreement(t *testing.T) {
	t.Parallel()
	const requests, workers = 2000, 24 // most of the time they wait for an event
	c := newCourt(t)
	r := rand.New(rand.NewPCG(7, 11))
	cases := make([]intent, requests)
	for i := range cases {
		cases[i] = generate(r, i)
	}
	c.tryAll(t, requests, workers, requests*5/6, func(i int) (*intent, int) {
		in := &cases[i]
		return in, c.try(t, in.raw, in)
	})
}

// tryAll tries requests, side by side: try returns what was meant by one, and how often it was forwarded. At most
// so many of them may be valid, or the test has lost its point.
func (c *court) tryAll(t *testing.T, requests, workers, most int, try func(i int) (in *intent, forwarded int)) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	total, valid := 0, 0
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < requests; i += workers {
				in, n := try(i)
				if in.valid && n != 1 {
					t.Errorf("refused though nothing is wrong with it: %q", in.raw)
				}
				mu.Lock()
				total += n
				if in.valid {
					valid++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if seen := c.back.count(); seen != total {
		t.Errorf("%d requests were forwarded, and the backend saw %d", total, seen)
	}
	if valid < requests/3 || valid > most {
		t.Errorf("%d of %d requests are valid: the test has lost its point", valid, requests)
	}
	t.Logf("%d requests, %d of them without fault, %d forwarded", requests, valid, total)
}

// outside is a fuzz test whose tier is asked from inside the fuzz target, where its Helper
// may not be called.
type outside struct{ testing.TB }

// Helper does nothing.
func (outside) Helper() {}

// FuzzAgreement lets the fuzzer look for bytes about which the tier, its rules and two
// parsers behind it have different opinions.
func FuzzAgreement(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		in := generate(r, i)
		f.Add([]byte(in.raw))
	}
	f.Add([]byte("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"))
	c := newCourt(outside{f})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) == 0 || len(raw) > 16<<10 || bytes.HasPrefix(raw, []byte("HEAD")) {
			return
		}
		before := c.back.count()
		forwarded := c.try(t, string(raw), nil)
		if seen := c.back.count() - before; seen != forwarded {
			t.Errorf("%q: %d answers, and the backend saw %d requests", raw, forwarded, seen)
		}
		c.w.Forget()
	})
}
