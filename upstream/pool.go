package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/message"
	"github.com/wafer-waf/wafer/upstream/balance"
	"github.com/wafer-waf/wafer/upstream/discover"
	"github.com/wafer-waf/wafer/upstream/health"
	"github.com/wafer-waf/wafer/upstream/health/check"
)

// Protocol is by which version of HTTP endpoints are asked.
type Protocol int

// Which it can be.
const (
	HTTP1 Protocol = iota
	HTTP2          // chosen by ALPN with TLS, and without known before
	Auto           // with TLS what the endpoint prefers, and without HTTP/1
)

// Config describes one upstream. Connections must be positive.
type Config struct {
	ID          string
	Endpoints   []string // http://host:port, or all of them https://host:port
	TLS         TLS      // with those
	Encrypted   bool     // where there are none, but sources: what they find is asked by TLS
	Discovery   Discovery
	Every       time.Duration     // between two looks at a name; zero: five seconds
	Resolver    discover.Resolver // that is asked for names; nil: the system's
	Sources     []discover.Source // that say where endpoints are, beside names
	Shares      []Share           // of Endpoints, by their places; nil: they are equal, and in no zone
	Balance     balance.Options
	Affinity    Affinity
	Health      health.Config // whether there are checks is filled in
	Checks      *check.Config // nil: endpoints are not checked
	Protocol    Protocol
	Connections int // at most, to each endpoint
	Retries     Retries
	Limits      Limits
	Age         Age           // of connections
	Connect     time.Duration // to open connections, name lookups included, in all attempts of an exchange; 0: any
	Handshake   time.Duration // of TLS on one; 0: as long as Connect
	Response    time.Duration // last byte of the request to the response head; also a write without progress; 0: any
	Total       time.Duration // from the first attempt to the last byte of the response; 0: any
	Idle        time.Duration // a kept-alive connection is closed after it; 0: after a day

	// Changed, if not nil, is called when no connection to an endpoint can be opened any more: once, and again when the
	// reason is another one or, with nil, when all is well. It must not block.
	Changed func(endpoint string, err error)
	// SourceChanged is called likewise of a name or a Service that does not say where endpoints are.
	SourceChanged func(source string, err error)
}

func (c *Config) check() error {
	var errs []error
	if len(c.Endpoints) == 0 && len(c.Sources) == 0 {
		errs = append(errs, errors.New("no endpoints"))
	}
	if c.Connections <= 0 {
		errs = append(errs, errors.New("connections not positive"))
	}
	if c.Connect < 0 || c.Handshake < 0 || c.Response < 0 || c.Idle < 0 {
		errs = append(errs, errors.New("timeout is negative"))
	}
	return errors.Join(errs...)
}

// longest stands for no limit: times are added up. What sleeps for as long as a connection may be idle, or a ping be under way, outlives
// the Pool, so that less has to do there.
const (
	longest     = 50 * 365 * 24 * time.Hour
	longestIdle = 24 * time.Hour
	longestPing = time.Minute
)

// bound has all times that a Pool waits be some, and short enough to be added up.
func (c *Config) bound() {
	limited := func(d, most time.Duration) time.Duration {
		if d == 0 {
			return most
		}
		return min(d, most)
	}
	if c.Handshake == 0 {
		c.Handshake = c.Connect
	}
	c.Connect, c.Handshake = limited(c.Connect, longest), limited(c.Handshake, longest)
	c.Idle = limited(c.Idle, longestIdle)
	c.Response, c.Total = min(c.Response, longest), min(c.Total, longest)
	c.Retries.Least = min(c.Retries.Least, math.MaxInt32)
}

