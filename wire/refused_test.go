package wire

import (
	"net"
	"strings"
	"testing"
)

// A request that never became one is told by what has come of its first line, if that can be nothing else.
func TestRefusedStart(t *testing.T) {
	f := func(sent, reason, method, target string) {
		t.Helper()
		for _, size := range []int{1, 3, 4096} {
			check := func(t *testing.T, c *Conn) {
				_, _ = readUntil(c)
				m, u := c.Refused()
				if v := c.Violation(); v == nil || v.Reason != reason || m != method || u != target {
					t.Errorf("%q in pieces of %d: %v, %q %q", sent, size, v, m, u)
				}
			}
			if !strings.HasSuffix(reason, "_timeout") {
				check(t, accepted(timed(), &script{pieces: cut([]byte(sent), size)}))
				continue
			}
			slow(t, timed(), func(t *testing.T, c *Conn, client net.Conn) {
				go func() {
					for _, piece := range cut([]byte(sent), size) {
						_, _ = client.Write(piece)
					}
				}()
				check(t, c)
			})
		}
	}
	f("GET /a?b=c HTTP/1.1\r\nHos", "head_timeout", "GET", "/a?b=c")
	f(plain+"GET /a HTTP/1.1\r\nHos", "head_timeout", "GET", "/a")
	f("GET /a?b", "head_timeout", "GET", "/a?b")
	f("GET /a?b", "truncated", "GET", "/a?b")
	f("GET", "head_timeout", "GET", "")
	f("\r\nGET /a", "head_timeout", "GET", "/a")
	f("GET user:passwo", "head_timeout", "GET", "")
	f("GET http://user:passwo", "head_timeout", "GET", "")
	f("GE(T /a HTTP/1.1\r\n", "method", "", "/a")
	f("&password=12345POST /a HTTP/1.1\r\n", "method", "", "/a")
	f(strings.Repeat("A", maxMethod+1)+" /a HTTP/1.1\r\n", "method_size", "", "/a")
	f("pass=word /a b\r\n", "method", "", "")
	f("pass=word /a HTTP/1.1", "head_timeout", "", "")
	f("TRACE /a HTTP/1.1\r\n", "method_refused", "TRACE", "/a")
	f("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhel", "body_timeout", "POST", "/a")
	f("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nX", "chunk_size", "POST", "/a")
	f("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nhGET /b", "truncated", "GET", "/b")
	f("GET user@h HTTP/1.1\r\n", "target_form", "GET", "user@h")
}
