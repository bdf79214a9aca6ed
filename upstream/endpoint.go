package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/wafer-waf/wafer/upstream/balance"
	"github.com/wafer-waf/wafer/upstream/discover"
	"github.com/wafer-waf/wafer/upstream/health"
	"github.com/wafer-waf/wafer/upstream/http2"
)

// member is an endpoint as one list of a Pool has it. What is said of it may change with the list.
type member struct {
	*endpoint
	discover.Target
	among *balance.Set // all of the list
}

// endpoint is one address of an upstream and the connections to it. Whatever learns of
// addresses changes the list a Pool picks from, not an endpoint.
type endpoint struct {
	addr, host string // host:port, and what its certificate is for

	since     time.Time     // when it became one
	state     *health.State // how it does
	response  time.Duration
	hc        *fasthttp.HostClient
	pending   atomic.Int32 // exchanges begun and not finished, those included that are being connected
	checking  atomic.Int32 // of those, checks, which no limit counts
	outside   atomic.Int32 // connections for an upgrade, beside those of hc
	places    *places
	age       Age // of connections
	habit     habit
	latency   balance.Latency
	closed    atomic.Bool
	health    *changes
	ctx       context.Context // what is dialed ends with it
	tls       *tls.Config     // nil: cleartext
	mux       *mux            // nil: it is asked by HTTP/1
	handshake time.Duration   // of TLS
	idle      time.Duration   // of a connection
	probe     time.Duration   // for an answer to a ping
	unwatch   func()          // ends its checks
	large     sync.Pool       // *bufio.Reader of maxHeadBytes, for heads beyond the usual buffer
}

// bufferBytes is the size of the buffers of an exchange: enough for most heads, and small
// enough for many slow bodies at once.
const bufferBytes = 16 << 10

func (p *Pool) newEndpoint(to discover.Target, c *Config) *endpoint {
	secure := p.tls
	e := &endpoint{
		addr: to.Address, host: to.Host,
		since:     time.Now(),
		state:     p.state(to.Address),
		response:  c.Response,
		health:    &changes{place: to.Address, tell: c.Changed},
		ctx:       p.ctx,
		places:    &p.places,
		age:       c.Age,
		handshake: c.Handshake,
		idle:      c.Idle,
		probe:     min(c.Connect, longestPing),
	}
	if c.Protocol == HTTP2 || c.Protocol == Auto && secure != nil {
		e.mux = &mux{}
	}
	if secure != nil {
		e.tls = secure.Clone()
		e.tls.ClientSessionCache = tls.NewLRUClientSessionCache(sessions)
		if e.tls.ServerName == "" {
			e.tls.ServerName = to.Host
		}
	}
	e.hc = &fasthttp.HostClient{
		Addr:                to.Address,
		DialTimeout:         e.dialForPool,
		MaxConns:            c.Connections,
		MaxIdleConnDuration: max(c.Idle, leastIdle),
		ConnPoolStrategy:    fasthttp.LIFO,
		ReadBufferSize:      bufferBytes,
		WriteBufferSize:     bufferBytes,
	}
	if p.begun {
		p.watch(e)
	}
	return e
}

// leastIdle is how often it is looked for idle connections at most.
const leastIdle = 100 * time.Millisecond

// sessions are kept of TLS with one endpoint: an abbreviated handshake takes one of those with TLS 1.3.
const sessions = 16

