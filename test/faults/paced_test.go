package faults

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/test/tier"
	"github.com/wafer-waf/wafer/upstream"
)

// perSecond is how many requests arrive in a second, whether those before are answered or not.
const perSecond = 500

// secondsVariable is how long each part of the long form takes.
const secondsVariable = "WAFER_TEST_FAULTS_SECONDS"

func seconds() int {
	if n, err := strconv.Atoi(os.Getenv(secondsVariable)); err == nil {
		return n
	}
	return 1
}

// pace has requests arrive.
type pace struct {
	t      testing.TB
	pool   *upstream.Pool
	wg     sync.WaitGroup
	sent   atomic.Int64
	again  atomic.Int64
	failed atomic.Int64
	most   atomic.Int64 // the longest that one has taken
	clock  clock
}

// clock says when the next request arrives: what a machine with other work was late for follows at once, so that no fewer do.
type clock struct{ next time.Time }

func (c *clock) wait() {
	if c.next.IsZero() {
		c.next = time.Now()
	}
	c.next = c.next.Add(time.Second / perSecond)
	<-time.After(time.Until(c.next))
}

// run has n requests arrive, of methods that may be sent twice.
func (p *pace) run(n int) {
	methods := []string{"GET", "PUT", "DELETE", "HEAD"}
	for i := range n {
		p.clock.wait()
		p.wg.Go(func() {
			var x upstream.Exchange
			began := time.Now()
			if err := ask(p.pool, &x, methods[i%len(methods)], fmt.Sprint(i)); err != nil {
				p.failed.Add(1)
				p.t.Logf("%s at %s, again %d: %v", methods[i%len(methods)], x.Endpoint, x.Again, err)
			}
			p.again.Add(int64(x.Again))
			p.sent.Add(1)
			for took := int64(time.Since(began)); ; {
				if was := p.most.Load(); took <= was || p.most.CompareAndSwap(was, took) {
					return
				}
			}
		})
	}
}

// One of three endpoints is killed under 500 requests a second, and comes back. No request fails, and behind the ejection all
// three are asked alike.
func TestOneOfThreeIsKilledAtAPace(t *testing.T) {
	var all []*endpoint
	var urls []string
	for range 3 {
		e := start(t, &endpoint{})
		all, urls = append(all, e), append(urls, e.url())
	}
	p := newPool(t, func(c *upstream.Config) { c.Health.Base, c.Health.Max = time.Second, 2*time.Second }, urls...)
	n := seconds() * perSecond
	began := time.Now()
	load := &pace{t: t, pool: p}
	load.run(n)
	all[1].kill()
	load.run(n)
	all[1].revive()
	revived := time.Now()
	for tries := 0; p.Endpoints()[1].State != "up"; tries++ {
		if tries > 600 {
			t.Fatal("it does not come back")
		}
		load.run(perSecond / 10)
	}
	t.Logf("asked again %s after it had come back", time.Since(revived).Round(time.Millisecond))
	// An endpoint that a busy machine has made slow is left alone for ten seconds: it is asked like the others after that.
	var got []int64
	for windows := 1; ; windows++ {
		var before []int64
		for _, e := range all {
			before = append(before, e.requests.Load())
		}
		load.run(n)
		load.wg.Wait()
		got = got[:0]
		for i, e := range all {
			got = append(got, e.requests.Load()-before[i])
		}
		if slices.Min(got) >= int64(n)/5 {
			break
		}
		if windows*seconds() > 60 {
			t.Fatalf("of %d requests endpoints get %d: %+v", n, got, p.Endpoints())
		}
	}
	t.Logf("%d requests in %s, %d of them asked again, %d failed, the longest took %s; afterwards they got %d", load.sent.Load(),
		time.Since(began).Round(time.Millisecond), load.again.Load(), load.failed.Load(), time.Duration(load.most.Load()).Round(time.Millisecond), got)
	if load.failed.Load() > 0 {
		t.Error("requests failed that may be sent twice")
	}
}

// slowOnes starts three endpoints of which the last one takes ten times as long as the others, and returns a tier in front of them
// whose balance is the host's name.
func slowOnes(t testing.TB, takes time.Duration) (w *tier.Tier, slow *atomic.Int64) {
	slow = new(atomic.Int64)
	var urls string
	for i := range 3 {
		urls += fmt.Sprintf("%q, ", "http://"+serve(t, nil, nil, each(func(s *session) {
			d := takes
			if i == 2 {
				d *= 10
				slow.Add(1)
			}
			time.Sleep(d) // what it does takes so long
			well(s)
		})))
	}
	route := ""
	upstreams := ""
	for _, balance := range []string{"least_request", "round_robin"} {
		route += fmt.Sprintf("  - { id: %s, hosts: [%s.test], upstreams: [{ id: %[1]s }] }\n", balance, name(balance))
		upstreams += fmt.Sprintf("  - { id: %s, balance: %[1]s, endpoints: [%s] }\n", balance, urls)
	}
	return tier.Plain(t, tier.RouteFile(t, "routes:\n"+route+"upstreams:\n"+upstreams+"policies: [{ id: default, mode: off }]\n")), slow
}

// name is a word as hosts have it.
func name(balance string) string {
	return map[string]string{"least_request": "least", "round_robin": "turns"}[balance]
}

// One of three endpoints takes ten times as long as the others. Of requests that come one after the other it gets a third by turns,
// and by least_request hardly any.
func TestATenTimesSlowerEndpoint(t *testing.T) {
	w, slow := slowOnes(t, 5*time.Millisecond)
	ask := func(host string, n int) int64 {
		before := slow.Load()
		if says := clientOf(t, w, host, make(chan struct{}, n)).ask("", n); says != fmt.Sprint(n, " 200") {
			t.Errorf("the client sees %s", says)
		}
		return slow.Load() - before
	}
	turns, least := ask("turns", 60), ask("least", 180)
	t.Logf("the slow one got %d of 60 by turns, %d of 180 by least_request", turns, least)
	if turns != 20 || least > 30 {
		t.Errorf("the slow one got %d of 60 by turns, %d of 180 by least_request", turns, least)
	}
}
