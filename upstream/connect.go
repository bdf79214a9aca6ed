package upstream

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/wafer-waf/wafer/upstream/http2"
)

// dialTCP resolves names anew, so that a Service that moved is followed. The connection ends with the pool.
func (e *endpoint) dialTCP(timeout time.Duration) (*conn, error) {
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
	return c, nil
}

// connect opens a connection. The error is ErrBusy or a *ConnectError.
func (e *endpoint) connect(within limit, secure *tls.Config) (*conn, error) {
	if !within.unlimited && !e.room() {
		return nil, ErrBusy
	}
	within.found()
	c, err := e.dial(within.connect)
	if err != nil {
		if !within.unlimited {
			e.vacate()
		}
		return nil, e.unconnected(err)
	}
	c.endpoint, c.ends = e, e.age.end()
	c.counts.Store(!within.unlimited)
	if err := c.prepare(secure, within.secure(e.handshake)); err != nil {
		_ = c.Close()
		return nil, e.unconnected(err)
	}
	if c.secure == nil { // whether an endpoint accepts the tier's certificate is known behind the handshake only
		e.health.note(nil)
	}
	return c, nil
}

// room takes the place of one more connection, at the endpoint and at the upstream. Connections on which nothing is asked make
// room: those of this endpoint for one that has to be new, those of others for any.
func (e *endpoint) room() bool {
	for !e.open.take(e.most) {
		if !e.kept.closeOldest() {
			return false
		}
	}
	for !e.places.connect() {
		if !e.kept.closeOldest() && !e.places.spare() {
			e.open.Add(-1)
			return false
		}
	}
	return true
}

// vacate gives the place of a connection back.
func (e *endpoint) vacate() {
	e.open.Add(-1)
	e.places.disconnect()
}

// prepare makes a connection that is new ready for the first exchange.
func (c *conn) prepare(secure *tls.Config, until time.Time) error {
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

// acquire returns a connection on which nothing is waiting, one that is kept or a new one. reused tells which. The error is
// ErrBusy or a *ConnectError.
func (e *endpoint) acquire(within limit) (c *conn, reused bool, err error) {
	if c := e.reuse(within.careful); c != nil {
		within.found()
		return c, true, nil
	}
	if c, err = e.connect(within, e.tls); err != nil {
		return nil, false, err
	}
	c.keeps = true
	return c, false, nil
}

// reuse returns a connection that is kept and may be used again; nil: there is none. careful: the request must not be lost with
// it. Where one has rested for too long for that, so have all that come next.
func (e *endpoint) reuse(careful bool) *conn {
	for {
		c := e.kept.take()
		if c == nil {
			return nil
		}
		c.idle = c.resting()
		alive := c.Now() < c.ends && c.idle <= c.rests()
		if alive && !c.silent() {
			e.habit.closed(c.idle)
			alive = false
		}
		if !alive {
			_ = c.Close()
			continue
		}
		safe := !careful || e.habit.safe(c.idle)
		e.habit.lasted(c.idle)
		if safe {
			return c
		}
		c.giveBack(true) // others may use it
		return nil
	}
}

// fresh returns a new connection for one exchange by HTTP/1.
func (e *endpoint) fresh(within limit) (*conn, error) {
	secure := e.tls
	if secure != nil && e.mux != nil {
		secure = secure.Clone()
		secure.NextProtos = []string{alpnHTTP1}
	}
	return e.connect(within, secure)
}

// unconnected notes why there is no connection.
func (e *endpoint) unconnected(err error) error {
	err = &ConnectError{e.addr, err}
	e.health.note(err)
	return err
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