// endpointAddr takes the address out of "http://host:port" or "https://host:port".
func endpointAddr(s string) (to discover.Target, secure bool, err error) {
	u, err := url.Parse(s)
	if err != nil {
		return discover.Target{}, false, fmt.Errorf("endpoint %q: %w", s, err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return discover.Target{}, false, fmt.Errorf("endpoint %q: scheme is not http or https", s)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/":
		return discover.Target{}, false, fmt.Errorf("endpoint %q: more than %s://host:port", s, u.Scheme)
	case u.Hostname() == "" || strings.Contains(u.Host, ","): // fasthttp splits at commas
		return discover.Target{}, false, fmt.Errorf("endpoint %q: no host", s)
	}
	secure = u.Scheme == "https"
	port := u.Port()
	switch {
	case port != "":
	case secure:
		port = "443"
	default:
		port = "80"
	}
	return discover.Target{Address: net.JoinHostPort(u.Hostname(), port), Host: u.Hostname()}, secure, nil
}

// dialForPool resolves names anew, so that a Service that moved is followed. The connection ends with the pool.
func (e *endpoint) dialForPool(_ string, timeout time.Duration) (net.Conn, error) {
	c, err := e.dialFor(timeout)
	if err != nil {
		return nil, err // and not a *conn that is nil
	}
	return c, nil
}

func (e *endpoint) dialFor(timeout time.Duration) (*conn, error) {
	d := net.Dialer{Timeout: timeout}
	nc, err := d.DialContext(e.ctx, "tcp", e.addr)
	if err != nil {
		return nil, err
	}
	c, err := newConn(e.ctx, nc)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	c.ends = e.age.end()
	return c, nil
}

// prepare makes a connection that is new ready for the first exchange.
func (e *endpoint) prepare(c *conn, secure *tls.Config, until time.Time) error {
	if secure != nil {
		if err := c.handshake(secure, until); err != nil {
			return handshakeError(err)
		}
		if only := secure.NextProtos[0]; len(secure.NextProtos) == 1 && only == alpnHTTP2 && c.secure.chosen != only {
			return &knownError{NoProtocol, http2.ErrForeign}
		}
	}
	c.OnStall(stallCheck, c.stalled)
	return nil
}

// acquire returns a pooled connection on which nothing is waiting, or a new one. reused
// tells which. The error is ErrBusy or a *ConnectError.
func (e *endpoint) acquire(within limit) (c *conn, reused bool, err error) {
	for {
		cc, err := e.hc.AcquireConn(within.connect, false)
		if errors.Is(err, fasthttp.ErrNoFreeConns) {
			return nil, false, ErrBusy
		}
		if err != nil {
			return nil, false, e.unconnected(err)
		}
		c := cc.Conn().(*conn)
		reused = c.giveBack != nil
		if !reused {
			c.giveBack = func(keep bool) {
				if keep {
					e.hc.ReleaseConn(cc)
				} else {
					e.hc.CloseConn(cc)
				}
			}
			if err := e.prepare(c, e.tls, within.secure(e.handshake)); err != nil {
				c.giveBack(false)
				return nil, false, e.unconnected(err)
			}
			e.connected(c)
		}
		if !reused || e.usable(c, within.careful) {
			return c, reused, nil
		}
		c.giveBack(false)
	}
}

// usable reports whether a connection that was used before may be used again; careful: for a request that must not be lost with
// it. If it may not, those that were idle for longer may not either, which come next.
func (e *endpoint) usable(c *conn, careful bool) bool {
	now := c.Now()
	c.idle = time.Duration(now - c.rested)
	switch {
	case now >= c.ends, c.idle > e.idle, careful && !e.habit.safe(c.idle):
		return false
	case c.silent():
		return true
	}
	e.habit.saw(c.idle)
	return false
}

// fresh returns a new connection outside the pool, which is closed after one exchange.
// Asking the pool would mean closing its idle connections one by one until it dials.
func (e *endpoint) fresh(within limit) (*conn, error) {
	secure := e.tls
	if secure != nil && e.mux != nil { // it is HTTP/1 that is spoken on it
		secure = secure.Clone()
		secure.NextProtos = []string{alpnHTTP1}
	}
	c, err := e.dialFor(within.connect)
	if err != nil {
		return nil, e.unconnected(err)
	}
	c.giveBack = func(bool) { _ = c.Close() }
	if err := e.prepare(c, secure, within.secure(e.handshake)); err != nil {
		c.giveBack(false)
		return nil, e.unconnected(err)
	}
	e.connected(c)
	return c, nil
}

// forUpgrade returns a connection of its own for what HTTP/2 has no way for, of those that the endpoint may have.
func (e *endpoint) forUpgrade(within limit) (*conn, error) {
	if int(e.outside.Add(1))+e.hc.ConnsCount() > e.hc.MaxConns {
		e.outside.Add(-1)
		return nil, ErrBusy
	}
	c, err := e.fresh(within)
	if err != nil {
		e.outside.Add(-1)
		return nil, err
	}
	end := c.giveBack
	c.giveBack = func(keep bool) {
		e.outside.Add(-1)
		end(keep)
	}
	return c, nil
}

// unconnected notes why there is no connection.
func (e *endpoint) unconnected(err error) error {
	err = &ConnectError{e.addr, err}
	e.health.note(err)
	return err
}

// connected notes that there is a connection. Whether an endpoint accepts the tier's certificate is known behind the
// handshake only.
func (e *endpoint) connected(c *conn) {
	if c.secure == nil {
		e.health.note(nil)
	}
}

// answered notes of a connection with TLS how the first exchange on it has gone.
func (e *endpoint) answered(c *conn, err error) {
	if c.secure == nil || c.proved {
		return
	}
	c.proved = true
	if err == nil || FailureOf(err) == Unwelcome {
		e.health.note(err)
	}
}

// enter begins the use of an endpoint, if it takes one more request.
func (e *endpoint) enter() bool {
	if most := e.places.EndpointInFlight; most > 0 {
		return oneMore(&e.pending, most+int(e.checking.Load()))
	}
	e.pending.Add(1)
	return true
}

// leave ends the use of an endpoint. Who waits for the place of a request that is not over yet hears when it is.
func (e *endpoint) leave() {
	e.pending.Add(-1)
	if e.places.InFlight == 0 {
		e.places.wake()
	}
}

// unused ends the use of an endpoint that has not got a connection. Where none was free, nothing is free now.
func (e *endpoint) unused(err error) (spent, error) {
	if errors.Is(err, ErrBusy) {
		e.pending.Add(-1)
	} else {
		e.leave()
	}
	return nothing, err
}

// settle ends the use of a connection from acquire or fresh, and of the endpoint.
func (e *endpoint) settle(c *conn, keep bool) {
	c.rested = c.Now()
	keep = keep && c.rested < c.ends
	c.giveBack(keep)
	e.leave()
	if keep && e.closed.Load() { // asked afterwards: close may come at any time
		e.hc.CloseIdleConnections()
	}
}

func (e *endpoint) close() {
	if e.unwatch != nil {
		e.unwatch()
	}
	e.closed.Store(true)
	e.hc.CloseIdleConnections()
	if e.mux != nil {
		e.mux.leave()
	}
}

// largeReader returns a reader on top of br that holds a head of maxHeadBytes.
func (e *endpoint) largeReader(br *bufio.Reader) *bufio.Reader {
	if r, ok := e.large.Get().(*bufio.Reader); ok {
		r.Reset(br)
		return r
	}
	return bufio.NewReaderSize(br, maxHeadBytes)
}
