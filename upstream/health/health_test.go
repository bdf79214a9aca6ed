package health

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// set is a Set under test, with what it told.
type set struct {
	*Set
	told     []string
	withheld int
}

func newSet(c Config) *set {
	s := &set{}
	c.Tell = func(c Change) {
		line := fmt.Sprintf("%s %s>%s", c.Address, c.From, c.To)
		if c.Reason != "" {
			line += " " + c.Reason
		}
		if c.For > 0 {
			line += fmt.Sprintf(" %v x%d", c.For, c.Times)
		}
		s.told = append(s.told, line)
	}
	c.Panics = func(panics bool, available, of int) {
		s.told = append(s.told, fmt.Sprintf("panic %v %d/%d", panics, available, of))
	}
	c.Withheld = func(string) { s.withheld++ }
	if c.jitter == nil {
		c.jitter = func() float64 { return 0 }
	}
	s.Set = NewSet(c)
	return s
}

func (s *set) add(n int) (all []*State) {
	for i := range n {
		all = append(all, s.New(string(rune('a'+i))))
	}
	s.Keep(all)
	return all
}

func (s *set) wants(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(s.told, want) {
		t.Errorf("told\n%q, want\n%q", s.told, want)
	}
	s.told = nil
}

// standard is what tests differ from.
func standard() Config {
	return Config{Faults: 3, Errors5xx: 5, Base: 10 * time.Second, Max: time.Minute, Share: 50, Panic: 50, Healthy: 2, Unhealthy: 3}
}

// ask asks an endpoint as often as there are outcomes, and returns how often it could be.
func ask(s *State, all ...Outcome) (asked int) {
	for _, o := range all {
		if t, ok := s.Take(); ok {
			asked++
			s.Note(t, o)
		}
	}
	return asked
}

func times(n int, o Outcome) []Outcome { return slices.Repeat([]Outcome{o}, n) }

// TestWhatEjects goes through what does and what does not.
func TestWhatEjects(t *testing.T) {
	for _, c := range []struct {
		name string
		all  []Outcome
		want Phase
	}{
		{"connections refused", times(3, ConnectFailed), Ejected},
		{"handshakes", times(3, TLSFailed), Ejected},
		{"resets", times(3, Reset), Ejected},
		{"no response", times(3, TimedOut), Ejected},
		{"one after the other", []Outcome{ConnectFailed, TimedOut, Reset}, Ejected},
		{"too few", times(2, ConnectFailed), Up},
		{"not in a row", []Outcome{TimedOut, TimedOut, OK, TimedOut, TimedOut}, Up},
		{"nothing in between", []Outcome{TimedOut, Nothing, TimedOut, Nothing, TimedOut}, Ejected},
		{"answers", times(5, Answered5xx), Ejected},
		{"too few answers", times(4, Answered5xx), Up},
		{"answers are counted apart", []Outcome{TimedOut, Answered5xx, TimedOut, Answered5xx, TimedOut, Answered5xx}, Up},
		{"what clients do", times(100, Nothing), Up},
	} {
		s := newSet(standard())
		all := s.add(3)
		ask(all[0], c.all...)
		if got := all[0].Phase(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if got := all[0].Available(); got != (c.want == Up) {
			t.Errorf("%s: available %v", c.name, got)
		}
	}
	off := standard()
	off.Faults, off.Errors5xx = 0, 0
	s := newSet(off)
	all := s.add(3)
	if ask(all[0], slices.Concat(times(100, ConnectFailed), times(100, Answered5xx))...); all[0].Phase() != Up {
		t.Error("ejected, although nothing ejects")
	}
}

// TestWhichAnswersAreFaults names the statuses.
func TestWhichAnswersAreFaults(t *testing.T) {
	for status, want := range map[int]Outcome{
		200: OK, 304: OK, 401: OK, 429: OK, 500: Answered5xx, 501: OK, 502: Answered5xx, 503: Answered5xx, 504: Answered5xx, 505: OK,
	} {
		if got := Answered(status); got != want {
			t.Errorf("%d: %d, want %d", status, got, want)
		}
	}
}

// TestEjectionsGrowAndAreForgotten follows an endpoint through ejections.
func TestEjectionsGrowAndAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(standard())
		a := s.add(2)[0]
		ask(a, times(3, ConnectFailed)...)
		s.wants(t, "a up>ejected connect 10s x1")
		time.Sleep(10*time.Second - 1)
		if a.Available() || ask(a, OK) != 0 {
			t.Error("asked before its time")
		}
		for i, want := range []string{"20s x2", "40s x3", "1m0s x4", "1m0s x5"} {
			time.Sleep(a.last + 1)
			if !a.Available() || ask(a, times(3, TimedOut)...) != 1 {
				t.Errorf("%d: not one attempt", i)
			}
			s.wants(t, "a ejected>ejected timeout "+want)
		}
		time.Sleep(time.Minute)
		ask(a, OK)
		s.wants(t, "a ejected>up")
		time.Sleep(2 * time.Minute) // twice the last one: two are forgotten
		ask(a, times(3, ConnectFailed)...)
		s.wants(t, "a up>ejected connect 1m0s x4")
		time.Sleep(time.Minute)
		ask(a, OK)
		time.Sleep(time.Hour)
		s.told = nil
		ask(a, times(3, ConnectFailed)...)
		s.wants(t, "a up>ejected connect 10s x1")
	})
}

