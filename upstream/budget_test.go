package upstream

import (
	"testing"
	"testing/synctest"
	"time"
)

// A share of what came lately may be tried again, and some at a time in any case.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &budget{share: 20, least: 3}
		take := func() (n int) {
			for b.take(time.Now()) {
				n++
			}
			return n
		}
		if n := take(); n != 3 {
			t.Errorf("nothing came: %d", n)
		}
		if b.give(); !b.take(time.Now()) || b.take(time.Now()) {
			t.Error("one place is free")
		}
		for range 100 {
			b.asked.add(time.Now())
		}
		if n := take(); n != 20-4 {
			t.Errorf("a hundred came: %d more", n)
		}
		time.Sleep((remembered + 1) * time.Second)
		if n := take(); n != 0 {
			t.Errorf("it is long ago: %d more", n)
		}
		for range 20 {
			b.give()
		}
		if n := take(); n < 2 {
			t.Errorf("all is over: %d", n)
		}
	})
}

func TestLately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lately
		for range 3 * remembered {
			l.add(time.Now())
			time.Sleep(time.Second)
		}
		if n := l.sum(time.Now()); n != remembered {
			t.Errorf("one a second: %d", n)
		}
		time.Sleep(time.Hour)
		if n := l.sum(time.Now()); n != 0 {
			t.Errorf("an hour later: %d", n)
		}
	})
}
