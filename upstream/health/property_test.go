package health

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhateverHappens has endpoints do anything at random for hours. At no moment are more ejected than may be, or is nobody
// asked, and an ejected endpoint gets one request at a time. Once all are well, all are up within the longest ejection.
func TestWhateverHappens(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 18))
			config := standard()
			config.Checks, config.jitter = seed%2 == 1, random.Float64
			config.Share, config.Panic = 10+random.IntN(80), random.IntN(80)
			n := 1 + random.IntN(12)
			s := newSet(config)
			all := s.add(n)
			for range 5000 {
				time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
				e := all[random.IntN(n)]
				switch {
				case config.Checks && random.IntN(4) == 0:
					e.Checked([]error{nil, errors.New("status 503")}[random.IntN(2)])
				default:
					s.asks(t, e, Outcome(random.IntN(int(outcomes))))
				}
				s.holds(t, all)
			}
			for range 3 {
				time.Sleep(config.Max + config.Max/5)
				for range 2 {
					for _, e := range all {
						if config.Checks {
							e.Checked(nil)
						}
						ask(e, OK)
					}
				}
			}
			if out := s.out(); out > 0 {
				t.Errorf("seed %d: %d of %d are out although all are well", seed, out, n)
			}
		})
	}
}

// asks asks an endpoint, and while it is asked, asks for another turn.
func (s *set) asks(t *testing.T, e *State, o Outcome) {
	t.Helper()
	turn, ok := e.Take()
	if !ok {
		return
	}
	if _, second := e.Take(); second && e.Phase() != Up && !s.Panics() {
		t.Error("two at a time ask an ejected endpoint")
	}
	e.Note(turn, o)
}

// holds fails the test unless enough endpoints are asked.
func (s *set) holds(t *testing.T, all []*State) {
	t.Helper()
	ejected, available := 0, 0
	for _, e := range all {
		if e.Phase() == Ejected {
			ejected++
		}
		if e.Available() {
			available++
		}
	}
	up := len(all) - s.out()
	if panics := up*100 < s.config.Panic*len(all); panics != s.Panics() || panics && available < len(all) {
		t.Fatalf("%d of %d up, panic %v, %d available", up, len(all), s.Panics(), available)
	}
	if !s.config.Checks && (ejected > max(1, s.config.Share*len(all)/100) || available == 0) {
		t.Fatalf("%d of %d ejected with a share of %d %%, %d available", ejected, len(all), s.config.Share, available)
	}
}
