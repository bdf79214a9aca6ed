package faults

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wafer-waf/wafer/upstream"
)

// load is clients that ask one after the other, until they are stopped.
type load struct {
	mu     sync.Mutex
	more   sync.Cond
	done   int
	failed atomic.Int64
	stop   atomic.Bool
	wg     sync.WaitGroup
}

func begin(t *testing.T, p *upstream.Pool, methods ...string) *load {
	l := &load{}
	l.more.L = &l.mu
	for n := range clients {
		l.wg.Go(func() {
			var x upstream.Exchange
			for i := 0; !l.stop.Load(); i++ {
				m := methods[i%len(methods)]
				if err := ask(p, &x, m, fmt.Sprint(n, ".", i)); err != nil {
					l.failed.Add(1)
					t.Logf("%s at %s, again %d, unaffordable %v: %v", m, x.Endpoint, x.Again, x.Unaffordable, err)
				}
				l.mu.Lock()
				l.done++
				l.mu.Unlock()
				l.more.Broadcast()
			}
		})
	}
	return l
}

// until waits for n more requests.
func (l *load) until(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for last := l.done + n; l.done < last; {
		l.more.Wait()
	}
}

func (l *load) end() {
	l.stop.Store(true)
	l.wg.Wait()
}

// One of three endpoints is killed under load, comes back, and is killed again. No request that may be sent twice fails.
func TestOneOfThreeIsKilled(t *testing.T) {
	var all []*endpoint
	var urls []string
	for range 3 {
		e := start(t, &endpoint{})
		all, urls = append(all, e), append(urls, e.url())
	}
	p := newPool(t, nil, urls...)
	l := begin(t, p, "GET", "PUT", "DELETE", "HEAD")
	for range 5 {
		l.until(500)
		all[1].kill()
		l.until(500)
		all[1].revive()
	}
	l.end()
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed", n, l.done)
	}
}

// When all are gone, the answer is that nobody is there.
func TestAllAreGone(t *testing.T) {
	var all []*endpoint
	var urls []string
	for range 3 {
		e := start(t, &endpoint{})
		all, urls = append(all, e), append(urls, e.url())
	}
	p := newPool(t, nil, urls...)
	var x upstream.Exchange
	for range 9 {
		if err := ask(p, &x, "GET", "1"); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range all {
		e.kill()
	}
	for i := range 30 {
		err := ask(p, &x, []string{"GET", "POST"}[i%2], "2")
		if why := upstream.FailureOf(err); why != upstream.Unreachable || why.Status != 503 || !errors.As(err, new(*upstream.ConnectError)) {
			t.Errorf("%v", err)
		}
	}
	for _, e := range all {
		e.revive()
	}
	if err := ask(p, &x, "POST", "3"); err != nil {
		t.Errorf("all are back: %v", err)
	}
}