// TestOneAttemptDecides has many ask for an endpoint whose ejection is over.
func TestOneAttemptDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(standard())
		a := s.add(2)[0]
		late, _ := a.Take() // whose end comes when it says nothing any more
		ask(a, times(3, TimedOut)...)
		time.Sleep(10 * time.Second)
		turn, ok := a.Take()
		if !ok {
			t.Fatal("no attempt")
		}
		if _, ok := a.Take(); ok || a.Available() {
			t.Error("a second attempt beside the first")
		}
		if got := a.Report(); got.State != "trying" || got.Reason != "timeout" {
			t.Errorf("report: %+v", got)
		}
		a.Note(late, OK)
		a.Note(late, TimedOut)
		if a.Phase() != Ejected || a.Available() {
			t.Error("what began before the ejection has decided")
		}
		a.Note(turn, Nothing) // its client has left
		if !a.Available() {
			t.Error("no other attempt after one that said nothing")
		}
		turn, _ = a.Take()
		time.Sleep(patience)
		if !a.Available() {
			t.Error("no other attempt while one takes long")
		}
		a.Note(turn, OK)
		if a.Phase() != Up || ask(a, times(9, OK)...) != 9 {
			t.Error("not asked like others after an attempt that went well")
		}
		s.wants(t, "a up>ejected timeout 10s x1", "a ejected>up")
	})
}

// TestALateClaim has somebody find an ejected endpoint ready to be tried, and another attempt fail before it is claimed.
func TestALateClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newSet(standard()).add(2)[0]
		ask(a, times(3, TimedOut)...)
		time.Sleep(10 * time.Second)
		ask(a, TimedOut)
		if _, ok := a.claim(); ok {
			t.Error("claimed before its time")
		}
		time.Sleep(20 * time.Second)
		if stay, ok := a.claim(); !ok || stay != a.stay.Load() {
			t.Errorf("claimed %v, of %d", ok, stay)
		}
	})
}

// TestShare counts who is ejected of a number of endpoints that fail while one serves.
func TestShare(t *testing.T) {
	for _, c := range []struct{ endpoints, share, want int }{
		{1, 100, 0}, {2, 50, 1}, {2, 0, 1}, {3, 50, 1}, {3, 10, 1}, {4, 50, 2}, {10, 50, 5}, {10, 10, 1}, {10, 100, 9}, {50, 30, 15},
	} {
		config := standard()
		config.Share, config.Panic = c.share, 0
		s := newSet(config)
		all := s.add(c.endpoints)
		for _, e := range all[1:] {
			ask(e, times(5, ConnectFailed)...)
		}
		if c.endpoints == 1 {
			ask(all[0], times(5, ConnectFailed)...)
		}
		if got := s.out(); got != c.want {
			t.Errorf("%d endpoints, %d %%: %d ejected, want %d", c.endpoints, c.share, got, c.want)
		}
		if spared := s.withheld > 0; spared != (c.want < max(1, c.endpoints-1)) {
			t.Errorf("%d endpoints, %d %%: spared %d times", c.endpoints, c.share, s.withheld)
		}
	}
}

// TestNobodyIsEjectedWhenAllFail has all endpoints answer that they are broken, one after the other, as with a database that is down.
func TestNobodyIsEjectedWhenAllFail(t *testing.T) {
	s := newSet(standard())
	all := s.add(4)
	for range 50 {
		for _, e := range all {
			ask(e, Answered5xx)
		}
	}
	if s.out() != 0 || s.withheld == 0 {
		t.Errorf("%d ejected, %d spared", s.out(), s.withheld)
	}
	ask(all[3], OK) // and now it is the others' fault
	for _, e := range all[:3] {
		ask(e, Answered5xx)
	}
	if s.out() != 2 {
		t.Errorf("%d ejected, want half of them", s.out())
	}
}

// TestPanic has too few endpoints left, all of which are then asked.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := standard()
		config.Share, config.Checks = 100, true
		s := newSet(config)
		all := s.add(4)
		down := errors.New("status 503")
		all[0].Checked(down)
		all[1].Checked(down)
		if s.Panics() || all[0].Available() {
			t.Error("panic with half of them")
		}
		ask(all[2], times(3, TimedOut)...)
		for i, e := range all {
			if !e.Available() || ask(e, OK, TimedOut, TimedOut, Nothing, OK) != 5 {
				t.Errorf("endpoint %d is not asked in a panic", i)
			}
		}
		all[0].Checked(nil)
		all[0].Checked(nil)
		s.wants(t, "a up>down check", "b up>down check", "c up>ejected timeout 10s x1", "panic true 1/4", "a down>up", "panic false 2/4")
		if all[1].Available() || all[2].Available() {
			t.Error("asked behind the panic")
		}
		s.Keep(all[1:])
		if !s.Panics() {
			t.Error("no panic with one of three")
		}
		s.Keep(append(all[1:], s.New("e")))
		if s.Panics() {
			t.Error("panic with two of four")
		}
	})
}

