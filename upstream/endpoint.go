package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// endpoint is one address of an upstream and the connections to it. Whatever learns of
// addresses or of their health changes the list a Pool picks from, not an endpoint.
type endpoint struct {
	addr     string // host:port
	response time.Duration
	hc       *fasthttp.HostClient
	pending  atomic.Int32 // exchanges begun and not finished
	closed   atomic.Bool
	health   *changes
	ctx      context.Context // what is dialed ends with it
	large    sync.Pool       // *bufio.Reader of maxHeadBytes, for heads beyond the usual buffer
}

// bufferBytes is the size of the buffers of an exchange: enough for most heads, and small
// enough for many slow bodies at once.
const bufferBytes = 16 << 10

func newEndpoint(ctx context.Context, addr string, c *Config) *endpoint {
	return &endpoint{
		addr:     addr,
		response: c.Response,
		health:   &changes{place: addr, tell: c.Changed},
		ctx:      ctx,
		hc: &fasthttp.HostClient{
			Addr:                addr,
			DialTimeout:         func(addr string, timeout time.Duration) (net.Conn, error) { return dial(ctx, addr, timeout) },
			MaxConns:            c.Connections,
			MaxIdleConnDuration: c.Idle,
			ConnPoolStrategy:    fasthttp.LIFO,
			ReadBufferSize:      bufferBytes,
			WriteBufferSize:     bufferBytes,
		},
	}
}

// endpointAddr takes the address out of "http://host:port".
func endpointAddr(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", fmt.Errorf("endpoint %q: %w", s, err)
	}
	switch {
	case u.Scheme != "http":
		return "", fmt.Errorf("endpoint %q: scheme is not http", s)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return "", fmt.Errorf("endpoint %q: more than http://host:port", s)
	case u.Hostname() == "" || strings.Contains(u.Host, ","): // fasthttp splits at commas
		return "", fmt.Errorf("endpoint %q: no host", s)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// dial resolves names anew, so that a Service that moved is followed. The connection ends with ctx.
func dial(ctx context.Context, addr string, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c, err := newConn(ctx, nc)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return c, nil
}

// acquire returns a pooled connection on which nothing is waiting, or a new one. reused
// tells which. The error is ErrBusy or a *ConnectError.
func (e *endpoint) acquire(timeout time.Duration) (c *conn, reused bool, err error) {
	for {
		cc, err := e.hc.AcquireConn(timeout, false)
		if errors.Is(err, fasthttp.ErrNoFreeConns) {
			return nil, false, ErrBusy
		}
		if err != nil {
			err = &ConnectError{e.addr, err}
			e.health.note(err)
			return nil, false, err
		}
		c := cc.Conn().(*conn)
		reused = c.giveBack != nil
		if !reused {
			e.health.note(nil)
			c.giveBack = func(keep bool) {
				if keep {
					e.hc.ReleaseConn(cc)
				} else {
					e.hc.CloseConn(cc)
				}
			}
		}
		if !reused || c.Quiet() {
			e.pending.Add(1)
			return c, reused, nil
		}
		c.giveBack(false)
	}
}

// fresh returns a new connection outside the pool, which is closed after one exchange.
// Asking the pool would mean closing its idle connections one by one until it dials.
func (e *endpoint) fresh(timeout time.Duration) (*conn, error) {
	nc, err := dial(e.ctx, e.addr, timeout)
	if err != nil {
		err = &ConnectError{e.addr, err}
		e.health.note(err)
		return nil, err
	}
	e.health.note(nil)
	c := nc.(*conn)
	c.giveBack = func(bool) { _ = c.Close() }
	e.pending.Add(1)
	return c, nil
}

// settle ends the use of a connection from acquire or fresh.
func (e *endpoint) settle(c *conn, keep bool) {
	e.pending.Add(-1)
	c.giveBack(keep)
	if keep && e.closed.Load() { // asked afterwards: close may come at any time
		e.hc.CloseIdleConnections()
	}
}

func (e *endpoint) close() {
	e.closed.Store(true)
	e.hc.CloseIdleConnections()
}

// largeReader returns a reader on top of br that holds a head of maxHeadBytes.
func (e *endpoint) largeReader(br *bufio.Reader) *bufio.Reader {
	if r, ok := e.large.Get().(*bufio.Reader); ok {
		r.Reset(br)
		return r
	}
	return bufio.NewReaderSize(br, maxHeadBytes)
}
