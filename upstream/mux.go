package upstream

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/socket"
	"github.com/wafer-waf/wafer/upstream/http2"
)

// mux are the connections to an endpoint that speaks HTTP/2, or may.
type mux struct {
	single atomic.Bool // it may, and has chosen HTTP/1

	mu   sync.Mutex
	live []*shared
	dial *dialing // nil: nobody dials
}

// shared is a connection with many requests at once.
type shared struct {
	*http2.Conn
	proved atomic.Bool // the endpoint has answered on it
}

// dialing is an attempt at a connection, for which others wait.
type dialing struct {
	done chan struct{}
	err  error
	cut  bool // by the deadline of who dialed
}

// session returns a place on a connection that speaks HTTP/2 or, if the endpoint prefers it, a connection that speaks HTTP/1.
// reused tells whether it was there before. The error is ErrBusy or a *ConnectError.
func (e *endpoint) session(within limit) (*shared, *conn, bool, error) {
	s, d, mine := e.mux.place()
	if s != nil {
		return s, nil, true, nil
	}
	late := time.NewTimer(within.connect + e.handshake)
	defer late.Stop()
	for {
		switch {
		case s != nil:
			return s, nil, true, nil
		case mine:
			return e.dialSession(d, within)
		case d == nil:
			return e.openSession(within)
		}
		select {
		case <-d.done:
			if d.err != nil && !d.cut {
				return nil, nil, false, d.err
			}
		case <-late.C:
			return nil, nil, false, &ConnectError{e.addr, os.ErrDeadlineExceeded}
		}
		s, d, mine = e.mux.place()
	}
}

// place returns a place on a connection or, if there is none, the attempt at one that is to be waited for; mine: it is to be made. Where
// HTTP/1 was chosen last, each makes its own.
func (m *mux) place() (s *shared, d *dialing, mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.live {
		if s.Reserve() {
			return s, nil, false
		}
	}
	switch {
	case m.single.Load():
		return nil, nil, false
	case m.dial != nil:
		return nil, m.dial, false
	}
	m.dial = &dialing{done: make(chan struct{})}
	return nil, m.dial, true
}

// dialSession is openSession for all that wait for d.
func (e *endpoint) dialSession(d *dialing, within limit) (s *shared, c *conn, reused bool, err error) {
	defer func() {
		e.mux.mu.Lock()
		e.mux.dial, d.err, d.cut = nil, err, expired(within.until)
		e.mux.mu.Unlock()
		close(d.done)
	}()
	return e.openSession(within)
}

// openSession takes a connection from the pool, which has none that speak HTTP/2: it dials.
func (e *endpoint) openSession(within limit) (*shared, *conn, bool, error) {
	c, reused, err := e.acquire(within)
	if err != nil {
		return nil, nil, false, err
	}
	if e.tls != nil && c.secure.chosen != alpnHTTP2 {
		e.mux.single.Store(true)
		return nil, c, reused, nil
	}
	e.mux.single.Store(false)
	c.multiplexed(e.response)
	s := &shared{}
	aging := time.AfterFunc(time.Duration(socket.Never), func() { s.Leave() })
	s.Conn, err = http2.New(c, http2.Options{
		Secure: e.tls != nil, Idle: e.idle, Probe: e.probe,
		Closed: func() {
			aging.Stop()
			e.mux.remove(s)
			c.giveBack(false)
		},
	})
	if err != nil {
		c.giveBack(false)
		return nil, nil, false, &ConnectError{e.addr, err}
	}
	s.Reserve()
	e.mux.mu.Lock()
	if s.Usable() {
		e.mux.live = append(e.mux.live, s)
	}
	e.mux.mu.Unlock()
	aging.Reset(time.Duration(c.ends - c.Now()))
	return s, nil, false, nil
}

func (m *mux) remove(s *shared) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.live = slices.DeleteFunc(m.live, func(o *shared) bool { return o == s })
}

// closeUnused closes a connection that nobody uses. It reports false if there is none.
func (m *mux) closeUnused() bool {
	m.mu.Lock()
	all := slices.Clone(m.live)
	m.mu.Unlock()
	return slices.ContainsFunc(all, func(s *shared) bool { return s.LeaveUnused() })
}

