package wire

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Agreement of HTTP/2 with HTTP/1: a request that comes in frames is forwarded as bytes that have one
// meaning, the meant one, which the rules saw; or it is refused.

// frames is a request of HTTP/2, as a list of fields, pseudo fields included, and a body.
type frames struct {
	fields []field
	body   string
}

// generate2 makes a request of HTTP/2. Of most of them one detail is odd.
func generate2(r *rand.Rand, n int) (frames, intent) {
	in := generate(r, n) // method, target, fields and body, of which some are odd for HTTP/1
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	odd := func(s ...string) string {
		in.valid = false
		return pick(s...)
	}
	in.valid = !strings.ContainsAny(in.target, " #\t\\\x00") && !strings.Contains(in.target, "\x80") && !strings.Contains(in.target, "..") && !strings.Contains(in.target, "%zz") &&
		!strings.Contains(in.target, "%00") && !strings.Contains(in.target, "//") && !strings.Contains(in.target, "%2f") &&
		!strings.Contains(in.target, "%252e") && !strings.Contains(in.target, "%2e%2e") && !strings.HasSuffix(strings.Split(in.target, "?")[0], "%")
	host := field{":authority", "agree.test"}
	f := frames{fields: []field{{":method", in.method}, {":scheme", "http"}, host, {":path", in.target}}, body: in.body}
	meant := []field{{"Host", "agree.test"}}
	var crumbs []string
	at := 0
	for _, x := range in.fields {
		name := strings.ToLower(x.name)
		switch name {
		case "host", "connection":
			continue
		case "cookie":
			if at == 0 {
				at = len(meant)
				meant = append(meant, field{name, ""})
			}
			if x.value != "" {
				crumbs = append(crumbs, x.value)
			}
		default:
			meant = append(meant, field{name, x.value})
		}
		f.fields = append(f.fields, field{name, x.value})
	}
	if at > 0 {
		meant[at].value = strings.Join(crumbs, "; ")
	}
	in.fields = meant
	if in.body != "" && r.IntN(2) == 0 {
		length := strconv.Itoa(len(in.body))
		if r.IntN(10) == 0 {
			length = odd("0"+length, "+"+length, length+", "+length, "-1", strconv.Itoa(len(in.body)+1), strconv.Itoa(len(in.body)-1), "")
		}
		f.fields = append(f.fields, field{"content-length", length})
	}
	if r.IntN(8) == 0 {
		f.fields = append(f.fields, [...]field{
			{"connection", "x-a"}, {"transfer-encoding", "chunked"}, {"host", "evil.test"}, {"host", "agree.test:80"}, {"x-a\r\nhost", "evil.test"},
			{"x-a", "b\r\nhost: evil.test"}, {"x-a", "b\nc"}, {"x-a", " b"}, {"x-a", "b\x00"}, {"X-A", "b"}, {"x a", "b"}, {"x-a:", "b"}, {"", "b"},
			{":path", "/evil"}, {":authority", "evil.test"}, {"te", "gzip"}, {"upgrade", "h2c"}, {"keep-alive", "1"}, {"expect", "x"},
			{"content-length", "1"}, {"host", "agree.test\tx"},
		}[r.IntN(21)])
		in.valid = false
	}
	if r.IntN(25) == 0 {
		switch r.IntN(4) {
		case 0:
			f.fields[0].value = odd("", "x\r\n", "GET /evil HTTP/1.1\r\nx: y", "CONNECT", "a b", "track")
		case 1:
			f.fields[1].value = odd("", "ftp", "http\r\n", "http://evil.test/")
		case 2:
			f.fields[2].value = odd("", "*", "agree.test\r\nx: y", "agree.test@evil.test", "http://evil.test/", "a b", "agree.test:123456")
		default:
			f.fields[3].value = odd("", "x", "http://evil.test/", "/ HTTP/1.1\r\nx: y", "/a b", "/#")
		}
	}
	var b strings.Builder
	for _, x := range f.fields {
		fmt.Fprintf(&b, "%s: %s\n", x.name, x.value)
	}
	in.raw = b.String() + "\n" + f.body
	return f, in
}

