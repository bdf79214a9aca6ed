package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// message2 is a request as HTTP/2 says it.
type message2 struct {
	fields []hpack.HeaderField
	body   []byte
	attack bool
}

// errUntold is of requests that HTTP/2 has no way to say.
var errUntold = errors.New("not to be said in HTTP/2")

// translate makes of a request of HTTP/1.1 what a client of HTTP/2 would send.
func translate(r request) (m message2, err error) {
	head, body, ok := bytes.Cut(r.raw, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	line := strings.Split(lines[0], " ")
	if !ok || len(line) != 3 || line[2] != "HTTP/1.1" || !strings.HasPrefix(line[1], "/") || line[0] == "CONNECT" {
		return m, errUntold
	}
	m = message2{body: body, attack: r.attack}
	host, rest := "", []hpack.HeaderField(nil)
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ":")
		name, value = strings.ToLower(name), strings.Trim(value, " \t")
		switch {
		case !ok || name == "" || strings.ContainsAny(name, " \t\"(),/;<=>?@[]{}"), name == "transfer-encoding", name == "upgrade", name == "te":
			return m, errUntold
		case name == "host":
			host = value
		case name != "connection" && name != "keep-alive" && name != "proxy-connection":
			rest = append(rest, hpack.HeaderField{Name: name, Value: value})
		}
	}
	m.fields = append([]hpack.HeaderField{
		{Name: ":method", Value: line[0]}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: host}, {Name: ":path", Value: line[1]},
	}, rest...)
	return m, nil
}

// answer2 is what came on a stream.
type answer2 struct {
	status int // of calls of gRPC that were refused by a rule, 403
	body   []byte
}

// client2 is a connection of HTTP/2.
type client2 struct {
	net.Conn
	frames *http2.Framer
	block  bytes.Buffer
	coder  *hpack.Encoder
	next   uint32
	keep   bool // bodies
	open   map[uint32]*answer2
	given  int // bytes of the connection's window that were used
}

// dial2 connects, by TLS if c is not nil, and opens all windows.
func dial2(addr string, c *tls.Config) (*client2, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	if c != nil {
		secured := tls.Client(conn, c)
		if err := secured.Handshake(); err != nil {
			return nil, err
		}
		if p := secured.ConnectionState().NegotiatedProtocol; p != "h2" {
			return nil, fmt.Errorf("the server speaks %q", p)
		}
		conn = secured
	}
	k := &client2{Conn: conn, frames: http2.NewFramer(conn, conn), next: 1, open: map[uint32]*answer2{}}
	k.coder = hpack.NewEncoder(&k.block)
	k.frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err = io.WriteString(conn, http2.ClientPreface)
	return k, errors.Join(err, k.frames.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30}), k.frames.WriteWindowUpdate(0, window2))
}

// window2 is how much more of the connection's window is given at once.
const window2 = 1 << 29

// send opens a stream. What it writes is one write, as clients do it.
func (k *client2) send(m *message2) error {
	k.block.Reset()
	for _, f := range m.fields {
		if err := k.coder.WriteField(f); err != nil {
			return err
		}
	}
	if err := k.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var out bytes.Buffer
	w := http2.NewFramer(&out, nil)
	err := w.WriteHeaders(http2.HeadersFrameParam{StreamID: k.next, BlockFragment: k.block.Bytes(), EndHeaders: true, EndStream: len(m.body) == 0})
	for body := m.body; len(body) > 0 && err == nil; {
		n := min(len(body), 16<<10)
		err = w.WriteData(k.next, n == len(body), body[:n])
		body = body[n:]
	}
	if err != nil {
		return err
	}
	k.open[k.next] = &answer2{}
	k.next += 2
	_, err = k.Write(out.Bytes())
	return err
}

// receive reads until a stream has ended.
func (k *client2) receive() (*answer2, error) {
	for {
		f, err := k.frames.ReadFrame()
		if err != nil {
			return nil, err
		}
		a, ends := k.open[f.Header().StreamID], f.Header().Flags.Has(http2.FlagDataEndStream)
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			if a != nil {
				a.told(f)
			}
		case *http2.DataFrame:
			if k.given += len(f.Data()); k.given > window2 {
				k.given -= window2
				err = k.frames.WriteWindowUpdate(0, window2)
			}
			if a != nil && k.keep {
				a.body = append(a.body, f.Data()...)
			}
		case *http2.SettingsFrame:
			if ends = false; !f.IsAck() {
				err = k.frames.WriteSettingsAck()
			}
		case *http2.RSTStreamFrame:
			return nil, fmt.Errorf("the server has reset the stream: %v", f.ErrCode)
		case *http2.GoAwayFrame:
			return nil, fmt.Errorf("the server ends the connection: %v", f.ErrCode)
		default:
			ends = false
		}
		if err != nil {
			return nil, err
		}
		if ends && a != nil {
			delete(k.open, f.Header().StreamID)
			return a, nil
		}
	}
}

// told takes note of a head, or of what follows a body.
func (a *answer2) told(f *http2.MetaHeadersFrame) {
	for _, h := range f.Fields {
		switch {
		case h.Name == ":status":
			a.status, _ = strconv.Atoi(h.Value)
		case h.Name == "grpc-status" && h.Value == "7":
			a.status = 403
		case h.Name == "grpc-status" && h.Value != "0":
			a.status = 500
		}
	}
}

// do sends a request and waits for its answer.
func (k *client2) do(m *message2) (*answer2, error) {
	if err := k.send(m); err != nil {
		return nil, err
	}
	return k.receive()
}
