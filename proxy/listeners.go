package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/wafer-waf/wafer/config"
	"github.com/wafer-waf/wafer/listen"
	"github.com/wafer-waf/wafer/listen/entrance"
	"github.com/wafer-waf/wafer/listen/http1"
	"github.com/wafer-waf/wafer/listen/http2"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/wire"
)

// listeners are what speaks with clients.
type listeners struct {
	http1    *http1.Server
	http2    *http2.Server                      // nil: it is not spoken
	entrance *atomic.Pointer[entrance.Listener] // that is served
}

func (p *Proxy) newListeners() listeners {
	b := &p.boot
	handler := listen.Handler{
		Serve: p.serve, Expect: p.expect, Failed: p.unread,
		Panicked: func(v any) { p.reportPanic(v, "") },
	}
	l := listeners{entrance: new(atomic.Pointer[entrance.Listener])}
	l.http1 = http1.New(http1.Options{
		Handler: handler,
		Options: wire.Options{
			Options:     p.sockets(),
			HeadBytes:   int(b.Limits.Head),
			HeadTimeout: b.Timeout.Head, Idle: b.Timeout.Idle,
			BodyTimeout: b.Timeout.Body, BodyRate: int(b.Limits.Rate),
		},
	})
	if b.HTTP2 == config.On {
		limits := &b.Limits.HTTP2
		l.http2 = http2.New(http2.Options{
			Handler:   handler,
			HeadBytes: int(b.Limits.Head),
			Streams:   limits.Streams, Resets: limits.Resets, ControlFrames: limits.ControlFrames, Window: int(limits.Window),
			HeadTimeout: b.Timeout.Head, Idle: b.Timeout.Idle,
			BodyTimeout: b.Timeout.Body, BodyRate: int(b.Limits.Rate),
			WriteTimeout: b.Timeout.Write, WriteRate: int(b.Limits.Rate),
		})
	}
	return l
}

// sockets says who may connect.
func (p *Proxy) sockets() socket.Options {
	b := &p.boot
	return socket.Options{
		WriteTimeout: b.Timeout.Write, WriteRate: int(b.Limits.Rate),
		Connections: b.Limits.Connections, ConnectionsPerClient: b.Limits.ConnectionsPerClient,
		Busy: wire.Busy, TooMany: wire.TooMany,
		ProxyProtocol: b.ProxyProtocol == config.On, TrustedProxies: b.TrustedProxies,
		Refused:   func(reason string, _ netip.Addr) { p.metrics.Refused(reason) },
		Exhausted: func(error) { p.metrics.NotAccepted() },
	}
}

// Serve accepts connections until Shutdown. It returns nil then.
func (p *Proxy) Serve(ln net.Listener) error {
	o := entrance.Options{Options: p.sockets(), Arrived: p.metrics.Arrived}
	if p.listeners.http2 != nil {
		o.HTTP2 = p.listeners.http2.Take
	}
	l := entrance.Listen(ln, o)
	p.metrics.WatchConnections(l.Open)
	p.listeners.entrance.Store(l)
	return p.listeners.http1.Serve(l)
}

// shutdown closes the listener and waits until what runs is answered, or ctx ends.
func (l *listeners) shutdown(ctx context.Context) error {
	if l.http2 == nil {
		return l.http1.Shutdown(ctx)
	}
	second := make(chan error, 1)
	go func() { second <- l.http2.Shutdown(ctx) }()
	return errors.Join(l.http1.Shutdown(ctx), <-second)
}

// cut ends all connections at once.
func (l *listeners) cut() {
	if in := l.entrance.Load(); in != nil {
		in.Cut()
	}
}
