package soak

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// kind is a kind of client. once is one exchange, which fails on any outcome that is not
// spelled out there.
type kind struct {
	name    string
	clients int
	every   time.Duration
	once    func(*client) error
}

var kinds = []kind{
	{"get", 3, 30 * time.Millisecond, get},
	{"form", 2, 30 * time.Millisecond, form},
	{"json", 2, 30 * time.Millisecond, jsonBody},
	{"old", 1, 50 * time.Millisecond, old},
	{"attack", 2, 50 * time.Millisecond, attack},
	{"chunked upload", 2, 50 * time.Millisecond, chunkedUpload},
	{"large upload", 1, 100 * time.Millisecond, largeUpload},
	{"download", 2, 100 * time.Millisecond, download},
	{"events", 2, 100 * time.Millisecond, eventStream},
	{"socket", 2, 100 * time.Millisecond, socket},
	{"pipeline", 2, 50 * time.Millisecond, pipeline},
	{"expect", 1, 50 * time.Millisecond, expect},
	{"shaky", 3, 30 * time.Millisecond, shaky},
	{"liar", 2, 30 * time.Millisecond, lied},
	{"extra", 1, 50 * time.Millisecond, extra},
	{"dribble", 3, 50 * time.Millisecond, dribble},
	{"silent", 3, 50 * time.Millisecond, silent},
	{"vanish", 4, 50 * time.Millisecond, vanish},
}

// client is one client. It keeps its connection for as long as the tier does.
type client struct {
	*soak
	conn *conn
	end  <-chan struct{} // closed when the exchange at hand is the last one
}

// errOver ends a client that had nothing but waiting to do when the time was over.
var errOver = errors.New("the time is over")

// leave closes the connection at the end, until stop is called, which reports whether it has.
func (c *client) leave() (stop func() bool) {
	conn, answered, left := c.conn, make(chan struct{}), make(chan bool, 1)
	go func() {
		select {
		case <-c.end:
			_ = conn.Close()
			left <- true
		case <-answered:
			left <- false
		}
	}()
	return func() bool {
		close(answered)
		return <-left
	}
}

func (c *client) drop() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

func (c *client) dial() error {
	if c.conn != nil {
		return nil
	}
	var err error
	c.conn, err = dial(c.w.Addr)
	return err
}

// ask sends a request and reads the answer. Behind it, nothing may come.
func (c *client) ask(method, raw string) (answer, error) {
	if err := c.dial(); err != nil {
		return answer{}, err
	}
	if err := c.conn.send(raw); err != nil {
		return answer{}, fmt.Errorf("send: %w", err)
	}
	a, err := c.conn.answer(method)
	if err != nil {
		return a, err
	}
	if n := c.conn.br.Buffered(); n > 0 {
		return a, fmt.Errorf("%d bytes behind the answer", n)
	}
	if a.Close || a.broken != nil {
		c.drop()
	}
	return a, nil
}

// own is nil if the answer is a backend's to the request with that nonce.
func (a answer) own(status int, nonce, body string) error {
	if a.broken != nil {
		return fmt.Errorf("answer to %s: %w", nonce, a.broken)
	}
	if a.StatusCode != status || a.Header.Get("X-Nonce") != nonce || a.Header.Get("X-Request-Id") != nonce || string(a.body) != body {
		return fmt.Errorf("answer to %s: status %d, want %d; %v; body %.200q, want %.200q", nonce, a.StatusCode, status, a.Header, a.body, body)
	}
	return nil
}

// served200 asks for an echo, and only 200 with all that was sent will do.
func (c *client) served200(method, nonce, raw, body string) error {
	a, err := c.ask(method, raw)
	if err != nil {
		return err
	}
	return a.own(200, nonce, echoed(nonce, method, int64(len(body)), crc32.ChecksumIEEE([]byte(body))))
}

func get(c *client) error {
	n := c.nonce()
	return c.served200("GET", n, request("GET", "steady.test", "/shop/"+n+"?item="+n, n, ""), "")
}

func form(c *client) error {
	n := c.nonce()
	body := "name=" + n + "&text=" + strings.Repeat("lorem+ipsum+", rand.IntN(60))
	return c.served200("POST", n, request("POST", "steady.test", "/form", n, body, "Content-Type: application/x-www-form-urlencoded"), body)
}

