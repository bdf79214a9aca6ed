package proxy

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// One route's flood does not keep another waiting behind all of it.
func TestBulkheadIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(1, 10, time.Minute)
		var flood, other lane
		if !b.enter(&flood, who{}) {
			t.Fatal("no place in an empty bulkhead")
		}
		var mu sync.Mutex
		var order []string
		queue := func(l *lane, name string) {
			go func() {
				if !b.enter(l, who{}) {
					t.Error("shed", name)
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				b.leave(l, netip.Prefix{})
			}()
			synctest.Wait()
		}
		for range 5 {
			queue(&flood, "flood")
		}
		queue(&other, "other")
		queue(&other, "other")
		if n := b.queued(); n != 7 {
			t.Errorf("%d wait, want 7", n)
		}
		b.leave(&flood, netip.Prefix{})
		synctest.Wait()
		if want := []string{"flood", "other", "flood", "other", "flood", "flood", "flood"}; !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
		if b.free != 1 || b.queued() != 0 || b.turn.first != nil {
			t.Errorf("afterwards: %d free, %d waiting, %v", b.free, b.queued(), b.turn)
		}
	})
}

func TestBulkheadSheds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(1, 2, time.Second)
		var l lane
		b.enter(&l, who{})
		shed := make(chan time.Duration, 2)
		began := time.Now()
		for range 2 {
			go func() {
				if b.enter(&l, who{}) {
					t.Error("got a place that was taken")
				}
				shed <- time.Since(began)
			}()
		}
		synctest.Wait()
		if b.enter(&l, who{}) {
			t.Error("a third waiter got in")
		}
		for range 2 {
			if waited := <-shed; waited != time.Second {
				t.Errorf("waited %s, want 1s", waited)
			}
		}
		b.leave(&l, netip.Prefix{})
		if !b.enter(&l, who{}) {
			t.Error("no place after all have left")
		}
	})
}

// A response waits for its place however many wait already.
func TestBulkheadDoesNotShedResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(1, 0, time.Second)
		var l lane
		b.enterLate(&l, netip.Prefix{})
		if b.enter(&l, who{}) {
			t.Fatal("a request got in")
		}
		entered := make(chan struct{})
		go func() {
			b.enterLate(&l, netip.Prefix{})
			close(entered)
		}()
		synctest.Wait()
		time.Sleep(time.Hour)
		select {
		case <-entered:
			t.Fatal("a response got a place that was taken")
		default:
		}
		b.leave(&l, netip.Prefix{})
		<-entered
	})
}

// One route never holds the last place.
func TestBulkheadKeepsAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(3, 10, time.Second)
		var flood, other lane
		for range 2 {
			if !b.enter(&flood, who{}) {
				t.Fatal("no place in an empty bulkhead")
			}
		}
		third := make(chan bool)
		go func() { third <- b.enter(&flood, who{}) }()
		synctest.Wait()
		if !b.enter(&other, who{}) {
			t.Fatal("no place for another route")
		}
		b.leave(&other, netip.Prefix{}) // which the flood may not have either
		if <-third {
			t.Error("one route holds all places")
		}
		b.leave(&flood, netip.Prefix{})
		if !b.enter(&flood, who{}) {
			t.Error("a place that was given back is lost")
		}
	})
}

// Places are neither lost nor invented when waiting ends just as a place is given.
func TestBulkheadKeepsCount(t *testing.T) {
	b := newBulkhead(3, 4, 50*time.Microsecond)
	lanes := make([]lane, 4)
	by := []who{clientNumber(0), clientNumber(1), clientNumber(2), clientNumber(3), clientNumber(4)}
	by[1].class, by[3].class = suspected, vouched
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 500 {
				if b.enter(&lanes[i%4], by[i%5]) {
					b.leave(&lanes[i%4], by[i%5].client)
				}
			}
		})
	}
	wg.Wait()
	if b.free != 3 || b.waiting != 0 || b.turn.first != nil {
		t.Errorf("afterwards: %d free, %d waiting, %v; want 3, 0", b.free, b.waiting, b.turn)
	}
	for i := range lanes {
		if l := &lanes[i]; l.held != 0 || l.waiting != 0 || len(l.guests) != 0 || l.turns != [classes]queue[*turn]{} {
			t.Errorf("afterwards: lane %+v", l)
		}
	}
}
