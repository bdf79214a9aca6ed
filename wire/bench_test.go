package wire

import (
	"bytes"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/socket"
)

// browserHead is what a browser sends.
var browserHead = []byte(strings.ReplaceAll(`GET /products/espresso-machines?sort=price&page=2&utm_source=newsletter HTTP/1.1
Host: shop.example.com
User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: de-DE,de;q=0.9,en;q=0.8
Cookie: session=0f8c1d2e3b4a59687766554433221100; consent=necessary,statistics; theme=dark
Referer: https://shop.example.com/products/espresso-machines?sort=price&page=1
Sec-Fetch-Dest: document
Sec-Fetch-Mode: navigate
Sec-Fetch-Site: same-origin
Upgrade-Insecure-Requests: 1
Connection: keep-alive

`, "\n", "\r\n"))

// loop is a socket on which the same bytes come for ever, most at once.
type loop struct {
	script
	bytes []byte
	at    int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.bytes[l.at:])
	l.at = (l.at + n) % len(l.bytes)
	return n, nil
}

func timed() Options {
	return Options{
		HeadTimeout: 10 * time.Second, Idle: time.Minute, BodyTimeout: 30 * time.Second, BodyRate: 240,
		Options: socket.Options{WriteTimeout: 30 * time.Second, WriteRate: 240},
	}
}

func BenchmarkHead(b *testing.B) {
	c := accepted(timed(), &loop{bytes: browserHead})
	p := make([]byte, 64<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(browserHead)))
	for b.Loop() {
		if n, err := c.Read(p); n != len(browserHead) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkHeadPipelined has requests go through the connection's own memory.
func BenchmarkHeadPipelined(b *testing.B) {
	c := accepted(timed(), &loop{bytes: bytes.Repeat(browserHead, 8)})
	p := make([]byte, 64<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(browserHead)))
	for b.Loop() {
		if n, err := c.Read(p); n != len(browserHead) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func benchmarkBody(b *testing.B, message []byte) {
	c := accepted(timed(), &loop{bytes: message})
	p := make([]byte, 64<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		for left := len(message); left > 0; {
			n, err := c.Read(p)
			if err != nil {
				b.Fatal(err)
			}
			left -= n
		}
	}
}

func BenchmarkChunked32K(b *testing.B) {
	chunk := "8000\r\n" + strings.Repeat("x", 32<<10) + "\r\n"
	benchmarkBody(b, []byte(chunkedHead+strings.Repeat(chunk, 32)+lastChunk))
}

func BenchmarkChunked100(b *testing.B) {
	chunk := "64\r\n" + strings.Repeat("x", 100) + "\r\n"
	benchmarkBody(b, []byte(chunkedHead+strings.Repeat(chunk, 1000)+lastChunk))
}

func BenchmarkFixed1M(b *testing.B) {
	benchmarkBody(b, []byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n"+strings.Repeat("x", 1<<20)))
}

func BenchmarkWrite(b *testing.B) {
	c := accepted(timed(), &script{})
	p := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(p); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	f := func(name string, message string, reads int) {
		t.Helper()
		c := accepted(timed(), &loop{bytes: []byte(message)})
		p := make([]byte, 64<<10)
		allocs := testing.AllocsPerRun(1000, func() {
			for range reads {
				if _, err := c.Read(p); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.Write(p[:100]); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
	f("browser", string(browserHead), 1)
	f("pipelined", strings.Repeat(string(browserHead), 8), 1)
	f("body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", 1)
	f("chunked", chunkedHead+"5\r\nhello\r\n0\r\nA: b\r\n\r\n", 1)
	f("absolute-form", "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 1)
}

// An idle connection holds no buffer: its cost is the Conn's.
func TestIdleMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const n = 10000
	p := make([]byte, 64<<10)
	conns := make([]*Conn, n)
	socks := make([]net.Conn, n)
	for i := range socks {
		// A request in pieces, so that memory was held, then nothing more.
		socks[i] = &script{pieces: cut(browserHead, 100, 500)}
	}
	l := Listen(&given{socks: socks}, timed())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range conns {
		conns[i] = take(l)
		total := 0
		for total < len(browserHead) {
			m, err := conns[i].Read(p)
			if err != nil {
				t.Fatal(err)
			}
			total += m
		}
	}
	runtime.GC()
	runtime.GC() // pools are emptied in two steps
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
	t.Logf("%d bytes for each idle connection", each)
	if each > 1024 {
		t.Errorf("%d bytes for each idle connection", each)
	}
	runtime.KeepAlive(conns)
}
