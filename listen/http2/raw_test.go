package http2

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// raw is a client that writes frames as it likes.
type raw struct {
	t *testing.T
	net.Conn
	*http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
	next    uint32 // stream
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// speak begins HTTP/2 on a connection.
func speak(t *testing.T, c net.Conn, settings ...http2.Setting) *raw {
	t.Helper()
	r := &raw{t: t, Conn: c, Framer: http2.NewFramer(c, c), next: 1}
	r.encoder = hpack.NewEncoder(&r.block)
	r.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	r.AllowIllegalWrites = true
	if _, real := c.(*net.TCPConn); real {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute)) // for what must not happen
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, preface); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteSettings(settings...); err != nil {
		t.Fatal(err)
	}
	return r
}

// dial connects to a server.
func dial(t *testing.T, s *site, settings ...http2.Setting) *raw {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	return speak(t, c, settings...)
}

// fields are names and values in turn.
func (r *raw) encode(fields ...string) []byte {
	r.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = r.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // to memory
	}
	return bytes.Clone(r.block.Bytes())
}

// get is the head of a request for "/".
func get(more ...string) []string {
	return append([]string{":method", "GET", ":scheme", "http", ":authority", "a.test", ":path", "/"}, more...)
}

// open opens a stream with a head.
func (r *raw) open(ends bool, fields ...string) (stream uint32, err error) {
	stream = r.next
	r.next += 2
	return stream, r.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: r.encode(fields...), EndHeaders: true, EndStream: ends,
	})
}

// outcome is what a client gets on a stream, or of its connection.
type outcome struct {
	status int
	body   string
	reset  http2.ErrCode // of the stream, if over
	goAway http2.ErrCode // of the connection, if gone
	over   bool
	gone   bool
}

// outcome reads until a stream has ended.
func (r *raw) outcome(stream uint32) (o outcome) {
	r.t.Helper()
	for {
		f, err := r.ReadFrame()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrUnexpectedEOF) {
				r.t.Logf("end: %v", err)
			}
			o.gone = true
			return o
		}
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			o.goAway = f.ErrCode
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				o.reset, o.over = f.ErrCode, true
				return o
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == stream {
				o.status, _ = strconv.Atoi(f.PseudoValue("status"))
				if f.StreamEnded() {
					return o
				}
			}
		case *http2.DataFrame:
			if f.StreamID == stream {
				if o.body += string(f.Data()); f.StreamEnded() {
					return o
				}
			}
		}
	}
}
