package upstream

import (
	"math/rand/v2"
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

// TestBudgetWhateverHappens has requests come and be tried again at random. Whenever one more attempt is allowed, there are few at
// a time, or all that were in the last seconds are a share of what came in them.
func TestBudgetWhateverHappens(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			b := &budget{share: int64(random.IntN(101)), least: int32(random.IntN(6))}
			asked, repeated := map[int64]int64{}, map[int64]int64{} // by second
			lately := func(of map[int64]int64) (n int64) {
				for second, m := range of {
					if time.Now().Unix()-second > remembered {
						delete(of, second)
						continue
					}
					n += m
				}
				return n
			}
			held := 0
			for range 3000 {
				time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond)
				second := time.Now().Unix()
				for range random.IntN(30) {
					b.asked.add(time.Now())
					asked[second]++
				}
				for range random.IntN(20) {
					few := held < int(b.least)
					fits := (lately(repeated)+1)*100 <= b.share*lately(asked)
					if got := b.take(time.Now()); got != (few || fits) {
						t.Fatalf("%d at a time, %d of %d lately, with %d %% and %d: %v", held, lately(repeated), lately(asked), b.share, b.least, got)
					} else if got {
						held++
						repeated[second]++
					}
				}
				for range random.IntN(held + 1) {
					b.give()
					held--
				}
			}
		})
	}
}
