package store

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestBreakerOpens(t *testing.T) {
	for _, c := range []struct {
		name   string
		failed string // x: an operation that has failed
		open   bool
	}{
		{"all well", "........", false},
		{"two in a row", "xx.xx.", false},
		{"three in a row", "..xxx", true},
		{"every other one", "x.x.x.x.x.x.x.x", true},
		{"seven of many", "x.x.x.x.x.x.x..................................x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBreaker()
			b.close(false)
			opened := false
			for _, op := range c.failed {
				opened = b.saw(op == 'x') || opened
			}
			if opened != c.open || b.up() == c.open {
				t.Errorf("opened %v, up %v", opened, b.up())
			}
		})
	}
}

func TestBreakerRamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker()
		if b.admits() {
			t.Fatal("admits while it is open")
		}
		b.close(true)
		admitted := func() (n int) {
			for range 10_000 {
				if b.admits() {
					n++
				}
			}
			return n
		}
		at := [3]int{admitted()}
		time.Sleep(ramp / 2)
		at[1] = admitted()
		time.Sleep(ramp / 2)
		at[2] = admitted()
		if at[0] < 700 || at[0] > 1300 || at[1] < 5500 || at[1] > 6500 || at[2] != 10_000 {
			t.Errorf("admitted at the beginning, in the middle and at the end: %v of 10000", at)
		}
	})
}
