package http2

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/listen/entrance"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// FuzzFrames lets a client send anything behind the preface. What reaches a handler could be said in HTTP/1 in one way, a body
// that ended is as long as it was announced, and with the connection all handlers end.
func FuzzFrames(f *testing.F) {
	for _, seed := range seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		s, ln := fuzzed(t)
		near, far := net.Pipe()
		ln.conns <- near
		go func() { _, _ = io.Copy(io.Discard, far) }()
		_, _ = io.WriteString(far, preface)
		_, _ = far.Write(sent)
		_ = far.Close()
		_ = ln.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil { // which waits for all handlers
			t.Error(err)
		}
	})
}

// fuzzed is a server that looks at each request, and the listener of its connections.
func fuzzed(t *testing.T) (*Server, *pipes) {
	o := patient()
	o.Handler = listen.Handler{
		Serve: func(c listen.Client, _ any) {
			judge(t, c)
			c.Respond(&message.Response{Status: 200, Body: message.Body{Bytes: []byte("ok")}})
		},
		Expect:   func(listen.Client) any { return "begun" },
		Failed:   func(c listen.Client, _ any, _ error) { c.Respond(&message.Response{Status: 400}) },
		Panicked: func(v any) { t.Error("panic:", v) },
	}
	s := New(o)
	p := &pipes{conns: make(chan net.Conn)}
	ln := entrance.Listen(p, entrance.Options{Options: socket.Options{}, HTTP2: s.Take})
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			}()
		}
	}()
	return s, p
}

// judge looks at a request that has come through.
func judge(t *testing.T, c listen.Client) {
	r := c.Request()
	if !message.IsToken(r.Method) || r.Host == "" || strings.ContainsAny(r.Target, " \r\n\x00#") || r.Target == "" {
		t.Errorf("%q %q of %q", r.Method, r.Target, r.Host)
	}
	hosts := 0
	fields(t, r.Fields, &hosts)
	if hosts != 1 {
		t.Errorf("%d hosts in %q", hosts, r.Fields)
	}
	if r.Body.Stream == nil {
		return
	}
	n, err := io.Copy(io.Discard, r.Body.Stream)
	if err == nil && r.Body.Length >= 0 && n != int64(r.Body.Length) {
		t.Errorf("%d bytes of %d", n, r.Body.Length)
	}
	if err == nil {
		fields(t, r.Body.Trailers(), &hosts)
	}
}

func fields(t *testing.T, list message.Fields, hosts *int) {
	for i := range list {
		h := &list[i]
		if !message.IsToken(h.Name) || strings.ContainsAny(h.Value, "\r\n\x00") || h.Value != strings.Trim(h.Value, " \t") || perConnection[h.Name] {
			t.Errorf("field %q", *h)
		}
		if h.Is("Host") {
			*hosts++
		}
	}
}

// seeds are connections of clients, good and bad.
func seeds() (all [][]byte) {
	type writer struct {
		*http2.Framer
		head func(ends bool, stream uint32, list ...string)
	}
	for _, write := range []func(w writer){
		func(w writer) { w.head(true, 1, get()...) },
		func(w writer) {
			w.head(false, 1, get("content-length", "2", "cookie", "a=1", "cookie", "b=2")...)
			_ = w.WriteData(1, true, []byte("ok"))
			w.head(true, 3, get("expect", "100-continue")...)
		},
		func(w writer) {
			w.head(false, 1, get("te", "trailers")...)
			_ = w.WriteDataPadded(1, false, []byte("ok"), make([]byte, 9))
			w.head(true, 1, "grpc-status", "0")
		},
		func(w writer) {
			w.head(true, 1, get("host", "b.test")...)
			w.head(true, 3, get("connection", "close")...)
			_ = w.WriteRSTStream(1, http2.ErrCodeCancel)
			_ = w.WritePing(false, [8]byte{})
			_ = w.WriteWindowUpdate(0, 1)
		},
		func(w writer) {
			_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82, 0x86}})
			_ = w.WriteContinuation(1, true, []byte{0x84, 0x41, 1, 'a'})
		},
	} {
		var b, block bytes.Buffer
		fr, enc := http2.NewFramer(&b, nil), hpack.NewEncoder(&block)
		fr.AllowIllegalWrites = true
		_ = fr.WriteSettings()
		write(writer{fr, func(ends bool, stream uint32, list ...string) {
			block.Reset()
			for i := 0; i < len(list); i += 2 {
				_ = enc.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1]})
			}
			_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: ends})
		}})
		all = append(all, b.Bytes())
	}
	return all
}