func jsonBody(c *client) error {
	n := c.nonce()
	body := `{"name":"` + n + `","list":[1` + strings.Repeat(",2", rand.IntN(60)) + `]}`
	return c.served200("PUT", n, request("PUT", "steady.test", "/api", n, body, "Content-Type: application/json"), body)
}

// old speaks HTTP/1.0: one answer, then the end.
func old(c *client) error {
	n := c.nonce()
	a, err := c.ask("GET", strings.Replace(request("GET", "steady.test", "/old", n, ""), "HTTP/1.1", "HTTP/1.0", 1))
	if err != nil {
		return err
	}
	if c.conn != nil {
		return errors.New("an HTTP/1.0 answer that does not end the connection")
	}
	return a.own(200, n, echoed(n, "GET", 0, 0))
}

// injection is an SQL injection that the default policy blocks.
const injection = "1%27%20OR%20%271%27%3D%271%27%20--%20"

// attack gets 403, with the page of its own request.
func attack(c *client) error {
	n := c.nonce()
	raw := request("GET", "steady.test", "/?id="+injection, n, "")
	if rand.IntN(2) == 0 {
		raw = request("POST", "steady.test", "/", n, "id="+injection, "Content-Type: application/x-www-form-urlencoded")
	}
	a, err := c.ask("POST", raw)
	if err != nil {
		return err
	}
	if a.StatusCode != 403 {
		return fmt.Errorf("an attack got %d: %.200q", a.StatusCode, a.body)
	}
	return a.page(n)
}