// ask sends a request in frames, and returns the response; none if the stream was reset.
func (c *court) ask(t testing.TB, f frames) (r reply, answered bool) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", c.w.Addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var out, block bytes.Buffer
	out.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&out, conn)
	framer.AllowIllegalWrites = true
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	e := hpack.NewEncoder(&block)
	for _, x := range f.fields {
		_ = e.WriteField(hpack.HeaderField{Name: x.name, Value: x.value}) // to memory, like the frames
	}
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: f.body == ""})
	if f.body != "" {
		_ = framer.WriteData(1, true, []byte(f.body))
	}
	if _, err := conn.Write(out.Bytes()); err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			if err != io.EOF {
				t.Errorf("%q: %v", f, err)
			}
			return r, false
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			r.status, _ = strconv.Atoi(frame.PseudoValue("status"))
			for _, x := range frame.RegularFields() {
				if x.Name == "x-request-id" {
					r.id = x.Value
				}
			}
			if frame.StreamEnded() {
				return r, true
			}
		case *http2.DataFrame:
			if r.body += string(frame.Data()); frame.StreamEnded() {
				return r, true
			}
		case *http2.RSTStreamFrame:
			if frame.ErrCode != http2.ErrCodeProtocol {
				t.Errorf("%q: reset with %v", f, frame.ErrCode)
			}
			return r, false
		}
	}
}

// try2 is try for a request in frames.
func (c *court) try2(t testing.TB, f frames, raw string, in *intent) int {
	t.Helper()
	r, answered := c.ask(t, f)
	switch {
	case !answered:
		return 0
	case r.status != 200:
		if r.status < 400 {
			t.Errorf("%q was answered %d %q", f, r.status, r.body)
		}
		return 0
	}
	if r.body != "" { // not HEAD
		c.compare(t, raw, r, in)
	}
	return 1
}

func TestAgreementHTTP2(t *testing.T) {
	t.Parallel()
	const requests, workers = 1500, 24 // most of the time they wait for an event
	c := newCourt(t)
	r := rand.New(rand.NewPCG(3, 5))
	type request struct {
		frames
		in intent
	}
	cases := make([]request, requests)
	for i := range cases {
		cases[i].frames, cases[i].in = generate2(r, i)
	}
	c.tryAll(t, requests, workers, requests*9/10, func(i int) (*intent, int) {
		in := &cases[i].in
		return in, c.try2(t, cases[i].frames, in.raw, in)
	})
}

// FuzzAgreementHTTP2 lets the fuzzer look for fields about which the tier, its rules and two parsers behind
// it have different opinions.
func FuzzAgreementHTTP2(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		request, _ := generate2(r, i)
		var all [][2]string
		for _, x := range request.fields {
			all = append(all, [2]string{x.name, x.value})
		}
		last := all[len(all)-1]
		f.Add(all[0][1], all[3][1], all[2][1], last[0], last[1], request.body)
	}
	c := newCourt(outside{f})
	f.Fuzz(func(t *testing.T, method, path, authority, name, value, body string) {
		if len(method)+len(path)+len(authority)+len(name)+len(value) > 8<<10 || len(body) > 8<<10 || method == "HEAD" ||
			strings.ContainsFunc(body, unicode.IsControl) { // of a binary body the rules see no text
			return
		}
		request := frames{body: body, fields: []field{{":method", method}, {":scheme", "http"}, {":authority", authority}, {":path", path}, {name, value}}}
		before := c.back.count()
		forwarded := c.try2(t, request, fmt.Sprintf("%q", request), nil)
		if seen := c.back.count() - before; seen != forwarded {
			t.Errorf("%q: %d answers, and the backend saw %d requests", request, forwarded, seen)
		}
		c.w.Forget()
	})
}
