package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

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
	http1 *http1.Server
	http2 *http2.Server // nil: it is not spoken
	crowd *socket.Crowd // of all of them together
}

func (p *Proxy) newListeners() listeners {
	b := &p.boot
	handler := listen.Handler{
		Serve: p.serve, Expect: p.expect, Failed: p.unread,
		Panicked: func(v any) { p.reportPanic(v, "") },
	}
	l := listeners{crowd: socket.NewCrowd()}
	l.http1 = http1.New(http1.Options{
		Handler: handler,
		Options: wire.Options{
			Options:     p.sockets(l.crowd),
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
func (p *Proxy) sockets(crowd *socket.Crowd) socket.Options {
	b := &p.boot
	return socket.Options{
		WriteTimeout: b.Timeout.Write, WriteRate: int(b.Limits.Rate),
		Connections: b.Limits.Connections, ConnectionsPerClient: b.Limits.ConnectionsPerClient,
		Busy: wire.Busy, TooMany: wire.TooMany, Crowd: crowd,
		ProxyProtocol: b.ProxyProtocol == config.On, TrustedProxies: b.TrustedProxies,
		Refused:   func(reason string, _ netip.Addr) { p.metrics.Refused(reason) },
		Exhausted: func(error) { p.metrics.NotAccepted() },
	}
}

// Serve accepts connections on the listeners of the boot settings, in their order, until Shutdown. It returns nil
// then.
func (p *Proxy) Serve(lns ...net.Listener) error {
	if n := len(p.boot.Served()); len(lns) != n {
		return fmt.Errorf("%d listeners for %d addresses", len(lns), n)
	}
	l := &p.listeners
	p.metrics.WatchConnections(l.crowd.Open)
	o := entrance.Options{Options: p.sockets(l.crowd), Arrived: p.metrics.Arrived}
	if l.http2 != nil {
		o.HTTP2 = l.http2.Take
	}
	errs := make(chan error, len(lns))
	for i, ln := range lns {
		o := o
		if d := p.doors.all[i]; d != nil {
			o.Busy, o.TooMany, o.Secure = alert, alert, d.tls.Handshake
		}
		go func() { errs <- l.http1.Serve(entrance.Listen(ln, o)) }()
	}
	for range lns {
		if err := <-errs; err != nil {
			return err // the others end with the process
		}
	}
	return nil
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
	l.crowd.Cut()
}