// Pool is one upstream.
type Pool struct {
	id        string
	connect   time.Duration
	total     time.Duration // 0: any
	balance   balance.Options
	affinity  Affinity
	endpoints atomic.Pointer[[]member] // a list is never changed, only replaced
	health    *health.Set
	checks    *check.Checker // nil: there are none
	retries   Retries
	budget    budget
	places    places
	buffers   buffers

	changing sync.Mutex        // held by who replaces the list
	closed   bool              // guarded by changing, as the next three are
	begun    bool              // to do what nobody asks for
	served   bool              // it has begun once
	heritage map[string]legacy // of the Pool before, by address
	stop     func()            // ends discovery, if there is any

	config  *Config       // that endpoints found later are made by
	sources []followed    // as long as the pool: only what they tell changes
	found   chan struct{} // closed when all of them have told what they know
	placed  atomic.Bool   // somebody of them has told where endpoints are

	tls *tls.Config // nil: cleartext

	ctx context.Context // of all connections
	cut func()
}

// live returns the endpoints as they are now.
func (p *Pool) live() []member { return *p.endpoints.Load() }

// New returns the Pool that c describes. It opens no connection, and waits for nobody: until
// discovery has an answer, the endpoints are those configured, if they can be asked. A Pool must be closed.
func New(c Config) (*Pool, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("upstream %q: %w", c.ID, err)
	}
	c.bound()
	ctx, cut := context.WithCancel(context.Background())
	p := &Pool{
		ctx: ctx, cut: cut, id: c.ID, connect: c.Connect, total: c.Total, balance: c.Balance, affinity: c.Affinity, retries: c.Retries, stop: func() {},
		found: make(chan struct{}), config: &c,
	}
	if c.Health.Checks = c.Checks != nil; c.Health.Checks {
		p.checks = check.New(*c.Checks)
	}
	p.health = health.NewSet(c.Health)
	p.places.limit(c.Limits)
	p.places.spare = p.spareOne
	p.balance.InFlight = func() int { return int(p.places.all.Load()) }
	p.budget.share, p.budget.least = int64(c.Retries.Share), int32(c.Retries.Least)
	begin, err := p.targets(&c)
	if err != nil {
		cut()
		return nil, fmt.Errorf("upstream %q: %w", c.ID, err)
	}
	var list []member
	for _, to := range begin {
		list = append(list, member{endpoint: p.newEndpoint(to, &c), Target: to})
	}
	p.keep(list)
	following, cancel := context.WithCancel(ctx)
	p.stop = cancel
	p.follow(following, &c)
	return p, nil
}

// targets reads the endpoints as configured, and how to speak to them.
func (p *Pool) targets(c *Config) ([]discover.Target, error) {
	var all []discover.Target
	encrypted := 0
	for i, s := range c.Endpoints {
		to, secure, err := endpointAddr(s)
		if err != nil {
			return nil, err
		}
		if c.Shares != nil {
			to.Weight, to.Zone = c.Shares[i].Weight, c.Shares[i].Zone
		}
		if secure {
			encrypted++
		}
		all = append(all, to)
	}
	if encrypted > 0 && encrypted < len(all) {
		return nil, errors.New("endpoints are either http or https")
	}
	if encrypted > 0 || len(all) == 0 && c.Encrypted {
		var err error
		if p.tls, err = c.TLS.config(time.Now(), c.Protocol.offers()...); err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
	}
	return c.start(all)
}

// offers are what ALPN offers to an endpoint.
func (p Protocol) offers() []string {
	switch p {
	case HTTP2:
		return []string{alpnHTTP2}
	case Auto:
		return []string{alpnHTTP2, alpnHTTP1}
	}
	return []string{alpnHTTP1}
}

// ID returns the upstream's name in the configuration.
func (p *Pool) ID() string { return p.id }

// Affinity returns what of a request decides which endpoint is asked.
func (p *Pool) Affinity() Affinity { return p.affinity }

// CertificateEnds is when the certificate ends that endpoints are shown; zero: there is none.
func (p *Pool) CertificateEnds() time.Time {
	if p.tls == nil || len(p.tls.Certificates) == 0 {
		return time.Time{}
	}
	return p.tls.Certificates[0].Leaf.NotAfter
}

