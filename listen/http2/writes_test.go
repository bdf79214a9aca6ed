package http2

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"golang.org/x/net/http2"
)

// counting is a connection that notes which frames each write to the client has.
type counting struct {
	net.Conn
	mu     sync.Mutex
	writes []string
}

func (c *counting) Write(p []byte) (int, error) {
	var kinds []string
	for rest := p; len(rest) >= headBytes; {
		f := parseFrame(rest)
		kind := http2.FrameType(f.kind).String()
		if (f.kind == frameData || f.kind == frameHeaders) && f.has(flagEndStream) {
			kind += " END"
		}
		kinds = append(kinds, kind)
		rest = rest[min(len(rest), headBytes+f.length):]
	}
	c.mu.Lock()
	c.writes = append(c.writes, strings.Join(kinds, ", "))
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// noting is a listener of counting connections.
type noting struct {
	net.Listener
	conns chan *counting
}

func (n *noting) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err != nil {
		return nil, err
	}
	noted := &counting{Conn: c}
	n.conns <- noted
	return noted, nil
}

// TestOneWrite: a response that is there goes out at once, head, body and end.
func TestOneWrite(t *testing.T) {
	for name, tt := range map[string]struct {
		body message.Body
		want string
		size int
	}{
		"whole":    {message.Body{Bytes: []byte("ok")}, "HEADERS, DATA END", 2},
		"streamed": {message.Body{Length: 2}, "HEADERS, DATA END", 2},
		"none":     {message.Body{}, "HEADERS END", 0},
		"large":    {message.Body{Bytes: make([]byte, 20_000)}, "DATA END", 20_000},
	} {
		t.Run(name, func(t *testing.T) {
			conns, o := make(chan *counting, 1), patient()
			o.WriteRate = 1000
			s := servingOn(t, func(ln net.Listener) net.Listener { return &noting{ln, conns} }, o, socket.Options{}, func(c listen.Client) {
				body := tt.body
				if body.Length > 0 {
					body.Stream = strings.NewReader("ok")
				}
				c.Respond(&message.Response{Status: 200, Body: body})
			})
			r := dial(t, s)
			c := (*counting)(nil)
			waitFor(t, tt.want+" in one write", func() bool { // a machine that is slow lets a head go
				stream, err := r.open(true, get()...)
				if err != nil {
					t.Fatal(err)
				}
				if got := r.outcome(stream); got.status != 200 || len(got.body) != tt.size {
					t.Fatalf("%d, %d bytes", got.status, len(got.body))
				}
				if c == nil {
					c = <-conns
				}
				c.mu.Lock()
				defer c.mu.Unlock()
				return slices.ContainsFunc(c.writes, func(w string) bool { return strings.HasSuffix(w, tt.want) })
			})
		})
	}
}

// TestHeadWithoutWindow: a head is not held for a body that there is no window for.
func TestHeadWithoutWindow(t *testing.T) {
	o := patient()
	o.WriteRate = 1000
	s := serving(t, o, socket.Options{}, func(c listen.Client) {
		c.Respond(&message.Response{Status: 200, Body: message.Body{Bytes: []byte("ok")}})
	})
	r := dial(t, s, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	stream, err := r.open(true, get()...)
	if err != nil {
		t.Fatal(err)
	}
	for {
		f, err := r.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if h, ok := f.(*http2.MetaHeadersFrame); ok && h.PseudoValue("status") == "200" {
			break
		}
	}
	if err := r.WriteWindowUpdate(stream, 2); err != nil {
		t.Fatal(err)
	}
	if o := r.outcome(stream); o.body != "ok" {
		t.Errorf("%+v", o)
	}
}
