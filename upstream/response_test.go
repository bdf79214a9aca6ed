package upstream

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wafer-waf/wafer/message"
)

// TestResponse sends raw responses. After each one a second request tells whether the
// connection was kept, and that nothing of the first response leaks into the second.
func TestResponse(t *testing.T) {
	const (
		keep = true
		drop = false
	)
	filler := func(n int) string { // a field of n bytes with its CRLF
		return "X-Fill: " + strings.Repeat("f", n-len("X-Fill: \r\n")) + "\r\n"
	}
	const small = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	const chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

	run := func(method, name, raw string, fin bool, status int, body string, wantErr error, kept bool) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			b := startBackend(t, func(s *session) {
				for i := 0; s.head() != ""; i++ {
					if s.n == 1 && i == 0 {
						s.send(raw)
						if fin {
							return
						}
						continue
					}
					if s.n == 1 {
						s.answer("same")
					} else {
						s.answer("other")
					}
				}
			})
			p := newPool(t, nil, b.url())
			st, got, err := do(p, newRequest(method, "/", "Host: test.example"), newExchange())
			if wantErr != nil {
				if !errors.Is(err, wantErr) {
					t.Fatalf("%d %q %v, want error %v", st, got, err, wantErr)
				}
			} else if err != nil || st != status || got != body {
				t.Fatalf("%d %q %v, want %d %q", st, got, err, status, body)
			}
			if n := b.requests.Load(); n != 1 {
				t.Errorf("sent %d times", n)
			}
			if kept {
				want(t, p, "same")
			} else {
				want(t, p, "other")
			}
		})
	}
	good := func(name, raw string, status int, body string, kept bool) {
		t.Helper()
		run("GET", name, raw, false, status, body, nil, kept)
	}
	// bad leaves the connection open: the response must be refused for what it says, not
	// because it ends.
	bad := func(name, raw string) {
		t.Helper()
		run("GET", name, raw, false, 0, "", ErrMalformed, drop)
	}
	ended := func(name, raw string, err error) {
		t.Helper()
		run("GET", name, raw, true, 0, "", err, drop)
	}
	field := func(f string) string { return "HTTP/1.1 200 OK\r\n" + f + "\r\nContent-Length: 2\r\n\r\nok" }

	// Heads.
	good("length", small, 200, "ok", keep)
	good("length zero", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", keep)
	good("length with leading zeros", "HTTP/1.1 200 OK\r\nContent-Length: 0002\r\n\r\nok", 200, "ok", keep)
	good("status 999", "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n", 999, "", keep)
	good("no reason", "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", 404, "", keep)
	good("no space after status", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, "", keep)
	good("obs-text", field("X-Text: caf\xe9\tx"), 200, "ok", keep)
	good("empty value", field("X-Empty:"), 200, "ok", keep)
	good("connection close", field("Connection: Close"), 200, "ok", drop)
	good("connection close in a list", field("Connection: foo, close"), 200, "ok", drop)
	good("connection close in a second field", field("Connection: foo\r\nconnection: close"), 200, "ok", drop)
	good("1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", drop)
	good("1.0 kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200, "ok", keep)
	bad("version 0.9", "HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok")
	bad("version 1.2", "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok")
	bad("version 2.0", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
	bad("version 1.10", "HTTP/1.10 200 OK\r\nContent-Length: 2\r\n\r\nok")
	bad("version lower case", "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	bad("status 99", "HTTP/1.1 99 Low\r\nContent-Length: 2\r\n\r\nok")
	bad("status 099", "HTTP/1.1 099 Low\r\nContent-Length: 2\r\n\r\nok")
	bad("status 1000", "HTTP/1.1 1000 High\r\nContent-Length: 2\r\n\r\nok")
	bad("status of letters", "HTTP/1.1 2xx OK\r\nContent-Length: 2\r\n\r\nok")
	bad("status negative", "HTTP/1.1 -20 OK\r\nContent-Length: 2\r\n\r\nok")
	bad("two spaces before status", "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok")
	bad("no status", "HTTP/1.1\r\nContent-Length: 2\r\n\r\nok")
	bad("NUL in reason", "HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nok")
	bad("leading empty line", "\r\n"+small)
	bad("LF behind much", "HTTP/1.1 200 OK\r\n"+filler(bufferBytes)+"Content-Length: 2\n\r\nok")
	bad("garbage", "SSH-2.0-OpenSSH_9.9\r\n")
	bad("short garbage", "no")
	bad("space before colon", field("X-Space : 1"))
	bad("space in name", field("X Space: 1"))
	bad("length with space before colon", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok")
	bad("empty name", field(": 1"))
	bad("no colon", field("X-Colon"))
	bad("folded field", field("X-Fold: a\r\n b"))
	bad("folded first field", "HTTP/1.1 200 OK\r\n X: 1\r\nContent-Length: 2\r\n\r\nok")
	bad("bare LF after field", "HTTP/1.1 200 OK\r\nX: 1\nContent-Length: 2\r\n\r\nok")
	bad("bare LF after status line", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok")
	bad("bare LF, the first line", "HTTP/1.1 200 OK\n")
	bad("bare LF, no end", "HTTP/1.1 200 OK\r\nX: 1\n")
	bad("bare LF everywhere", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
	bad("bare LF blank line", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok\r\n\r\n")
	bad("bare CR in value", field("X-CR: a\rb"))
	bad("CR CR LF", field("X-CR: a\r"))
	bad("NUL in value", field("X-NUL: a\x00b"))
	bad("DEL in value", field("X-DEL: a\x7fb"))
	bad("escape in value", field("X-ESC: \x1b[2J"))
	bad("repeated type", field("Content-Type: text/html\r\ncontent-type: text/plain"))
	bad("repeated encoding", field("Content-Encoding: gzip\r\nContent-Encoding: br"))
	good("small buffer's head", "HTTP/1.1 200 OK\r\n"+filler(20<<10)+"Content-Length: 2\r\n\r\nok", 200, "ok", keep)
	tail := "Content-Length: 2\r\n\r\n"
	room := maxHeadBytes - len("HTTP/1.1 200 OK\r\n"+tail)
	good("largest head", "HTTP/1.1 200 OK\r\n"+filler(room)+tail+"ok", 200, "ok", keep)
	bad("head too large", "HTTP/1.1 200 OK\r\n"+filler(room+1)+tail+"ok")
	bad("head without end", "HTTP/1.1 200 OK\r\n"+strings.Repeat(filler(1000), 100))
	ended("head cut", "HTTP/1.1 200 OK\r\nContent-Le", ErrClosed)

	// Framing.
	bad("length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	bad("chunked and length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	bad("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")
	bad("two equal lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")
	for _, v := range []string{"2, 2", "+2", "-2", "0x2", "2.0", "", "2 2", "1_0", "9223372036854775808", "two"} {
		bad("length "+v, "HTTP/1.1 200 OK\r\nContent-Length: "+v+"\r\n\r\nok")
	}
	bad("two codings", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	for _, v := range []string{"gzip, chunked", "identity", "xchunked", "chunked;q=1", "chunked, chunked", ""} {
		bad("coding "+v, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+v+"\r\n\r\n0\r\n\r\n")
	}
	bad("chunked in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	good("bytes behind the body", small+"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON", 200, "ok", drop)
	good("one byte behind the body", small+"\n", 200, "ok", drop)
	ended("body cut", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", io.ErrUnexpectedEOF)
	run("GET", "until close", "HTTP/1.1 200 OK\r\n\r\nall of it", true, 200, "all of it", nil, drop)
	run("GET", "until close, 1.0", "HTTP/1.0 200 OK\r\n\r\nall of it", true, 200, "all of it", nil, drop)
	run("GET", "until close, with upgrade field", "HTTP/1.1 200 OK\r\nConnection: upgrade\r\n\r\nit", true, 200, "it", nil, drop)

	// Answers without a body.
	good("204", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", keep)
	good("304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", keep)
	good("204 with body", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", 204, "", drop)
	good("304 with body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok", 304, "", drop)
	good("204 with answer behind", "HTTP/1.1 204 No Content\r\n\r\n"+small, 204, "", drop)
	run("HEAD", "head", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false, 200, "", nil, keep)
	run("HEAD", "head chunked", chunkedHead, false, 200, "", nil, keep)
	run("HEAD", "head without length", "HTTP/1.1 200 OK\r\n\r\n", false, 200, "", nil, keep)
	run("HEAD", "head with body", small, false, 200, "", nil, drop)

	// Chunked bodies.
	good("chunks", chunkedHead+"2\r\nok\r\nA\r\n0123456789\r\n0\r\n\r\n", 200, "ok0123456789", keep)
	good("coding in capitals", "HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n", 200, "", keep)
	good("chunk extensions", chunkedHead+"2;a=b;c=\"d\"\r\nok\r\n0;last\r\n\r\n", 200, "ok", keep)
	good("trailers", chunkedHead+"2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n", 200, "ok", keep)
	good("bytes behind chunks", chunkedHead+"2\r\nok\r\n0\r\n\r\nX", 200, "ok", drop)
	good("largest chunk line", chunkedHead+"2;"+strings.Repeat("e", maxChunkLineBytes-2)+"\r\nok\r\n0\r\n\r\n", 200, "ok", keep)
	bad("chunk line too long", chunkedHead+"2;"+strings.Repeat("e", maxChunkLineBytes-1)+"\r\nok\r\n0\r\n\r\n")
	bad("chunk line endless", chunkedHead+"2;"+strings.Repeat("e", 40<<10))
	bad("control character in extension", chunkedHead+"2;a=\x01\r\nok\r\n0\r\n\r\n")
	bad("bare CR in extension", chunkedHead+"2;a=\rb\r\nok\r\n0\r\n\r\n")
	for _, size := range []string{"", " 2", "2 ", "2\t", "+2", "-2", "0x2", "2h", "1000000000000000", ";a"} {
		bad("chunk size "+size, chunkedHead+size+"\r\nok\r\n0\r\n\r\n")
	}
	bad("chunk size with bare LF", chunkedHead+"2\nok\r\n0\r\n\r\n")
	bad("chunk longer than its size", chunkedHead+"2\r\nokX\r\n0\r\n\r\n")
	bad("bad byte for terminator", chunkedHead+"5\r\nhelloX0\r\n\r\n")
	bad("bare LF for terminator", chunkedHead+"5\r\nhello\n0\r\n\r\n")
	bad("no terminator", chunkedHead+"5\r\nhello0\r\n\r\n")
	bad("last chunk with bare LF", chunkedHead+"0\r\n\n")
	bad("trailer with bare LF", chunkedHead+"0\r\nX: 1\n\r\n")
	bad("trailer with space in name", chunkedHead+"0\r\nX Y: 1\r\n\r\n")
	bad("folded trailer", chunkedHead+"0\r\nX: 1\r\n y\r\n\r\n")
	bad("trailers too large", chunkedHead+"0\r\n"+strings.Repeat(filler(1000), 20))
	for name, raw := range map[string]string{
		"before a chunk":     "",
		"in a size":          "2",
		"after a size":       "2\r\n",
		"in a chunk":         "5\r\nhel",
		"after a chunk":      "2\r\nok",
		"after a terminator": "2\r\nok\r\n",
		"after zero":         "2\r\nok\r\n0\r\n",
		"in a trailer":       "2\r\nok\r\n0\r\nX: 1\r\n",
	} {
		ended("chunks cut "+name, chunkedHead+raw, io.ErrUnexpectedEOF)
	}

	// Interim answers.
	interim := "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	good("interim", interim+"HTTP/1.1 100 Continue\r\n\r\n"+small, 200, "ok", keep)
	good("most interim", strings.Repeat(interim, maxInterim)+small, 200, "ok", keep)
	bad("too many interim", strings.Repeat(interim, maxInterim+1)+small)
	bad("interim with a body", "HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\n"+small)
	bad("interim with chunks", "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n"+small)
	good("interim with length zero", "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"+small, 200, "ok", keep)
	bad("bad interim", "HTTP/1.1 103 Early Hints\r\nX Y: 1\r\n\r\n"+small)
	ended("interim only", interim, ErrClosed)
	bad("101 unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
}

// TestHeadVerbatim checks that fields arrive as sent and in their order.
func TestHeadVerbatim(t *testing.T) {
	b := startBackend(t, func(s *session) {
		for s.head() != "" {
			s.send("HTTP/1.1 200 Fine\r\nserver: mine\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nx-LOWER: v\r\nContent-Length: 0\r\n\r\n")
		}
	})
	p := newPool(t, nil, b.url())
	x := newExchange()
	if _, _, err := do(p, get(), x); err != nil {
		t.Fatal(err)
	}
	if x.Endpoint != b.addr() {
		t.Errorf("endpoint %q", x.Endpoint)
	}
	want := message.Fields{
		{Name: "server", Value: "mine"}, {Name: "Date", Value: "Thu, 01 Jan 1970 00:00:00 GMT"},
		{Name: "x-LOWER", Value: "v"}, {Name: "Content-Length", Value: "0"},
	}
	if !slices.Equal(x.Response.Fields, want) {
		t.Errorf("fields %q, want %q", x.Response.Fields, want)
	}
	if x.Response.Reason != "Fine" {
		t.Errorf("reason %q", x.Response.Reason)
	}
}

// TestLargeHeads reuses the buffers of large heads, with bodies that are partly in them.
func TestLargeHeads(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nX-Fill: " + strings.Repeat("f", 30<<10) + "\r\n"
	body := strings.Repeat("b", 100<<10)
	b := startBackend(t, func(s *session) {
		for s.head() != "" {
			s.send(head + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
		}
	})
	p := newPool(t, nil, b.url())
	for range 5 {
		if status, got, err := do(p, get(), newExchange()); status != 200 || got != body || err != nil {
			t.Fatal(status, len(got), err)
		}
	}
	if n := b.sessions.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestInterim(t *testing.T) {
	b := startBackend(t, func(s *session) {
		for s.head() != "" {
			s.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
			s.answer("done")
		}
	})
	p := newPool(t, nil, b.url())
	x := newExchange()
	var seen []string
	x.Interim = func(r *message.Response) {
		seen = append(seen, r.Reason+" "+r.Fields.Get("Link"))
	}
	if status, body, err := do(p, get(), x); status != 200 || body != "done" || err != nil {
		t.Fatal(status, body, err)
	}
	if got := strings.Join(seen, "|"); got != "Processing |Early Hints </a>" {
		t.Errorf("interim answers %q", got)
	}
	if x.Response.Fields.Get("Link") != "" {
		t.Error("field of an interim answer in the final one")
	}
}

// TestUpgrade checks the stream behind a 101 that was asked for, in both directions.
func TestUpgrade(t *testing.T) {
	b := startBackend(t, func(s *session) {
		s.head()
		s.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nfirst:")
		_, _ = io.CopyN(s.Conn, s.br, 4)
	})
	p := newPool(t, nil, b.url())
	x := newExchange()
	x.Upgrade = true
	if err := p.Do(newRequest("GET", "/", "Host: a", "Connection: Upgrade", "Upgrade: echo"), x); err != nil {
		t.Fatal(err)
	}
	rw := x.Body.(io.ReadWriteCloser)
	if _, err := io.WriteString(rw, "ping"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(rw)
	if string(got) != "first:ping" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if err := rw.Close(); err != nil {
		t.Error(err)
	}
}