// chunks spells a body in chunks of random sizes.
func chunks(body string) string {
	var b strings.Builder
	for body != "" {
		n := min(len(body), 1+rand.IntN(5000))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}

func upload(c *client, host string, size int) error {
	n := c.nonce()
	body := "text=" + n + strings.Repeat("+"+n, size/(len(n)+1))
	raw := request("POST", host, "/upload", n, "", "Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked")
	return c.served200("POST", n, raw+chunks(body), body)
}

// chunkedUpload is inspected whole.
func chunkedUpload(c *client) error { return upload(c, "steady.test", rand.IntN(8_000)) }

// largeUpload is inspected in part, and streamed.
func largeUpload(c *client) error { return upload(c, "big.test", 200_000+rand.IntN(400_000)) }

func download(c *client) error {
	n := c.nonce()
	const size = 1_000_000
	framing := []string{"length", "chunked"}[rand.IntN(2)]
	a, err := c.ask("GET", request("GET", "steady.test", fmt.Sprintf("/large?size=%d&framing=%s", size, framing), n, ""))
	if err != nil {
		return err
	}
	line := n + "\n"
	return a.own(200, n, strings.Repeat(line, (size+len(line)-1)/len(line)))
}

func eventStream(c *client) error {
	n := c.nonce()
	a, err := c.ask("GET", request("GET", "steady.test", "/events", n, ""))
	if err != nil {
		return err
	}
	var want strings.Builder
	for i := range eventCount {
		fmt.Fprintf(&want, "data: %s %d\n\n", n, i)
	}
	return a.own(200, n, want.String())
}

const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="

// socket opens a tunnel and gets back what it sends.
func socket(c *client) error {
	defer c.drop()
	n := c.nonce()
	if err := c.dial(); err != nil {
		return err
	}
	if err := c.conn.send(request("GET", "steady.test", "/socket", n, "", upgrade)); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.conn.br, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 101 || resp.Header.Get("X-Nonce") != n {
		return fmt.Errorf("handshake %s: status %d %v", n, resp.StatusCode, resp.Header)
	}
	for i := range 5 {
		line := fmt.Sprintf("%s %d %s\n", n, i, strings.Repeat("x", rand.IntN(20_000)))
		if err := c.conn.send(line); err != nil {
			return err
		}
		got := make([]byte, len(line))
		if _, err := io.ReadFull(c.conn.br, got); err != nil {
			return err
		}
		if !bytes.Equal(got, []byte(line)) {
			return fmt.Errorf("socket %s: got %.100q", n, got)
		}
	}
	return nil
}

// pipeline sends requests without waiting, one of them an attack: answers come in order.
func pipeline(c *client) error {
	const length = 6
	var nonces [length]string
	var raw strings.Builder
	bad := rand.IntN(length)
	for i := range nonces {
		nonces[i] = c.nonce()
		target := "/?item=" + nonces[i]
		if i == bad {
			target = "/?id=" + injection
		}
		raw.WriteString(request("GET", "steady.test", target, nonces[i], ""))
	}
	if err := c.dial(); err != nil {
		return err
	}
	if err := c.conn.send(raw.String()); err != nil {
		return err
	}
	for i, n := range nonces {
		a, err := c.conn.answer("GET")
		if err != nil {
			return fmt.Errorf("pipeline, answer %d: %w", i, err)
		}
		if i == bad {
			err = a.page(n)
			if a.StatusCode != 403 {
				err = fmt.Errorf("an attack got %d", a.StatusCode)
			}
		} else {
			err = a.own(200, n, echoed(n, "GET", 0, 0))
		}
		if err != nil {
			return fmt.Errorf("pipeline, answer %d: %w", i, err)
		}
		if a.Close {
			return fmt.Errorf("pipeline: closed after answer %d", i)
		}
	}
	return nil
}

// expect waits for 100 before it sends the body.
func expect(c *client) error {
	n := c.nonce()
	body := "text=" + n
	raw := request("POST", "steady.test", "/expect", n, body, "Content-Type: application/x-www-form-urlencoded", "Expect: 100-continue")
	head := strings.TrimSuffix(raw, body)
	a, err := c.ask("GET", head)
	if err != nil {
		return err
	}
	if a.StatusCode != 100 {
		return fmt.Errorf("expectation %s: status %d %.200q", n, a.StatusCode, a.body)
	}
	return c.served200("POST", n, body, body)
}

// shaky asks a backend that dies now and then. If it was up all the time, only the right
// answer will do; else also 502, 503 or 504 with the page of this request, or the right
// head with a body that visibly breaks off.
func shaky(c *client) error {
	n := c.nonce()
	before := c.shaky.epoch.Load()
	method, target, body := "GET", "/slow", ""
	var fields []string
	switch rand.IntN(3) {
	case 0:
		target = "/"
	case 1:
		method, target, body = "POST", "/", "name="+n
		fields = []string{"Content-Type: application/x-www-form-urlencoded"}
	}
	a, err := c.ask(method, request(method, "shaky.test", target, n, body, fields...))
	if err != nil {
		return err
	}
	want := echoed(n, method, int64(len(body)), crc32.ChecksumIEEE([]byte(body)))
	err = a.own(200, n, want)
	if err == nil {
		return nil
	}
	if after := c.shaky.epoch.Load(); before%2 == 0 && after == before {
		return fmt.Errorf("while the backend was up: %w", err)
	}
	switch {
	case a.StatusCode == 200 && a.broken != nil && a.Header.Get("X-Nonce") == n && strings.HasPrefix(want, string(a.body)):
		c.faulty("backend killed: body broken off")
		return nil
	case a.StatusCode >= 502 && a.StatusCode <= 504:
		c.faulty(fmt.Sprintf("backend killed: %d", a.StatusCode))
		return a.page(n)
	}
	return err
}

// lied asks a backend that gives answers no application should give.
func lied(c *client) error {
	n := c.nonce()
	which := rand.IntN(len(lies))
	var name string
	for name = range lies {
		if which--; which < 0 {
			break
		}
	}
	lie := lies[name]
	host := []string{"liar.test", "liar-read.test"}[rand.IntN(2)]
	a, err := c.ask("GET", request("GET", host, "/"+name, n, ""))
	read := host == "liar-read.test"
	switch {
	case err != nil && lie.broken && !read && ended(err):
		// The body broke off before the tier had sent anything: so does the connection.
		c.drop()
		c.faulty("backend lies: " + name + ", not even a head")
		return nil
	case err != nil:
	case lie.status == 502 || lie.broken && read:
		if a.StatusCode != 502 {
			err = fmt.Errorf("status %d: %.200q", a.StatusCode, a.body)
		} else {
			err = a.page(n)
		}
	case lie.broken && a.StatusCode == 502: // the tier had read it before it sent anything
		err = a.page(n)
	case lie.broken:
		if a.StatusCode != 200 || a.Header.Get("X-Nonce") != n || !strings.HasPrefix("ok", string(a.body)) || a.broken == nil {
			err = fmt.Errorf("status %d, broken off: %t, %v, %.200q", a.StatusCode, a.broken != nil, a.Header, a.body)
		}
	case lie.status == 204:
		err = a.own(204, n, "")
	default:
		err = a.own(200, n, "ok")
	}
	if err != nil {
		return fmt.Errorf("%s on %s: %w", name, host, err)
	}
	c.faulty("backend lies: " + name)
	return nil
}

// extra asks for a route that every second configuration has.
func extra(c *client) error {
	n := c.nonce()
	a, err := c.ask("GET", request("GET", "extra.test", "/", n, ""))
	if err != nil {
		return err
	}
	if a.StatusCode == 404 {
		c.faulty("reload: no such route now")
		return a.page(n)
	}
	return a.own(200, n, echoed(n, "GET", 0, 0))
}

// dribble is slow within the limits: it is served.
func dribble(c *client) error {
	n := c.nonce()
	body := "name=" + n + "&text=" + strings.Repeat("slowly", 50)
	raw := request("POST", "steady.test", "/slowly", n, body, "Content-Type: application/x-www-form-urlencoded")
	if err := c.dial(); err != nil {
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	part := len(raw)/10 + 1
	for len(raw) > part {
		if err := c.conn.send(raw[:part]); err != nil {
			return err
		}
		raw = raw[part:]
		<-tick.C
	}
	return c.served200("POST", n, raw, body)
}

// silent stops within a request and waits: the tier says 408 and hangs up.
func silent(c *client) error {
	defer c.drop()
	n := c.nonce()
	raw := request("POST", "steady.test", "/silent", n, "name="+n, "Content-Type: application/x-www-form-urlencoded")
	if rand.IntN(2) == 0 {
		raw = raw[:40]
	} else {
		raw = raw[:len(raw)-3]
	}
	if err := c.dial(); err != nil {
		return err
	}
	left := c.leave()
	a, err := c.ask("POST", raw)
	if left() && err != nil {
		return errOver
	}
	if err != nil {
		return err
	}
	if a.StatusCode != 408 {
		return fmt.Errorf("a silent client got %d: %.200q", a.StatusCode, a.body)
	}
	if c.conn != nil {
		return errors.New("the connection stays open after 408")
	}
	c.faulty("silent client: 408")
	return a.page("")
}

// vanish is gone in the middle of something. It gets nothing, and leaves nothing.
func vanish(c *client) error {
	n := c.nonce()
	const post = "Content-Type: application/x-www-form-urlencoded"
	whole := request("POST", "steady.test", "/", n, "name="+n, post)
	get := func(target string, fields ...string) string {
		return request("GET", "steady.test", target, n, "", fields...)
	}
	for _, v := range []struct {
		raw  string
		read int // bytes of the answer before it goes
	}{
		{raw: whole[:50]},
		{raw: whole[:len(whole)-5]},
		{raw: request("POST", "steady.test", "/", n, "", post, "Transfer-Encoding: chunked") + "10\r\nname="},
		{raw: request("POST", "big.test", "/", n, strings.Repeat("x", 100_000), post)[:60_000]},
		{raw: get("/large?size=3000000"), read: 4096},
		{raw: get("/large?size=3000000&framing=chunked")},
		{raw: get("/events"), read: 200},
		{raw: get("/slow")},
		{raw: get("/slow") + get("/") + get("/")},
		{raw: get("/socket", upgrade), read: 20},
		{raw: get("/socket", upgrade)},
		{raw: request("POST", "steady.test", "/", n, "", post, "Content-Length: 10", "Expect: 100-continue"), read: 20},
		{raw: request("POST", "shaky.test", "/slow", n, "name="+n, post)},
		{raw: request("GET", "liar.test", "/short", n, "")},
	} {
		if err := c.dial(); err != nil {
			return err
		}
		if err := c.conn.send(v.raw); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, c.conn, int64(v.read)); err != nil {
			return fmt.Errorf("%.40q: %w", v.raw, err)
		}
		if rand.IntN(2) == 0 {
			c.conn.vanish()
		}
		c.drop()
	}
	return nil
}
