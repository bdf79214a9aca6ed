package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// Config says what is asked and when. The durations must be positive.
type Config struct {
	Method, Path string
	Host         string // empty: the endpoint's address
	Good         func(status int) bool
	Body         string // what the body has to contain within its first BodyBytes

	GRPC    bool   // the health protocol of gRPC is spoken; what is said above has no meaning then
	Service string // whose health it is; empty: the server's

	Interval time.Duration // between two checks
	Down     time.Duration // between two checks of an endpoint that gets no requests
	Timeout  time.Duration // of a check
}

// BodyBytes is how much of a body is read.
const BodyBytes = 64 << 10

// Answer is a response, with the beginning of its body.
type Answer struct {
	Status   int
	Fields   message.Fields
	Body     []byte
	Trailers message.Fields
}

// Ask sends a request to an endpoint, and returns once there is an answer, or ctx has ended.
type Ask func(ctx context.Context, out *message.Request) (Answer, error)

// Endpoint is what a Checker has to know of an endpoint.
type Endpoint struct {
	Address string
	Ask     Ask
	Up      func() bool     // it gets requests
	Checked func(err error) // is told of each check: what was wrong, or nil
}

// Checker checks the endpoints of an upstream.
type Checker struct{ config Config }

// New returns the Checker that c describes.
func New(c Config) *Checker { return &Checker{c} }

// jitter is by which part of an interval a check comes earlier or later, at random, so that
// not all replicas ask at the same time.
const jitter = 0.1

// firstWithin is how long an endpoint that is new waits for its first check at most.
const firstWithin = time.Second

// Run checks an endpoint until ctx ends.
func (c *Checker) Run(ctx context.Context, e Endpoint) {
	wait := time.Duration(rand.Float64() * float64(min(firstWithin, c.config.Interval)))
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		err := c.once(ctx, e)
		if ctx.Err() != nil {
			return
		}
		e.Checked(err)
		wait = c.config.Interval
		if !e.Up() {
			wait = c.config.Down
		}
		wait += time.Duration((2*rand.Float64() - 1) * jitter * float64(wait))
	}
}

// errLate is what is wrong with an endpoint that says nothing.
var errLate = errors.New("no answer in time")

// once makes one check.
func (c *Checker) once(ctx context.Context, e Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	out, judge := c.request(e.Address), c.judge
	if c.config.GRPC {
		out, judge = c.call(e.Address), judgeCall
	}
	a, err := e.Ask(ctx, out)
	switch {
	case err == nil:
		return judge(&a)
	case ctx.Err() != nil:
		return errLate
	}
	return err
}

// userAgent says who asks.
const userAgent = "wafer-health-check"

func (c *Checker) host(address string) string {
	if c.config.Host != "" {
		return c.config.Host
	}
	return address
}

// request is what is asked by HTTP.
func (c *Checker) request(address string) *message.Request {
	host := c.host(address)
	return &message.Request{
		Method: c.config.Method, Target: c.config.Path, Protocol: message.HTTP11, Host: host,
		Fields: message.Fields{{Name: "Host", Value: host}, {Name: "User-Agent", Value: userAgent}, {Name: "Accept", Value: "*/*"}},
	}
}

// judge says what is wrong with an answer.
func (c *Checker) judge(a *Answer) error {
	if !c.config.Good(a.Status) {
		return fmt.Errorf("status %d", a.Status)
	}
	if c.config.Body != "" && !bytes.Contains(a.Body, []byte(c.config.Body)) {
		return errors.New("the body does not have the text")
	}
	return nil
}
