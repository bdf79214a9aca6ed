package crs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/importer/suite"
	"github.com/wafer-waf/wafer/test/tier"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Fewer requests of the suite than this would mean that the conversion is broken, not that the suite has changed.
const leastConverted = 4000

// TestHTTP2 sends what of the suite both versions of HTTP can say in both, and wants the same of both: the
// same rules, the same verdict, the same status.
func TestHTTP2(t *testing.T) {
	files, err := suite.Load()
	if err != nil {
		t.Fatal(err)
	}
	var all []converted
	for _, f := range files {
		for i := range f.Tests {
			for j := range f.Tests[i].Stages {
				raw, err := f.Tests[i].Stages[j].Input.Bytes()
				if err != nil {
					continue
				}
				if c, ok := convert(raw); ok {
					c.name = fmt.Sprintf("%s/%d", f.Tests[i].Name, j)
					all = append(all, c)
				}
			}
		}
	}
	if len(all) < leastConverted {
		t.Errorf("%d requests could be converted, want %d", len(all), leastConverted)
	}
	if testing.Short() {
		some := all[:0]
		for i := 0; i < len(all); i += 7 {
			some = append(some, all[i])
		}
		all = some
	}
	t.Logf("%d requests over both", len(all))
	r := &run{backend: startBackend(t), slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
	r.tier = tier.Plain(t, routeFile(t, r.backend.addr), "--timeout-body", "5s")
	const batch = 200
	matched := 0
	for from := 0; from < len(all); from += batch {
		matched += r.compare(t, all[from:min(from+batch, len(all))])
	}
	if t.Logf("%d rules have matched", matched); matched < len(all) {
		t.Errorf("%d rules have matched over HTTP/2: the suite's requests are attacks", matched)
	}
}

// compare sends some requests both ways, and returns how many rules have matched over HTTP/2.
func (r *run) compare(t *testing.T, some []converted) (matched int) {
	t.Helper()
	sent := make([][2]*exchange, len(some))
	var next atomic.Int32
	var workers sync.WaitGroup
	for range cap(r.slots) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(some); i = int(next.Add(1)) - 1 {
				sent[i][0] = send(r.tier.Addr, r.client(), some[i].http1())
				sent[i][1] = some[i].send(r.tier.Addr, r.client())
			}
		})
	}
	workers.Wait()
	var all []*exchange
	for _, both := range sent {
		all = append(all, both[0], both[1])
	}
	collect(r.tier, all)
	for i := range some {
		one, two := sent[i][0], sent[i][1]
		if one.err == nil && one.refused() && errors.Is(two.err, errReset) {
			continue // a malformed request
		}
		if one.err != nil || two.err != nil {
			t.Errorf("%s: %v, %v", some[i].name, one.err, two.err)
			continue
		}
		was, is := one.ids(), two.ids()
		slices.Sort(was)
		slices.Sort(is)
		matched += len(is)
		if !slices.Equal(was, is) || one.status != two.status || one.access["verdict"] != two.access["verdict"] || one.access["coverage"] != two.access["coverage"] {
			t.Errorf("%s: HTTP/1: %d %v %v, HTTP/2: %d %v %v", some[i].name, one.status, one.access["verdict"], was, two.status, two.access["verdict"], is)
		}
	}
	return matched
}

// converted is a request that both versions can say.
type converted struct {
	name, method, target, host string
	fields                     [][2]string
	body                       []byte
}

// convert makes one of the bytes of a request, if it says nothing that only HTTP/1 can.
func convert(raw []byte) (c converted, ok bool) {
	head, body, ok := strings.Cut(string(raw), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	words := strings.Split(lines[0], " ")
	if !ok || len(words) != 3 || words[2] != "HTTP/1.1" || !strings.HasPrefix(words[1], "/") || len(body) > 60_000 {
		return c, false
	}
	c = converted{method: words[0], target: words[1], body: []byte(body)}
	hosts, length := 0, -1
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !ok || name == "" {
			return c, false
		}
		switch strings.ToLower(name) {
		case "host":
			hosts++
			c.host = value
		case "content-length":
			n, err := strconv.Atoi(value)
			if err != nil || length >= 0 {
				return c, false
			}
			length = n
			c.fields = append(c.fields, [2]string{name, value})
		case "connection":
			if !strings.EqualFold(value, "close") && !strings.EqualFold(value, "keep-alive") {
				return c, false
			}
		case "transfer-encoding", "te", "upgrade", "keep-alive", "proxy-connection", "expect":
			return c, false
		default:
			c.fields = append(c.fields, [2]string{name, value})
		}
	}
	return c, hosts == 1 && max(length, 0) == len(body)
}

func (c *converted) http1() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", c.method, c.target, c.host)
	for _, f := range c.fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f[0], f[1])
	}
	b.WriteString("\r\n")
	b.Write(c.body)
	return b.Bytes()
}

// errReset says that the stream of a request was reset.
var errReset = errors.New("stream reset")

// send sends it over HTTP/2.
func (c *converted) send(addr, client string) *exchange {
	x := &exchange{client: client}
	x.err = c.sendAs(x, addr)
	return x
}

func (c *converted) sendAs(x *exchange, addr string) error {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(x.client)}, Timeout: patience}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var out, block bytes.Buffer
	out.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&out, conn)
	f.AllowIllegalWrites = true
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	e := hpack.NewEncoder(&block)
	pseudo := [][2]string{{":method", c.method}, {":scheme", "http"}, {":authority", c.host}, {":path", c.target}}
	for _, field := range append(pseudo, c.fields...) {
		_ = e.WriteField(hpack.HeaderField{Name: strings.ToLower(field[0]), Value: field[1]}) // to memory
	}
	_ = f.WriteSettings()
	writeHead(f, block.Bytes(), len(c.body) == 0)
	for b := c.body; len(b) > 0; {
		n := min(len(b), 16<<10)
		_ = f.WriteData(1, n == len(b), b[:n])
		b = b[n:]
	}
	if _, err := conn.Write(out.Bytes()); err != nil {
		return err
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return err
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			x.status, _ = strconv.Atoi(frame.PseudoValue("status"))
			for _, field := range frame.RegularFields() {
				if field.Name == "x-request-id" {
					x.id = field.Value
				}
			}
			if frame.StreamEnded() {
				return nil
			}
		case *http2.DataFrame:
			if frame.StreamEnded() {
				return nil
			}
		case *http2.RSTStreamFrame:
			return errReset
		case *http2.GoAwayFrame:
			return io.ErrUnexpectedEOF
		}
	}
}

// writeHead writes a head in as many frames as it needs.
func writeHead(f *http2.Framer, block []byte, ends bool) {
	n := min(len(block), 16<<10)
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:n], EndHeaders: n == len(block), EndStream: ends})
	for block = block[n:]; len(block) > 0; block = block[n:] {
		n = min(len(block), 16<<10)
		_ = f.WriteContinuation(1, n == len(block), block[:n])
	}
}
