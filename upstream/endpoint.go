package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/upstream/balance"
	"github.com/wafer-waf/wafer/upstream/discover"
	"github.com/wafer-waf/wafer/upstream/health"
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
	dial      func(timeout time.Duration) (*conn, error)
	kept      kept
	most      int          // connections
	open      *tally       // of them, those that there are
	pending   *tally       // exchanges begun and not finished, those included that are being connected
	checking  atomic.Int32 // of those, checks, which no limit counts
	line      line         // of requests that wait for it and no other
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
	buffers   *buffers
}

func (p *Pool) newEndpoint(to discover.Target, c *Config) *endpoint {
	secure := p.tls
	e := &endpoint{
		addr: to.Address, host: to.Host,
		since:     time.Now(),
		pending:   &tally{},
		open:      &tally{},
		response:  c.Response,
		health:    &changes{place: to.Address, tell: c.Changed},
		ctx:       p.ctx,
		places:    &p.places,
		most:      c.Connections,
		buffers:   &p.buffers,
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
	p.adopt(e)
	e.dial = e.dialTCP
	e.line.most, e.line.patience = c.Limits.EndpointQueue, c.Limits.Patience
	if p.begun {
		p.watch(e)
	}
	return e
}

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

// enter begins the use of an endpoint, if it takes one more request.
func (e *endpoint) enter() bool {
	if most := e.places.EndpointInFlight; most > 0 {
		if !e.pending.take(most + int(e.checking.Load())) {
			return false
		}
	} else {
		e.pending.Add(1)
	}
	e.places.all.Add(1)
	return true
}

// leave ends the use of an endpoint. Who waits for the place of a request that is not over yet hears when it is.
func (e *endpoint) leave() {
	e.quit()
	if e.line.empty() && e.places.InFlight == 0 {
		e.places.wake()
	}
	e.line.wake()
}

func (e *endpoint) quit() {
	e.pending.Add(-1)
	e.places.all.Add(-1)
}

// unused ends the use of an endpoint that has not got a connection. Where none was free, nothing is free now.
func (e *endpoint) unused(err error) (spent, error) {
	if errors.Is(err, ErrBusy) {
		e.quit()
	} else {
		e.leave()
	}
	return nothing, err
}

// settle ends the use of a connection, and of the endpoint.
func (e *endpoint) settle(c *conn, keep bool) {
	c.rested = c.Now()
	c.giveBack(keep && c.rested < c.ends)
	e.leave()
}

func (e *endpoint) close() {
	if e.unwatch != nil {
		e.unwatch()
	}
	e.kept.close()
	e.closed.Store(true)
	if e.mux != nil {
		e.mux.leave()
	}
}
