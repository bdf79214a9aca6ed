package http2

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/message"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// FuzzFrames lets an endpoint send anything. An exchange ends, with an error or a response whose body is as long as it says and
// whose fields could stand in HTTP/1, and leaves no stream.
func FuzzFrames(f *testing.F) {
	frames := func(write func(fr *http2.Framer, head func(...string) []byte)) []byte {
		var b, block bytes.Buffer
		fr, enc := http2.NewFramer(&b, nil), hpack.NewEncoder(&block)
		_ = fr.WriteSettings()
		write(fr, func(list ...string) []byte {
			block.Reset()
			for i := 0; i < len(list); i += 2 {
				_ = enc.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1]})
			}
			return block.Bytes()
		})
		return b.Bytes()
	}
	headers := func(fr *http2.Framer, end bool, block []byte) {
		_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: end})
	}
	f.Add(frames(func(fr *http2.Framer, head func(...string) []byte) {
		headers(fr, false, head(":status", "200", "content-length", "2"))
		_ = fr.WriteData(1, true, []byte("ok"))
	}))
	f.Add(frames(func(fr *http2.Framer, head func(...string) []byte) {
		headers(fr, false, head(":status", "103"))
		headers(fr, false, head(":status", "200"))
		_ = fr.WriteDataPadded(1, false, []byte("ok"), make([]byte, 9))
		headers(fr, true, head("grpc-status", "0"))
	}))
	f.Add(frames(func(fr *http2.Framer, head func(...string) []byte) {
		_ = fr.WritePing(false, [8]byte{})
		_ = fr.WriteWindowUpdate(0, 1)
		_ = fr.WriteRSTStream(1, http2.ErrCodeRefusedStream)
	}))
	f.Add(frames(func(fr *http2.Framer, head func(...string) []byte) { _ = fr.WriteGoAway(0, http2.ErrCodeNo, nil) }))
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		go func() {
			_, _ = theirs.Write(sent)
			_ = theirs.Close()
		}()
		c, err := New(ours, Options{Idle: time.Minute, Probe: time.Minute})
		if err != nil {
			return
		}
		if !c.Reserve() {
			return
		}
		var r message.Response
		body, err := c.Do(&message.Request{Method: "POST", Target: "/", Fields: message.Fields{{Name: "Host", Value: "a"}}, Body: message.Body{Bytes: []byte("body")}},
			&Terms{Deadline: time.Now().Add(time.Minute)}, &r)
		if err == nil {
			for _, h := range r.Fields {
				if !message.IsToken(h.Name) || !clean(h.Value) || perConnection(h.Name) {
					t.Errorf("field %q", h)
				}
			}
		}
		if body != nil {
			n, err := io.Copy(io.Discard, body)
			if err == nil && r.Body.Length >= 0 && n != int64(r.Body.Length) {
				t.Errorf("%d bytes of %d", n, r.Body.Length)
			}
			_ = body.Close()
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.streams) != 0 || c.reserved != 0 {
			t.Errorf("%d streams and %d places are left", len(c.streams), c.reserved)
		}
	})
}
