package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/wafer-waf/wafer/test/corpus"
)

// capacity is what docs/capacity.md is made of.
type capacity struct {
	Machine    machine
	Costs      []cost
	Saturation []saturation
	Sizes      []size
	IdleCores  float64 // of a process that nobody asks
}

// cost is the CPU time of a thousand requests of a kind, in milliseconds: of each repetition.
type cost struct {
	Request, Mode string
	Millis        []float64
}

// saturation is one pod on one core, asked on so many connections at once.
type saturation struct {
	Connections        int
	PerSecond          float64 // answered: passed or blocked
	Refused            float64 // answered with 503, per second
	P50, P99, MaxMicro float64
}

// size is a process with so many policies that share nothing, each with a route.
type size struct {
	Policies     int
	ReadySeconds float64 // of CPU
	RestBytes    int64
	LoadBytes    int64 // the most, under load on all routes
}

// What is measured.
var (
	sizesMeasured       = []int{1, 2, 5, 10}
	connectionsMeasured = []int{1, 4, 16, 64, 256}
)

// few connections keep a core busy, and nothing waits that would count.
const few = 4

// measureCapacity measures one process on one core: what a request costs, what a policy weighs,
// and what happens when there is too much of both.
func measureCapacity(ctx context.Context, o options) error {
	began := time.Now()
	c := capacity{}
	var err error
	if c.Machine, err = describe(ctx, o, ""); err != nil { // without peers
		return err
	}
	s := &site{}
	if s.self, err = os.Executable(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "wafer-capacity-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	defer s.stopAll()
	if err := s.startBackend(ctx); err != nil {
		return err
	}
	l, err := newLibrary()
	if err != nil {
		return err
	}
	pools, err := tierPools(l)
	if err != nil {
		return err
	}
	mix := pools["attacks"] // the mix with attacks in it
	if c.Costs, err = s.costs(ctx, o, []pool{pools["get"], pools["form"], pools["json"], pools["attack"], mix}, mix); err != nil {
		return err
	}
	routes, err := s.routes("saturation", "block", 1, 1)
	if err != nil {
		return err
	}
	v, _, err := s.startWafer(ctx, o.wafer, "wafer block", "off", routes)
	if err != nil {
		return err
	}
	before := cpuTime(v.pids)
	time.Sleep(3 * time.Second) // what is measured is that nothing happens
	c.IdleCores = round((cpuTime(v.pids)-before).Seconds()/3, 4)
	for _, n := range connectionsMeasured {
		d, err := drive(ctx, v, mix, n, time.Duration(o.Seconds)*time.Second)
		if err != nil {
			return err
		}
		c.Saturation = append(c.Saturation, d.saturation(n))
		say("saturation: %d connections: %.0f per second, %.0f refused", n, c.Saturation[len(c.Saturation)-1].PerSecond, c.Saturation[len(c.Saturation)-1].Refused)
		v.settle()
	}
	s.stop(v)
	for _, n := range sizesMeasured {
		one, err := s.size(ctx, o, l, n)
		if err != nil {
			return err
		}
		say("size: %d policies: ready in %.2f s, %s at rest, %s under load", n, one.ReadySeconds, mebibytes(float64(one.RestBytes)), mebibytes(float64(one.LoadBytes)))
		c.Sizes = append(c.Sizes, one)
	}
	c.Machine.LoadAfter, c.Machine.Minutes = loadAverage(), round(time.Since(began).Minutes(), 1)
	return write(o.out, "capacity", c)
}

// costs measures every kind of request with inspection, and the mix without.
func (s *site) costs(ctx context.Context, o options, pools []pool, off pool) ([]cost, error) {
	var all []cost
	for _, mode := range []string{"block", "off"} {
		routes, err := s.routes("cost-"+mode, mode, 1, 1)
		if err != nil {
			return nil, err
		}
		v, _, err := s.startWafer(ctx, o.wafer, "wafer "+mode, "off", routes)
		if err != nil {
			return nil, err
		}
		if mode == "off" {
			pools = []pool{off}
		}
		for _, p := range pools {
			c := cost{Request: p.name, Mode: mode}
			for range o.Repetitions {
				before := cpuTime(v.pids)
				d, err := drive(ctx, v, p, few, time.Duration(o.Seconds)*time.Second)
				if err != nil {
					return nil, err
				}
				if d.refused > 0 {
					return nil, fmt.Errorf("%s: %d requests were refused: on %d connections nothing should wait", p.name, d.refused, few)
				}
				used := cpuTime(v.pids) - before
				c.Millis = append(c.Millis, round(used.Seconds()*1e6/float64(d.answered), 2))
			}
			say("cost: %s, %s: %.0f ms for a thousand requests", p.name, mode, middle(c.Millis))
			all = append(all, c)
		}
		s.stop(v)
	}
	return all, nil
}

// size starts a process with n policies anew, because memory has a history.
func (s *site) size(ctx context.Context, o options, l *library, n int) (size, error) {
	routes, err := s.routes(fmt.Sprintf("size-%d", n), "block", n, n)
	if err != nil {
		return size{}, err
	}
	v, _, err := s.startWafer(ctx, o.wafer, "wafer block", "off", routes)
	if err != nil {
		return size{}, err
	}
	defer s.stop(v)
	took := cpuTime(v.pids) // so far, for being ready
	engines, err := v.metric("wafer_engines")
	if err != nil {
		return size{}, err
	}
	if int(engines) != n {
		return size{}, fmt.Errorf("%d policies have %v engines: they were to share nothing", n, engines)
	}
	v.settle()
	pid := v.cmd.Process.Pid
	one := size{Policies: n, ReadySeconds: round(took.Seconds(), 3), RestBytes: residentBytes(pid)}
	var host func(int) string
	if n > 1 {
		host = func(i int) string { return thousandHosts(i % n) }
	}
	p, err := l.pool(corpus.Mixed, 1000, host)
	if err != nil {
		return size{}, err
	}
	done := make(chan error, 1)
	go func() {
		_, err := drive(ctx, v, p, few, 2*time.Duration(o.Seconds)*time.Second)
		done <- err
	}()
	for {
		select {
		case err := <-done:
			return one, err
		case <-time.After(50 * time.Millisecond):
			one.LoadBytes = max(one.LoadBytes, residentBytes(pid))
		}
	}
}

// driven is what came of asking for a while.
type driven struct {
	answered, refused int
	length            time.Duration
	took              []time.Duration // of what was answered
}

// drive asks on so many connections, each as soon as it has its answer.
func drive(ctx context.Context, v *server, p pool, connections int, length time.Duration) (driven, error) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	began := time.Now()
	var mu sync.Mutex
	var all driven
	var errs []error
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			mine, err := keepAsking(ctx, v, p, i*7) // each begins elsewhere in the list
			mu.Lock()
			defer mu.Unlock()
			all.answered, all.refused, all.took = all.answered+mine.answered, all.refused+mine.refused, append(all.took, mine.took...)
			errs = append(errs, err)
		})
	}
	wg.Wait()
	all.length = time.Since(began)
	if err := errors.Join(errs...); err != nil {
		return all, fmt.Errorf("%s on %d connections: %w", p.name, connections, err)
	}
	if all.answered == 0 {
		return all, fmt.Errorf("%s on %d connections: no answer in %s", p.name, connections, length)
	}
	slices.Sort(all.took)
	return all, nil
}

// keepAsking is one connection of drive.
func keepAsking(ctx context.Context, v *server, p pool, from int) (driven, error) {
	var d driven
	c := &client{addr: v.addr}
	defer c.close()
	for i := from; ctx.Err() == nil; i++ {
		r := p.list[i%len(p.list)]
		began := time.Now()
		status, err := c.do(r.raw)
		switch {
		case err != nil:
			return d, err
		case status == 503:
			d.refused++
			continue
		case status != 200 && !(r.attack && v.rightly(r, status)):
			return d, fmt.Errorf("status %d", status)
		}
		d.answered++
		d.took = append(d.took, time.Since(began))
	}
	return d, nil
}

func (d driven) saturation(connections int) saturation {
	return saturation{
		Connections: connections,
		PerSecond:   round(float64(d.answered)/d.length.Seconds(), 1),
		Refused:     round(float64(d.refused)/d.length.Seconds(), 1),
		P50:         micros(quantile(d.took, 0.5)), P99: micros(quantile(d.took, 0.99)), MaxMicro: micros(d.took[len(d.took)-1]),
	}
}
