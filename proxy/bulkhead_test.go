package proxy

import (
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
		if !b.enter(&flood) {
			t.Fatal("no place in an empty bulkhead")
		}
		var mu sync.Mutex
		var order []string
		queue := func(l *lane, name string) {
			go func() {
				if !b.enter(l) {
					t.Error("shed", name)
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				b.leave(l)
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
		b.leave(&flood)
		synctest.Wait()
		if want := []string{"flood", "other", "flood", "other", "flood", "flood", "flood"}; !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
		if b.free != 1 || b.queued() != 0 || b.turn.Len() != 0 {
			t.Errorf("afterwards: %d free, %d waiting, %d lanes", b.free, b.queued(), b.turn.Len())
		}
	})
}

func TestBulkheadSheds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(1, 2, time.Second)
		var l lane
		b.enter(&l)
		shed := make(chan time.Duration, 2)
		began := time.Now()
		for range 2 {
			go func() {
				if b.enter(&l) {
					t.Error("got a place that was taken")
				}
				shed <- time.Since(began)
			}()
		}
		synctest.Wait()
		if b.enter(&l) {
			t.Error("a third waiter got in")
		}
		for range 2 {
			if waited := <-shed; waited != time.Second {
				t.Errorf("waited %s, want 1s", waited)
			}
		}
		b.leave(&l)
		if !b.enter(&l) {
			t.Error("no place after all have left")
		}
	})
}

// A response waits for its place however many wait already.
func TestBulkheadDoesNotShedResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(1, 0, time.Second)
		var l lane
		b.enterLate(&l)
		if b.enter(&l) {
			t.Fatal("a request got in")
		}
		entered := make(chan struct{})
		go func() {
			b.enterLate(&l)
			close(entered)
		}()
		synctest.Wait()
		time.Sleep(time.Hour)
		select {
		case <-entered:
			t.Fatal("a response got a place that was taken")
		default:
		}
		b.leave(&l)
		<-entered
	})
}

// One route never holds the last place.
func TestBulkheadKeepsAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBulkhead(3, 10, time.Second)
		var flood, other lane
		for range 2 {
			if !b.enter(&flood) {
				t.Fatal("no place in an empty bulkhead")
			}
		}
		third := make(chan bool)
		go func() { third <- b.enter(&flood) }()
		synctest.Wait()
		if !b.enter(&other) {
			t.Fatal("no place for another route")
		}
		b.leave(&other) // which the flood may not have either
		if <-third {
			t.Error("one route holds all places")
		}
		b.leave(&flood)
		if !b.enter(&flood) {
			t.Error("a place that was given back is lost")
		}
	})
}

// Places are neither lost nor invented when waiting ends just as a place is given.
func TestBulkheadKeepsCount(t *testing.T) {
	b := newBulkhead(3, 4, 50*time.Microsecond)
	lanes := make([]lane, 4)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 500 {
				if b.enter(&lanes[i%4]) {
					b.leave(&lanes[i%4])
				}
			}
		})
	}
	wg.Wait()
	if b.free != 3 || b.waiting != 0 || b.turn.Len() != 0 {
		t.Errorf("afterwards: %d free, %d waiting, %d lanes; want 3, 0, 0", b.free, b.waiting, b.turn.Len())
	}
}
