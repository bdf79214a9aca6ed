package soak

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
)

// patience is how long anything that has to happen may take.
const patience = time.Minute

// soaking says that this is "make soak": it takes its time, and a quiet machine is promised to it.
// Otherwise nothing is asserted that the speed of the machine decides.
func soaking() bool { return os.Getenv("WAFER_TEST_SOAK") != "" }

func TestMain(m *testing.M) { os.Exit(tier.Main(m)) }

// segments gives a socket segments of the size that networks have. Those of loopback are as large as 64 KiB, and
// the kernel lets a sender fill a buffer of twenty: some hundred slow readers took all memory that it has for
// TCP, and then it resets connections anywhere on the machine.
func segments(_, _ string, c syscall.RawConn) (err error) {
	if e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1460) }); e != nil {
		return e
	}
	return err
}

// pause waits for a tick, or reports false at the end.
func pause(end <-chan struct{}, tick <-chan time.Time) bool {
	select {
	case <-end:
		return false
	case <-tick:
		return true
	}
}

// conn is one connection to the tier. Nothing on it blocks for longer than patience.
type conn struct {
	net.Conn
	br *bufio.Reader
}

func dial(addr string) (*conn, error) {
	d := net.Dialer{Timeout: patience, Control: segments}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReader(c)}, nil
}

// send writes raw bytes and renews the deadline.
func (c *conn) send(raw string) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := io.WriteString(c.Conn, raw)
	return err
}

// vanish ends the connection as a client does that crashed: with a reset.
func (c *conn) vanish() {
	_ = c.Conn.(*net.TCPConn).SetLinger(0) // fails if it is closed already
	_ = c.Close()
}

// answer is a response. broken is how its body ended, if not where the framing said.
type answer struct {
	*http.Response
	body   []byte
	broken error
}

// answer reads the next response.
func (c *conn) answer(method string) (answer, error) {
	resp, err := http.ReadResponse(c.br, &http.Request{Method: method})
	if err != nil {
		return answer{}, fmt.Errorf("read response: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, body, err}, nil
}

// page is nil if a is a page of the tier's own for this request. If id is empty, any id will do.
func (a answer) page(id string) error {
	var p struct {
		Title     string `json:"title"`
		Status    int    `json:"status"`
		RequestID string `json:"request_id"`
	}
	if a.broken != nil {
		return a.broken
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		return fmt.Errorf("status %d: not a page of the tier: %w: %.200q", a.StatusCode, err, a.body)
	}
	if id == "" {
		id = p.RequestID
	}
	if p.Title == "" || p.Status != a.StatusCode || p.RequestID == "" || p.RequestID != id || a.Header.Get("X-Request-Id") != id {
		return fmt.Errorf("status %d: the page is not that of request %q: %s %v", a.StatusCode, id, a.body, a.Header)
	}
	return nil
}

// request spells a request; a body of known length follows if it is not empty. The nonce
// is the request's id too, since tests come from a trusted address.
func request(method, host, target, nonce, body string, fields ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: soak\r\nAccept: */*\r\nX-Request-Id: %s\r\nX-Nonce: %[4]s\r\n", method, target, host, nonce)
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	return b.String() + "\r\n" + body
}

// sizes are what a process must not let grow.
type sizes struct{ goroutines, files, heap int }

var heapInUse = regexp.MustCompile(`(?m)^# HeapInuse = (\d+)$`)

// measure collects garbage twice, which empties pools, and measures.
func measure(t *testing.T, w *tier.Tier) sizes {
	t.Helper()
	w.Get("/debug/pprof/heap?gc=1")
	_, profile := w.Get("/debug/pprof/heap?debug=1&gc=1")
	m := heapInUse.FindStringSubmatch(profile)
	if m == nil {
		t.Fatal("no HeapInuse in the heap profile")
	}
	heap, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.PID()))
	if err != nil {
		t.Fatal(err)
	}
	return sizes{int(w.Metric("go_goroutines")), len(files), heap}
}

// memory reads a size in bytes from /proc/PID/status.
func memory(t *testing.T, pid int, key string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			var kib int64
			if _, err := fmt.Sscan(value, &kib); err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no %s in /proc/%d/status", key, pid)
	return 0
}

// sum adds up all series of a metric whose labels contain each of parts.
func sum(w *tier.Tier, metric string, parts ...string) int {
	_, text := w.Get("/metrics")
	total := 0.0
	for line := range strings.Lines(text) {
		labels, ok := strings.CutPrefix(line, metric)
		if !ok || labels[0] != '{' && labels[0] != ' ' {
			continue
		}
		labels, value, _ := strings.Cut(labels, " ")
		if slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(labels, p) }) {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err == nil {
			total += v
		}
	}
	return int(total)
}

// percentile sorts d.
func percentile(d []time.Duration, p float64) time.Duration {
	slices.Sort(d)
	return d[min(len(d)-1, int(float64(len(d))*p))]
}

// ended reports whether err says that the other side closed or reset the connection.
func ended(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) && !op.Timeout()
}
