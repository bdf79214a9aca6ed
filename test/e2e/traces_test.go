package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/wafer-waf/wafer/test/tier"
	"golang.org/x/sys/unix"
)

// faults is a tier in front of upstreams each of which fails in another way, and what it is like.
type faults struct {
	*tier.Tier
	sound    *echo
	proceed  chan struct{} // closed when what breaks off may
	arrived  chan struct{} // something is at the backend that waits for ever
	upstream map[string]string
}

// large is a body that goes out in pieces.
const large = 1 << 20

// newFaults starts them. No access event is written but of what fails.
func newFaults(t *testing.T, args ...string) *faults {
	t.Helper()
	f := &faults{sound: newEcho(t, nil), proceed: make(chan struct{}), arrived: make(chan struct{}, 10)}
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	// after reads a request's head, and says something.
	after := func(do func(c net.Conn)) string {
		return "http://" + listen(t, func(c net.Conn) {
			if _, err := c.Read(make([]byte, 4<<10)); err == nil {
				do(c)
			}
		})
	}
	says := func(text string) string {
		return after(func(c net.Conn) { _, _ = io.WriteString(c, text) }) // if it fails, the test does
	}
	dead := "http://" + closedPort(t)
	f.upstream = map[string]string{
		"refuses":  dead,
		"unnamed":  "http://no-such-name.invalid:80",
		"silent":   after(func(net.Conn) { <-end }),
		"closes":   says(""),
		"halfhead": says("HTTP/1.1 200 OK\r\nContent-"),
		"garbage":  says("SSH-2.0-OpenSSH_9.9\r\n\r\n"),
		"early":    says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
		"broken": after(func(c net.Conn) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", large, strings.Repeat("a", large/2))
			<-f.proceed
		}),
		"chunks": says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
		"endless": after(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for err := error(nil); err == nil; {
				_, err = fmt.Fprintf(c, "%x\r\n%s\r\n", 1<<16, strings.Repeat("a", 1<<16))
			}
		}),
		"waits": after(func(net.Conn) { f.arrived <- struct{}{}; <-end }),
		"begins": after(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			<-end
		}),
		"pauses": after(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			<-end
		}),
		"lasts": after(func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
			<-end
		}),
		"half": dead + `", "` + f.sound.url(),
		"once": "http://" + listen(t, func(c net.Conn) { // the second request on a connection ends it
			_, _ = c.Read(make([]byte, 4<<10))
			_, _ = io.WriteString(c, plainOK)
			_, _ = c.Read(make([]byte, 4<<10))
		}),
	}
	var routes, upstreams strings.Builder
	ofRoute := map[string]string{"pauses": ", timeouts: { idle: 1s }"}
	total := map[string]string{"lasts": ", total: 1s"}
	for id, endpoint := range f.upstream {
		fmt.Fprintf(&routes, "  - { id: %s, hosts: [%s.test], upstreams: [{ id: %s }]%s }\n", id, id, id, ofRoute[id])
		fmt.Fprintf(&upstreams, "  - { id: %s, endpoints: [\"%s\"], ejection: { base: 1h, max: 1h }, timeouts: { response: 2s%s } }\n", id, endpoint, total[id])
	}
	file := tier.RouteFile(t, "routes:\n"+routes.String()+"upstreams:\n"+upstreams.String()+off)
	f.Tier = tier.Start(t, file, append([]string{"--log-access", "off"}, args...)...)
	return f
}

const plainOK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// Whatever fails before the client has an answer is in an event, by the id on the page, and in a counter.
func TestFailuresLeaveATrace(t *testing.T) {
	t.Parallel()
	f := newFaults(t)
	for _, c := range []struct {
		upstream string
		status   int
		reason   string
	}{
		{"refuses", 503, "connect"},
		{"unnamed", 503, "name"},
		{"silent", 504, "timeout"},
		{"closes", 502, "closed"},
		{"halfhead", 502, "closed"},
		{"garbage", 502, "malformed"},
		{"early", 502, "closed"},
	} {
		r := get(t, f.Tier, c.upstream+".test", "/").wantStatus(t, c.status)
		wantEvent(t, f.Access(r.id), map[string]any{"error": c.reason, "status": float64(c.status), "upstream": c.upstream})
		series := fmt.Sprintf(`wafer_upstream_errors_total{reason=%q,upstream=%q}`, c.reason, c.upstream)
		if n := f.Metric(series); n != 1 {
			t.Errorf("%s: %v, want 1", series, n)
		}
	}
	for upstream, reason := range map[string]string{"refuses": "connect", "unnamed": "name"} {
		l := f.Log(func(l map[string]any) bool {
			return l["message"] == "endpoint cannot be reached" && l["upstream"] == upstream
		})
		if l["reason"] != reason || l["endpoint"] != strings.TrimPrefix(f.upstream[upstream], "http://") {
			t.Errorf("the log says of %s: %v", upstream, l)
		}
	}
	get(t, f.Tier, "nobody.test", "/").wantStatus(t, 404)
	wantEvent(t, f.Event(func(e map[string]any) bool { return e["host"] == "nobody.test" }), map[string]any{"error": "no_route"})
}