// Close closes idle connections and keeps no more: exchanges in flight finish, and so
// does one that begins later, on a connection of its own.
func (p *Pool) Close() {
	p.stop()
	p.changing.Lock()
	defer p.changing.Unlock()
	p.closed = true
	for _, e := range p.live() {
		e.close()
	}
}

// Cut ends all exchanges at once, those included that are being connected, and lets no other succeed.
func (p *Pool) Cut() { p.cut() }

// Do sends out to one endpoint and fills x from the response. If x.Body is not nil then it
// must be closed. out is written as built, and framed as its body says; it must not bring fields
// of framing (Content-Length, Transfer-Encoding) itself.
//
// Endpoints that refuse a connection, or have none free, are passed over, each tried at most once. What an endpoint has
// not begun with is sent again to another one, whatever it is; what ended without a byte of the response is if
// the method is idempotent (RFC 9110, 9.2.2) and the body is not a stream. Config.Retries bounds both.
//
// The errors are ErrBusy, ErrNone, *ConnectError, *ClientBodyError, or wrap ErrTimeout,
// ErrMalformed or ErrClosed.
func (p *Pool) Do(out *message.Request, x *Exchange) error {
	x.reset()
	unframed(out)
	now := time.Now()
	p.budget.asked.add(now)
	if x.until = (time.Time{}); p.total > 0 {
		x.until = now.Add(p.total)
		if x.Deadline.IsZero() || x.until.Before(x.Deadline) {
			x.Deadline, x.Fair = x.until, p.total/2
		}
	}
	err := p.admit(out, x)
	switch {
	case err == nil:
	case expired(x.until):
		err = tooLate(err, Endless)
	case expired(x.Deadline):
		err = tooLate(err, OutOfTime)
	}
	return err
}

// try makes an exchange if there is a place for it, which it keeps until the body of the response is closed.
func (p *Pool) try(out *message.Request, x *Exchange) error {
	if !p.places.take() {
		return ErrBusy
	}
	kept := false
	defer func() {
		if !kept {
			p.places.give()
		}
	}()
	x.tried.Clear()
	x.left = false
	a := attempts{pool: p, out: out, x: x, list: p.known(x), connect: p.connect}
	if err := a.run(); err != nil || x.Body == nil {
		return err
	}
	kept = true
	if x.stream != nil {
		x.stream.places = &p.places
	} else {
		x.body.places = &p.places
	}
	return nil
}

// limit is how long an attempt may take.
type limit struct {
	connect time.Duration // to open a connection, name lookup included
	until   time.Time     // until there is the head of a response; zero: any time
	careful bool          // the request must not be lost with a connection that had been idle

	unlimited bool // the connection counts against no limit

	placed func() // is told when there is room for the request; nil: nobody is
}

// found tells that there is room for the request.
func (l limit) found() {
	if l.placed != nil {
		l.placed()
	}
}

// secure is when a handshake that begins now has to be over.
func (l limit) secure(handshake time.Duration) time.Time {
	until := time.Now().Add(handshake)
	if !l.until.IsZero() && l.until.Before(until) {
		return l.until
	}
	return until
}

// ask sends out to an endpoint; anew: on a connection that was not there before. After an error it tells how much of the
// request is used up. The use of the endpoint has begun, and ends here or with the body of the response.
func (p *Pool) ask(e *endpoint, anew bool, within limit, out *message.Request, x *Exchange) (spent, error) {
	if e.mux != nil {
		return e.askMany(within, out, x)
	}
	if anew {
		c, err := e.fresh(within)
		if err != nil {
			return e.unused(err)
		}
		return e.exchange(c, false, out, x)
	}
	c, reused, err := e.acquire(within)
	if err != nil {
		return e.unused(err)
	}
	return e.exchange(c, reused, out, x)
}
