package proxy

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/wafer-waf/wafer/audit"
	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/listen/http1"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/metrics"
	"github.com/wafer-waf/wafer/record"
	"github.com/wafer-waf/wafer/snapshot"
	"github.com/wafer-waf/wafer/waf"
	"github.com/wafer-waf/wafer/wire"
)

// benchHead is what a browser sends.
const benchHead = "GET /women/boots?color=brown&page=3&sort=price_asc HTTP/1.1\r\n" +
	"Host: shop.example.com\r\n" +
	"Connection: keep-alive\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"143\", \"Not A(Brand\";v=\"24\"\r\n" +
	"sec-ch-ua-mobile: ?0\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Sec-Fetch-Site: same-origin\r\n" +
	"Sec-Fetch-Mode: navigate\r\n" +
	"Sec-Fetch-User: ?1\r\n" +
	"Sec-Fetch-Dest: document\r\n" +
	"Referer: http://shop.example.com/women/shoes\r\n" +
	"Accept-Encoding: gzip, deflate, br\r\n" +
	"Accept-Language: en-US,en;q=0.9\r\n" +
	"Cookie: session_id=4f9d1c2ab7e84d0c9a6e5b3f2d1c0a98; theme=light; visitor=GA1.2.1408163543.1718000000\r\n\r\n"

const benchResponse = "HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n" +
	"Content-Type: text/html; charset=utf-8\r\nContent-Length: 1024\r\n\r\n"

var (
	benchBody = strings.Repeat("x", 1024)
	benchOK   = []byte("HTTP/1.1 200")
)

// benchRecords are records of which nothing wants an ordinary request.
const benchRecords = `records:
  - id: default
    when:
      verdicts: [block, would_block, refused]
      score_from: 5
      statuses: [5xx]
      clients: [10.0.0.0/8]
      headers: [{ name: X-Debug, exact: "1" }]
`

// benchAccess is an access policy of which nothing meets an ordinary request.
const benchAccess = `access:
  - id: default
    rules:
      - { id: office, when: { addresses: [10.0.0.0/8, "2001:db8::/32"] }, then: always_allow }
      - { id: admin, when: { paths: [{ prefix: /admin }], not: { addresses: [10.0.0.0/8] } }, then: deny }
      - { id: scrapers, when: { user_agents: ["(?i)scrapy", "(?i)httrack"] }, then: deny }
      - { id: debug, when: { headers: [{ name: X-Debug, present: true }] }, then: deny, mode: observe }
`