// What breaks off behind its head is seen by the client alone, unless it is told.
func TestBrokenResponsesLeaveATrace(t *testing.T) {
	t.Parallel()
	f := newFaults(t)
	for upstream, word := range map[string]string{
		"broken": "response_body", "chunks": "response_body", "pauses": "idle_timeout", "lasts": "total_timeout",
	} {
		c := dial(t, f.Addr, "").send(request("GET", upstream+".test", "/"))
		resp := c.head("GET")
		if upstream == "broken" {
			close(f.proceed)
		}
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: a response that was cut looks whole", upstream)
		}
		_ = resp.Body.Close()
		wantEvent(t, f.Access(resp.Header.Get("X-Request-Id")), map[string]any{"error": word, "status": 200.0, "verdict": "pass"})
		series := fmt.Sprintf(`wafer_upstream_errors_total{reason=%q,upstream=%q}`, word, upstream)
		if n := f.Metric(series); n != 1 {
			t.Errorf("%s: %v, want 1", series, n)
		}
	}
	c := dial(t, f.Addr, "").send(request("GET", "endless.test", "/"))
	resp := c.head("GET")
	_ = c.Close() // first: closing a body reads it to its end, which this one does not have
	_ = resp.Body.Close()
	tier.Eventually(t, "the client that left to be counted", func() bool {
		return f.Metric(`wafer_responses_untaken_total{route="endless"}`) == 1
	})
}

// What a second attempt covers up is counted by what the first one met.
func TestRetriesLeaveATrace(t *testing.T) {
	t.Parallel()
	f := newFaults(t)
	for range 60 {
		get(t, f.Tier, "half.test", "/").wantStatus(t, 200)
	}
	if n := f.Metric(`wafer_upstream_retries_total{reason="connect",upstream="half"}`); n != 5 {
		t.Errorf("%v attempts at the dead endpoint, want 5, which eject it", n)
	}
	l := f.Log(func(l map[string]any) bool {
		return l["message"] == "endpoint cannot be reached" && l["upstream"] == "half"
	})
	if dead, _, _ := strings.Cut(f.upstream["half"], `"`); "http://"+l["endpoint"].(string) != dead {
		t.Errorf("the log blames %v", l["endpoint"])
	}
	get(t, f.Tier, "once.test", "/").wantStatus(t, 200)
	get(t, f.Tier, "once.test", "/").wantStatus(t, 200)
	if n := f.Metric(`wafer_upstream_retries_total{reason="closed",upstream="once"}`); n != 1 {
		t.Errorf("%v attempts on a connection that ended, want 1", n)
	}
	if e := f.Events(func(map[string]any) bool { return true }); len(e) > 0 {
		t.Errorf("events of requests that did not fail: %v", e)
	}
}

// A process without descriptors does not blame its upstreams, and what it cannot accept is counted.
func TestExhaustionIsNotTheUpstreams(t *testing.T) {
	t.Parallel()
	f := newFaults(t)
	c := dial(t, f.Addr, "")
	c.send(request("GET", "nobody.test", "/")).reply("GET") // it is accepted
	var before unix.Rlimit
	if err := unix.Prlimit(f.PID(), unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Fatal(err)
	}
	const accepting = "wafer_accept_failures_total"
	f.Metric(accepting) // on a connection that stays
	none := unix.Rlimit{Cur: 3, Max: before.Max}
	if err := unix.Prlimit(f.PID(), unix.RLIMIT_NOFILE, &none, nil); err != nil {
		t.Fatal(err)
	}
	r := c.send(request("GET", "half.test", "/")).reply("GET").wantStatus(t, 503)
	late := dial(t, f.Addr, "").send(request("GET", "nobody.test", "/")) // waits in the kernel
	tier.Eventually(t, "a connection that cannot be accepted", func() bool { return f.Metric(accepting) > 0 })
	if err := unix.Prlimit(f.PID(), unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	wantEvent(t, f.Access(r.id), map[string]any{"error": "resources", "status": 503.0})
	late.reply("GET").wantStatus(t, 404)
	if n := f.Metric(`wafer_upstream_errors_total{reason="resources",upstream="half"}`); n != 1 {
		t.Errorf("%v failures for want of descriptors, want 1", n)
	}
}

// What is cut at the end of the grace says so: requests nobody has answered, and answers on their way.
func TestRequestsCutAtShutdownLeaveATrace(t *testing.T) {
	t.Parallel()
	f := newFaults(t, "--drain-delay", "0s", "--shutdown-grace", "100ms")
	dial(t, f.Addr, "").send(request("GET", "waits.test", "/waits"))
	tier.Receive(t, "the request that waits", f.arrived)
	dial(t, f.Addr, "").send(request("GET", "begins.test", "/begins")).head("GET")
	old := dial(t, f.Addr, "").send("GET /old HTTP/1.0\r\nHost: begins.test\r\n\r\n")
	old.head("GET")
	f.Signal(syscall.SIGTERM)
	if code := f.Wait(); code != 1 {
		t.Errorf("exit code %d, want 1: requests were cut", code)
	}
	if _, err := io.ReadAll(old.br); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a response that ends with its connection looks whole: %v", err)
	}
	for path, status := range map[string]float64{"/waits": 0, "/begins": http.StatusOK, "/old": http.StatusOK} {
		e := f.Event(func(e map[string]any) bool { return e["path"] == path })
		wantEvent(t, e, map[string]any{"error": "shutdown", "status": status})
	}
	f.Log(func(l map[string]any) bool { return l["message"] == "cut at shutdown" && l["silent"] == 0.0 })
	if n := len(f.Events(func(e map[string]any) bool { return e["error"] != "shutdown" })); n > 0 {
		t.Errorf("%d events about something else", n)
	}
}
