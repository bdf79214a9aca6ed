package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// patience is how long a test waits for something that has to happen.
const patience = time.Minute

// injection is an SQL injection that the default policy blocks, as a query value.
const injection = "1%27%20OR%20%271%27%3D%271%27%20--%20"

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// client is one connection to the tier.
type client struct {
	t testing.TB
	*net.TCPConn
	br *bufio.Reader
}

// dial opens a connection, from the address from or from 127.0.0.1.
func dial(t testing.TB, addr, from string) *client {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the test may have closed it
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{t, c.(*net.TCPConn), bufio.NewReader(c)}
}

// send writes bytes as they are.
func (c *client) send(raw string) *client {
	c.t.Helper()
	if _, err := io.WriteString(c, raw); err != nil {
		c.t.Fatal(err)
	}
	return c
}

// reply is a response, read as far as it goes.
type reply struct {
	status int
	head   string // raw
	header http.Header
	body   string
	cut    bool // it ends early, and shows it
	id     string
}

// errNoReply says that the connection ended before another response.
var errNoReply = errors.New("no response")

// readReply reads one response. What it read of the head is kept as it came.
func readReply(br *bufio.Reader, method string) (reply, error) {
	var head bytes.Buffer
	for !bytes.HasSuffix(head.Bytes(), []byte("\r\n\r\n")) {
		l, err := br.ReadBytes('\n')
		head.Write(l)
		if err != nil {
			if head.Len() == 0 && (err == io.EOF || errors.Is(err, net.ErrClosed)) {
				return reply{}, errNoReply
			}
			return reply{head: head.String()}, err
		}
	}
	// One reader for head and body, which reads no byte ahead of what follows them.
	whole := io.MultiReader(bytes.NewReader(head.Bytes()), br)
	resp, err := http.ReadResponse(bufio.NewReaderSize(oneByte{whole}, 16), &http.Request{Method: method})
	if err != nil {
		return reply{head: head.String()}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	r := reply{resp.StatusCode, head.String(), resp.Header, string(body), err != nil, resp.Header.Get("X-Request-Id")}
	return r, nil
}

// oneByte reads bytes one by one, so that a buffer above it never holds more than it was
// asked for.
type oneByte struct{ io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(len(p), 1)]) }

// reply reads a whole response.
func (c *client) reply(method string) reply {
	c.t.Helper()
	r, err := readReply(c.br, method)
	if err != nil {
		c.t.Fatalf("read response: %v after %q", err, r.head)
	}
	return r
}

// ended fails the test unless the tier closes the connection without another byte.
func (c *client) ended() {
	c.t.Helper()
	if b, err := io.ReadAll(c.br); err != nil || len(b) > 0 {
		c.t.Errorf("not a silent end: %v after %q", err, b)
	}
}

// ask sends a request on a connection of its own and reads the answer.
func ask(t testing.TB, addr, raw string) reply {
	t.Helper()
	c := dial(t, addr, "").send(raw)
	defer c.Close()
	method, _, _ := strings.Cut(raw, " ")
	return c.reply(method)
}

// exchange sends bytes on a connection of its own, at most step in one write, ends the
// sending side and reads all answers.
func exchange(t testing.TB, addr, raw string, step int) []reply {
	t.Helper()
	c := dial(t, addr, "")
	defer c.Close()
	for b := raw; b != ""; b = b[min(len(b), step):] {
		if _, err := io.WriteString(c, b[:min(len(b), step)]); err != nil {
			break // it was refused meanwhile
		}
	}
	_ = c.CloseWrite() // it may have been closed
	method, _, _ := strings.Cut(raw, " ")
	var replies []reply
	for {
		r, err := readReply(c.br, method)
		if errors.Is(err, errNoReply) || errors.Is(err, syscall.ECONNRESET) && r.head == "" && len(replies) > 0 {
			return replies // bytes that came after the tier had closed are answered with a reset
		}
		if err != nil {
			t.Errorf("response %d: %v after %q", len(replies)+1, err, r.head)
			return replies
		}
		replies = append(replies, r)
		if r.status >= 200 {
			method = "GET" // of the requests that follow
		}
	}
}

// wantStatus fails the test if the status is another.
func (r reply) wantStatus(t testing.TB, want int) reply {
	t.Helper()
	if r.status != want {
		t.Errorf("status %d, want %d\n%s%.500s", r.status, want, r.head, r.body)
	}
	return r
}

// wantEvent compares fields of an event. Numbers are float64, as JSON has them.
func wantEvent(t testing.TB, event, want map[string]any) {
	t.Helper()
	for k, v := range want {
		if event[k] != v {
			t.Errorf("event has %s=%v, want %v\n%v", k, event[k], v, event)
		}
	}
}