// benchRoutes is a configuration of that many routes, which share the policies evenly, and more.
func benchRoutes(b testing.TB, mode, backend string, routes, policies int, more ...string) *config.Routes {
	b.Helper()
	var text strings.Builder
	text.WriteString("routes:\n")
	for i := range routes {
		hosts := ""
		if routes > 1 {
			hosts = fmt.Sprintf("hosts: [service-%d.example.com], ", i)
		}
		fmt.Fprintf(&text, "  - { id: route-%d, %spolicy: policy-%d, upstreams: [{ id: backend }] }\n", i, hosts, i%policies)
	}
	fmt.Fprintf(&text, "upstreams: [{ id: backend, endpoints: [\"http://%s\"] }]\npolicies:\n", backend)
	for i := range policies {
		fmt.Fprintf(&text, "  - id: policy-%d\n    mode: %q\n", i, mode)
		fmt.Fprintf(&text, "    exclusions: [{ rule: 942100, target: \"ARGS:field-%d\", reason: to differ }]\n", i)
	}
	text.WriteString(strings.Join(more, ""))
	c, err := config.ParseRoutes("bench", []byte(text.String()), nil)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// benchProxy serves on a port of the loopback interface until the benchmark ends.
func benchProxy(b testing.TB, c *config.Routes) (p *Proxy, addr string) {
	b.Helper()
	return benchTelling(b, c, audit.New(io.Discard, audit.Options{}))
}

// benchTelling is benchProxy with events that go somewhere.
func benchTelling(b testing.TB, c *config.Routes, events *audit.Log) (p *Proxy, addr string) {
	b.Helper()
	boot := config.DefaultBoot()
	boot.DrainDelay = 0
	p, err := New(Options{
		Boot: boot, Source: config.FixedSource(c), Log: zerolog.Nop(),
		Events: events, Registry: prometheus.NewRegistry(),
		Recorder: record.New(record.Options{Account: record.NewAccount(1 << 20), Out: func([]byte) {}}),
	})
	if err != nil {
		b.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(ln) }()
	b.Cleanup(func() {
		if err := p.Shutdown(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
		if err := <-served; err != nil {
			b.Error(err)
		}
	})
	return p, ln.Addr().String()
}

// benchBackend answers every request with the same bytes, once its end has come, and
// allocates nothing while it does.
func benchBackend(b testing.TB, end string) (addr string) {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ln.Close() })
	requestEnd, response := []byte(end), []byte(benchResponse+benchBody)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 16<<10)
				for n := 0; ; {
					m, err := c.Read(buf[n:])
					if err != nil {
						return
					}
					if n += m; !bytes.HasSuffix(buf[:n], requestEnd) {
						continue
					}
					n = 0
					if _, err := c.Write(response); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

// benchAsker is a client that has sent benchHead.
func benchAsker(b *testing.B) listen.Client {
	b.Helper()
	r, err := http1.Read([]byte(benchHead), netip.MustParseAddrPort("192.0.2.1:40000"), wire.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return &onlooker{request: r}
}

// BenchmarkReceive is everything between the listener and the rules: client, request id, route.
func BenchmarkReceive(b *testing.B) {
	p, _ := benchProxy(b, benchRoutes(b, "off", "127.0.0.1:1", 1, 1))
	s := p.snapshots.Current()
	defer s.Release()
	x := &exchange{proxy: p, client: benchAsker(b), snapshot: s}
	b.ReportAllocs()
	for b.Loop() {
		x.receive()
		if !x.find() {
			b.Fatal("no route")
		}
	}
}

// BenchmarkWriteHead builds the head of the forwarded request.
func BenchmarkWriteHead(b *testing.B) {
	p, _ := benchProxy(b, benchRoutes(b, "off", "127.0.0.1:1", 1, 1))
	s := p.snapshots.Current()
	defer s.Release()
	x := &exchange{proxy: p, client: benchAsker(b), snapshot: s}
	x.receive()
	if !x.find() {
		b.Fatal("no route")
	}
	b.ReportAllocs()
	for b.Loop() {
		x.writeHead()
		x.frame()
	}
}

// BenchmarkResponseHead edits the head that goes back.
func BenchmarkResponseHead(b *testing.B) {
	p, _ := benchProxy(b, benchRoutes(b, "off", "127.0.0.1:1", 1, 1))
	s := p.snapshots.Current()
	defer s.Release()
	x := newExchange()
	x.proxy, x.client, x.snapshot = p, benchAsker(b), s
	x.receive()
	if !x.find() {
		b.Fatal("no route")
	}
	x.up.Response = message.Response{Status: 200, Reason: "OK", Fields: message.Fields{
		{Name: "Server", Value: "backend"}, {Name: "Date", Value: "Thu, 01 Jan 2026 00:00:00 GMT"},
		{Name: "Content-Type", Value: "text/html; charset=utf-8"}, {Name: "Content-Length", Value: "1024"},
	}}
	b.ReportAllocs()
	for b.Loop() {
		x.editResponseHead()
		x.respond(message.Body{})
	}
}

// benchClient sends one request after another, and allocates nothing while it does.
type benchClient struct {
	net.Conn
	request, response []byte
	want              int // bytes of a response; the request id has always the same length
}

func newBenchClient(b testing.TB, addr, request string) *benchClient {
	b.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return &benchClient{c, []byte(request), make([]byte, 16<<10), -1}
}

func (c *benchClient) exchange(b testing.TB) {
	if _, err := c.Write(c.request); err != nil {
		b.Fatal(err)
	}
	n := 0
	for c.want < 0 && !strings.HasSuffix(string(c.response[:n]), "\r\n\r\n"+benchBody) || n < c.want {
		m, err := c.Read(c.response[n:])
		if err != nil {
			b.Fatal(err)
		}
		n += m
	}
	if c.want = n; !bytes.HasPrefix(c.response[:n], benchOK) {
		b.Fatalf("%s", c.response[:n])
	}
}

// BenchmarkExchange is one request over real connections: client, proxy and backend are in
// this process. Client and backend allocate nothing, so the allocations are the proxy's;
// of the time, the half of it is theirs.
func BenchmarkExchange(b *testing.B) {
	for _, mode := range []string{"off", "detect", "block"} {
		b.Run(mode, func(b *testing.B) {
			_, addr := benchProxy(b, benchRoutes(b, mode, benchBackend(b, "\r\n\r\n"), 1, 1))
			c := newBenchClient(b, addr, benchHead)
			b.ReportAllocs()
			for b.Loop() {
				c.exchange(b)
			}
		})
	}
}

// BenchmarkTold is the same by what is told of the request: nothing, an access event, that and a record of one in a
// hundred, or of each. It reports the CPU time of all that is in this process.
func BenchmarkTold(b *testing.B) {
	for _, way := range []struct{ name, access, records string }{
		{"nothing", "off", ""}, {"events", "all", ""}, {"records 1%", "all", "1%"}, {"records 100%", "all", "100%"},
	} {
		b.Run(way.name, func(b *testing.B) {
			c := benchRoutes(b, "block", benchBackend(b, "\r\n\r\n"), 1, 1, "records: [{ id: some, sample: "+cmp.Or(way.records, "1%")+", limits: { per_second: 0 } }]\n")
			if way.records != "" {
				c.Routes[0].Record = "some"
			}
			events := audit.New(io.Discard, audit.Options{})
			if way.access == "off" {
				events = audit.New(nil, audit.Options{})
			}
			_, addr := benchTelling(b, c, events)
			client := newBenchClient(b, addr, benchHead)
			b.ReportAllocs()
			var before, after syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			for b.Loop() {
				client.exchange(b)
			}
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
			cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
			b.ReportMetric(float64(cpu)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkBuild makes a snapshot of 1,000 routes and 5 policies in block mode, proofs
// included: at the start, and at a reload that changes no policy.
func BenchmarkBuild(b *testing.B) {
	c := benchRoutes(b, "block", "127.0.0.1:1", 1000, 5)
	build := func(b *testing.B, builder func() *snapshot.Builder[*route]) {
		m := metrics.New(prometheus.NewRegistry(), "bench", "", "")
		b.ReportAllocs()
		for b.Loop() {
			r := builder()
			s, err := r.Build(c, m)
			if err != nil {
				b.Fatal(err)
			}
			if d := s.Describe(); d.Routes != 1000 || d.Engines != 5 {
				b.Fatalf("%d routes, %d engines", d.Routes, d.Engines)
			}
			if err := r.Free(s); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("start", func(b *testing.B) {
		build(b, func() *snapshot.Builder[*route] { return newBuilder(waf.NewCompiler(), traffic{}) })
	})
	b.Run("reload", func(b *testing.B) {
		r := newBuilder(waf.NewCompiler(), traffic{})
		s, err := r.Build(c, metrics.New(prometheus.NewRegistry(), "bench", "", ""))
		if err != nil {
			b.Fatal(err)
		}
		build(b, func() *snapshot.Builder[*route] { return r })
		if err := r.Free(s); err != nil {
			b.Fatal(err)
		}
	})
}