// TestChecks goes through thresholds, and through what checks and ejections mean for each other.
func TestChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := standard()
		config.Checks = true
		s := newSet(config)
		all := s.add(3)
		a, bad := all[0], errors.New("status 503")
		checked := func(all ...error) {
			for _, err := range all {
				a.Checked(err)
			}
		}
		checked(nil, bad, bad, nil, bad, bad)
		s.wants(t)
		checked(bad)
		s.wants(t, "a up>down check")
		if r := a.Report(); r.State != "down" || r.Reason != "check" || r.CheckErr != "status 503" {
			t.Errorf("report: %+v", r)
		}
		checked(nil, bad, nil)
		s.wants(t)
		checked(nil)
		s.wants(t, "a down>up")

		ask(a, times(3, Reset)...)
		time.Sleep(5 * time.Second)
		checked(nil, nil)
		if a.Available() {
			t.Error("back before its time")
		}
		time.Sleep(5 * time.Second)
		if a.Available() {
			t.Error("a request is tried although there are checks")
		}
		checked(nil)
		s.wants(t, "a up>ejected reset 10s x1", "a ejected>up")

		ask(a, times(3, Reset)...)
		checked(bad, bad, bad, nil, nil)
		s.wants(t, "a up>ejected reset 20s x2", "a ejected>down check", "a down>ejected reset 20s x2")
		checked(bad, bad, bad)
		time.Sleep(time.Minute)
		checked(nil, nil)
		s.wants(t, "a ejected>down check", "a down>up")

		b := all[1]
		b.Checked(bad) // the first one decides alone
		s.wants(t, "b up>down check")
	})
}

// TestHeirs has an upstream that was configured anew know what the old one knew.
func TestHeirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := standard()
		config.Checks = true
		old := newSet(config)
		all := old.add(4)
		ask(all[0], times(3, TimedOut)...)
		all[1].Checked(errors.New("gone"))
		time.Sleep(4 * time.Second)

		s := newSet(standard()) // which has no checks
		var heirs []*State
		for _, e := range all {
			heirs = append(heirs, s.Heir(e))
		}
		s.Keep(heirs)
		s.wants(t)
		if heirs[0].Phase() != Ejected || heirs[1].Phase() != Up || heirs[2].Phase() != Up {
			t.Errorf("phases %v %v %v", heirs[0].Phase(), heirs[1].Phase(), heirs[2].Phase())
		}
		time.Sleep(6 * time.Second)
		ask(heirs[0], OK)
		s.wants(t, "a ejected>up")
		if all[0].Phase() != Ejected {
			t.Error("the old one has changed")
		}
		if came, up := heirs[2].UpSince(); !up || time.Since(came) != 10*time.Second {
			t.Errorf("up since %v, %v", came, up)
		}
	})
}

// TestJitter expects ejections to be longer by a part at random, never shorter.
func TestJitter(t *testing.T) {
	c := standard()
	for _, random := range []float64{0, 0.5, 0.999} {
		c.jitter = func() float64 { return random }
		if got, want := c.length(2), time.Duration(float64(20*time.Second)*(1+0.2*random)); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	c.jitter = nil
	if got := c.length(100); got < time.Minute || got > 72*time.Second {
		t.Errorf("%v", got)
	}
}

// TestWellIsFree expects no allocation while all is well.
func TestWellIsFree(t *testing.T) {
	s := newSet(standard())
	a := s.add(3)[0]
	if n := testing.AllocsPerRun(100, func() {
		if a.Available() {
			turn, _ := a.Take()
			a.Note(turn, OK)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkWell(b *testing.B) {
	s := newSet(standard())
	a := s.add(3)[0]
	b.ReportAllocs()
	for b.Loop() {
		if a.Available() {
			turn, _ := a.Take()
			a.Note(turn, OK)
		}
	}
}

// TestClockSetBack wants the times of an endpoint to be of a clock that nobody sets, which they lose where they become
// numbers: an ejection would last until a clock that was set back has caught up.
func TestClockSetBack(t *testing.T) {
	s := newSet(Config{Faults: 1, Share: 100, Base: time.Second, Max: time.Minute})
	all := s.add(2)
	s.Keep(all)
	came, _ := all[0].UpSince()
	turn, _ := all[0].Take()
	all[0].Note(turn, ConnectFailed)
	if all[0].Phase() != Ejected {
		t.Fatal("it is not ejected")
	}
	heir := s.Heir(all[0])
	for name, at := range map[string]time.Time{"came": came, "until": all[0].until.get(), "until of an heir": heir.until.get()} {
		if at.IsZero() || at == at.Round(0) {
			t.Errorf("%s: %v", name, at)
		}
	}
}