// leave lets the connections end behind what is under way on them.
func (m *mux) leave() {
	m.mu.Lock()
	all := slices.Clone(m.live)
	m.mu.Unlock()
	for _, s := range all {
		s.Leave()
	}
}

// stream sends out on a connection with a place for it, and reads the head of the response into x. lost is the error as the
// connection has it.
func (e *endpoint) stream(s *shared, out *message.Request, x *Exchange) (lost, err error) {
	handedOn := false
	defer func() {
		if !handedOn {
			e.settleStream()
		}
	}()
	body, lost := s.Do(out, &http2.Terms{
		Response: e.response, Deadline: x.Deadline, Silence: x.BodyIdle, Total: x.until, Trailers: x.Trailers, Stop: x.StopBody, Interim: x.Interim, Gone: x.Gone,
	}, &x.Response)
	if lost != nil {
		err = e.streamError(lost)
	}
	if e.tls != nil && !s.proved.Swap(true) && (err == nil || FailureOf(err) == Unwelcome) {
		e.health.note(err)
	}
	if err != nil || body == nil {
		return lost, err
	}
	x.stream = &streamBody{Body: body, endpoint: e, until: x.until}
	x.Body = x.stream
	x.Response.Body.Stream = x.stream
	handedOn = true
	return nil, nil
}

// askMany is ask for an endpoint that speaks HTTP/2, or may.
func (e *endpoint) askMany(within limit, out *message.Request, x *Exchange) (spent, error) {
	if x.Upgrade && e.tls != nil && len(e.tls.NextProtos) > 1 { // which HTTP/2 has no way for
		c, err := e.fresh(within)
		if err != nil {
			return e.unused(err)
		}
		return e.exchange(c, false, out, x)
	}
	s, c, reused, err := e.session(within)
	switch {
	case err != nil:
		return e.unused(err)
	case c != nil:
		return e.exchange(c, reused, out, x)
	}
	within.found()
	lost, err := e.stream(s, out, x)
	switch {
	case errors.Is(lost, http2.ErrUnprocessed):
		return nothing, err
	case !errors.Is(lost, http2.ErrUnheard) || out.Body.Stream != nil:
		return spentAll, err
	case FailureOf(err) == Unwelcome:
		return nothing, err
	case reused:
		return stale, err
	}
	return sent, err
}

// settleStream ends the use of a place.
func (e *endpoint) settleStream() {
	e.leave()
	if e.closed.Load() { // asked afterwards: close may come at any time
		e.mux.leave()
	}
}

// streamBody is the body of a response by HTTP/2.
type streamBody struct {
	*http2.Body
	endpoint *endpoint
	places   *places   // one of them is taken
	until    time.Time // of all reads; zero: any
	closed   atomic.Bool
}

// Read implements io.Reader.
func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.Body.Read(p)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		what := Stalled
		if expired(b.until) {
			what = Endless
		}
		err = tooLate(b.endpoint.streamError(err), what)
	}
	return n, err
}

// Close implements io.Closer.
func (b *streamBody) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	err := b.Body.Close()
	b.endpoint.settleStream()
	if b.places != nil {
		b.places.give()
	}
	return err
}

// streamError gives an error of an exchange by HTTP/2 its kind.
func (e *endpoint) streamError(err error) error {
	var client *http2.BodyError
	var wrong http2.Malformed
	var reset *http2.Reset
	switch {
	case errors.As(err, &client):
		return &ClientBodyError{client.Err}
	case errors.As(err, &wrong):
		return &exchangeError{e.addr, nil, malformed(wrong)}
	case errors.Is(err, http2.ErrForeign):
		return &exchangeError{e.addr, nil, &knownError{NoProtocol, err}}
	case errors.Is(err, http2.ErrGone):
		return &exchangeError{e.addr, ErrGone, err}
	case errors.Is(err, http2.ErrUnprocessed) && refusal(err) != nil: // it came before the request
		return &exchangeError{e.addr, nil, refusal(err)}
	case errors.Is(err, http2.ErrUnprocessed), errors.As(err, &reset) && reset.Refused():
		return &exchangeError{e.addr, nil, &knownError{Refused, err}}
	case errors.As(err, &reset):
		return &exchangeError{e.addr, nil, &knownError{Reset, err}}
	case errors.Is(err, http2.ErrSilent):
		return &exchangeError{e.addr, ErrClosed, err}
	}
	return wireError(e.addr, err)
}
