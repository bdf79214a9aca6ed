package proxy

import (
	"crypto/sha1"
	"encoding/base64"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/inspect"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream"
)

// A WebSocket begins as a request, which is inspected like any other, and goes on as bytes
// in both directions. Of these, the client's text messages are inspected if the route says
// so (messages.go); the coverage label tells.

// wantsWebSocket reports whether the request is a WebSocket handshake (RFC 6455 4.1). What
// is none to the letter might be a plain request to one reader and a tunnel to another.
func (x *exchange) wantsWebSocket() bool {
	v := &x.view
	if v.Method != "GET" || v.Protocol != "HTTP/1.1" || x.stream != nil || !strings.EqualFold(v.Fields.Get("Upgrade"), "websocket") ||
		v.Fields.Get("Sec-WebSocket-Version") != "13" || len(v.Fields.Get(webSocketKey)) != webSocketKeyBytes {
		return false
	}
	for i := range v.Fields {
		if f := &v.Fields[i]; f.Is("Connection") {
			for option := range strings.SplitSeq(f.Value, ",") {
				if strings.EqualFold(strings.Trim(option, " \t"), "upgrade") {
					return true
				}
			}
		}
	}
	return false
}

const (
	webSocketKey        = "Sec-WebSocket-Key"
	webSocketKeyBytes   = 24 // 16 in base64
	webSocketGUID       = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	webSocketExtensions = "Sec-WebSocket-Extensions"
)

// acceptsWebSocket reports whether a 101 is the response to a handshake with that key
// (RFC 6455 4.2.2). An application that answers 101 for another reason, or whose status
// somebody else chooses, opens no tunnel. Nor does one that uses extensions, if none were
// offered.
func acceptsWebSocket(r *message.Response, key string, extensions bool) bool {
	sum := sha1.Sum([]byte(key + webSocketGUID))
	want := base64.StdEncoding.EncodeToString(sum[:])
	upgrade, accept := "", ""
	for i := range r.Fields {
		switch f := &r.Fields[i]; {
		case f.Is("Upgrade"):
			upgrade += f.Value
		case f.Is("Sec-WebSocket-Accept"):
			accept += f.Value
		case f.Is(webSocketExtensions) && !extensions:
			return false
		}
	}
	return strings.EqualFold(upgrade, "websocket") && accept == want
}

// openTunnel passes a 101 on. Both connections are a tunnel when it has been written.
func (x *exchange) openTunnel() {
	up, ok := x.up.Body.(io.ReadWriteCloser)
	if !ok {
		panic("BUG: a 101 without a stream in both directions")
	}
	if !acceptsWebSocket(&x.up.Response, x.view.Fields.Get(webSocketKey), !x.route.inspectsMessages) {
		x.upstreamFailed(notWebSocket)
		x.answer(notWebSocket.Status)
		return
	}
	x.editResponseHead()
	x.response.Fields = append(x.response.Fields, message.Field{Name: "Connection", Value: "Upgrade"}, message.Field{Name: "Upgrade", Value: "websocket"})
	var inspected *messages
	if c := &x.outcome.Coverage; c.Label == inspect.Full {
		*c = inspect.Coverage{Label: inspect.Headers, Reason: inspect.ReasonUpgrade}
		if x.route.inspectsMessages {
			c.Label = inspect.Partial
			inspected = x.inspectMessages()
		}
	}
	p, id, idle := x.proxy, x.id, x.route.Config.Timeouts.Idle
	// The exchange will serve other requests while the tunnel is open.
	x.up = &upstream.Exchange{Endpoint: x.up.Endpoint}
	report := func(r any) { p.reportPanic(r, id) }
	x.client.Switch(&x.response, func(client listen.Tunnel) {
		p.tunnels.Add(1)
		defer p.tunnels.Add(-1)
		if inspected != nil {
			defer inspected.snapshot.Release()
		}
		defer func() {
			if r := recover(); r != nil {
				report(r)
			}
		}()
		upward, downward := copyAll, copyAll
		if inspected != nil {
			inspected.client = client
			upward, downward = inspected.upward, inspected.downward
		}
		tunnel(client, up, idle, report, upward, downward)
	})
}

// relay moves bytes of one direction until either side ends.
type relay func(to io.Writer, from io.Reader)

func copyAll(to io.Writer, from io.Reader) {
	_, _ = io.Copy(to, from) // how it ends does not matter: both sides are closed
}

// tunnel relays in both directions until one side ends, or both are silent for idle
// (0: for ever), and closes both. A Close has to end what runs on the same side. report
// hears of panics, which would end the process.
func tunnel(client, up io.ReadWriteCloser, idle time.Duration, report func(r any), upward, downward relay) {
	var last atomic.Int64
	last.Store(time.Now().UnixNano())
	closeBoth := func() {
		_ = client.Close()
		_ = up.Close()
	}
	if idle > 0 {
		stop := make(chan struct{})
		defer close(stop)
		watch := time.NewTimer(idle)
		go func() {
			defer watch.Stop()
			for {
				select {
				case <-stop:
					return
				case <-watch.C:
				}
				left := idle - time.Since(time.Unix(0, last.Load()))
				if left <= 0 {
					closeBoth()
					return
				}
				watch.Reset(left)
			}
		}()
	}
	done := make(chan struct{}, 2)
	pipe := func(relay relay, to io.Writer, from io.Reader) {
		defer func() {
			if r := recover(); r != nil {
				report(r)
			}
			done <- struct{}{}
		}()
		relay(to, &stamped{from, &last})
	}
	go pipe(upward, up, client)
	go pipe(downward, client, up)
	<-done
	closeBoth()
	<-done
}

// stamped notes when something was read last.
type stamped struct {
	io.Reader
	last *atomic.Int64
}

func (s *stamped) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.last.Store(time.Now().UnixNano())
	return n, err
}
