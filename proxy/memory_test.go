package proxy

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wafer-waf/wafer/listen"
)

// client is a request body that arrives in pieces. Who gives it up ends its reading.
type client struct {
	pieces []int // bytes each
	pause  time.Duration
	given  chan *listen.Violation
}

func newClient(pause time.Duration, pieces ...int) *client {
	return &client{pieces: pieces, pause: pause, given: make(chan *listen.Violation, 1)}
}

func (c *client) GiveUp(v *listen.Violation) { c.given <- v }

func (c *client) Read(p []byte) (int, error) {
	if len(c.pieces) == 0 {
		return 0, io.EOF
	}
	select {
	case v := <-c.given:
		return 0, v
	case <-time.After(c.pause):
	}
	n := min(len(p), c.pieces[0])
	if c.pieces[0] -= n; c.pieces[0] == 0 {
		c.pieces = c.pieces[1:]
	}
	return n, nil
}

// upload reads c to its end and gives its room back after a while.
func (c *client) upload(r *room, keep time.Duration) error {
	var u upload
	defer u.end()
	body, err := bodies.get(), memoryShort
	if !u.begin(r, cap(body), c) {
		return err
	}
	body, _, failed := u.read(c, body, 1<<20, -1)
	if failed == nil && int64(cap(body)) != u.held {
		return errors.New("charged for something else than its buffer")
	}
	time.Sleep(keep)
	return failed
}

func testRoom(budget int64) *room {
	r := newRoom(2 * time.Second)
	r.set(budget)
	return r
}

func wantEmpty(t *testing.T, r *room) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used != 0 || r.leaving != 0 || r.asked != 0 || r.uploads.first != nil || r.passing.first != nil || r.waiting != [askSizes]queue[*ask]{} {
		t.Errorf("left behind: %d used, %d leaving, %d asked, %v, %v", r.used, r.leaving, r.asked, r.uploads, r.waiting)
	}
}

// Who waits longest is next. Small ones wait for small ones only.
func TestRoomIsGivenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testRoom(800 << 10)
		held, ok := r.take(1 << 30)
		if !ok || held != 700<<10 {
			t.Fatalf("took %d, %v: want all but what is left for small ones", held, ok)
		}
		var mu sync.Mutex
		var order []string
		ask := func(name string, n int64) {
			go func() {
				if taken, ok := r.take(n); ok {
					mu.Lock()
					order = append(order, name)
					mu.Unlock()
					time.Sleep(100 * time.Millisecond)
					r.free(taken)
				}
			}()
			synctest.Wait()
		}
		ask("first", 600<<10)
		ask("second", 150<<10)
		ask("small", 10<<10)
		ask("third", 600<<10)
		r.free(held)
		time.Sleep(time.Second)
		synctest.Wait()
		if want := []string{"small", "first", "second", "third"}; !slices.Equal(order, want) {
			t.Errorf("order %q, want %q", order, want)
		}
		wantEmpty(t, r)
	})
}

func TestRoomRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testRoom(80 << 10)
		waits := 0
		r.waits = func() { waits++ }
		held, _ := r.take(70 << 10)
		began := time.Now()
		if _, ok := r.take(70 << 10); ok || time.Since(began) != r.patience {
			t.Errorf("%v after %s", ok, time.Since(began))
		}
		// One that does not fit gives way to one behind it that does.
		var got [2]bool
		for i, n := range []int64{60 << 10, 20 << 10} {
			go func() {
				time.Sleep(time.Duration(i) * time.Second)
				var taken int64
				taken, got[i] = r.take(n)
				r.free(taken)
			}()
		}
		time.Sleep(1500 * time.Millisecond)
		r.free(30 << 10)
		time.Sleep(time.Second)
		synctest.Wait()
		if got != [2]bool{false, true} {
			t.Errorf("got room: %v", got)
		}
		r.free(held - 30<<10)
		if waits != 3 {
			t.Errorf("%d waited, want 3", waits)
		}
		wantEmpty(t, r)
	})
}

// Uploads that together want many times what there is all come to their end: there is always one
// that may have what it needs.
func TestUploadsDoNotBlockEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testRoom(2 << 20)
		r.reserve(3 << 19)
		r.patience = time.Minute
		most := int64(0)
		r.waits = func() { most = max(most, r.used) } // called with the lock held
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if err := newClient(time.Millisecond, slices.Repeat([]int{10 << 10}, 100)...).upload(r, 0); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most == 0 || most > r.budget {
			t.Errorf("%d bytes held of %d", most, r.budget)
		}
		wantEmpty(t, r)
	})
}

// Nobody is found slow between beginning, or being given room, and the first byte after it.
func TestNobodyIsSlowAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testRoom(1 << 20)
		var u upload
		u.enter(r, newClient(0))
		if slow, _ := r.slowest(time.Now()); slow != nil {
			t.Error("found slow at its beginning")
		}
		held, _ := r.take(1 << 20)
		asked := make(chan bool)
		go func() { asked <- r.claim(1<<20, 1<<20, &u) }()
		time.Sleep(r.patience / 2)
		r.free(held)
		if !<-asked {
			t.Fatal("no room")
		}
		r.mu.Lock()
		if slow, _ := r.slowest(time.Now()); slow != nil {
			t.Error("found slow when it was given room")
		}
		r.mu.Unlock()
		r.free(1 << 20)
		u.end()
		wantEmpty(t, r)
	})
}

// While somebody waits, those are let go who bring least, and no more than is needed.
func TestSlowUploadsAreLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testRoom(2 << 20)
		gone := 0
		r.letsGo = func() { gone++ }
		stalled := newClient(time.Hour, 1) // after what it has sent at once
		drip := newClient(200*time.Millisecond, slices.Repeat([]int{100}, 1000)...)
		honest := newClient(100*time.Millisecond, slices.Repeat([]int{8 << 10}, 24)...)
		var errs [3]error
		var wg sync.WaitGroup
		for i, c := range []*client{stalled, drip, honest} {
			wg.Go(func() {
				first := newClient(0, 300<<10)
				var u upload
				defer u.end()
				if !u.begin(r, firstBuffer, c) {
					t.Error("no room to begin with")
				}
				_, _, errs[i] = u.read(io.MultiReader(first, c), bodies.get(), 1<<20, -1)
			})
		}
		time.Sleep(400 * time.Millisecond)
		if taken := r.taken(); gone != 0 || taken != 3*512<<10 {
			t.Fatalf("%d let go, %d bytes taken", gone, taken)
		}
		began := time.Now()
		n, ok := r.take(300 << 10) // room for it takes one of them
		if took := time.Since(began); !ok || took > time.Second {
			t.Errorf("got room: %v after %s", ok, took)
		}
		synctest.Wait()
		if gone != 1 || !errors.Is(errs[0], memoryShort) || errs[1] != nil || errs[2] != nil {
			t.Errorf("%d let go: %v", gone, errs)
		}
		m, ok := r.take(500 << 10) // and for this another one
		if !ok {
			t.Error("no room")
		}
		synctest.Wait()
		if gone != 2 || !errors.Is(errs[1], memoryShort) || errs[2] != nil {
			t.Errorf("%d let go: %v", gone, errs)
		}
		r.free(n + m)
		wg.Wait()
		if errs[2] != nil {
			t.Errorf("the honest one ended with %v", errs[2])
		}
		wantEmpty(t, r)
	})
}

// An upload that is let go just when it has come to its end has failed all the same: its connection
// is not read any more.
func TestLetGoAtTheEnd(t *testing.T) {
	r := testRoom(1 << 20)
	var u upload
	c := newClient(0)
	if !u.begin(r, firstBuffer, c) {
		t.Fatal("no room")
	}
	r.mu.Lock()
	r.asked = 2 << 20
	r.letGo(time.Now().Add(time.Hour))
	r.asked = 0
	r.mu.Unlock()
	if _, _, err := u.read(bytes.NewReader(make([]byte, 10)), bodies.get(), 100, 10); !errors.Is(err, memoryShort) {
		t.Errorf("read: %v", err)
	}
	u.end()
	wantEmpty(t, r)
}

// Whatever happens at the same time, everything is given back, and never more is held than there is.
func TestRoomKeepsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testRoom(3 << 20)
		r.patience = 300 * time.Millisecond
		var mu sync.Mutex
		ends := map[error]int{}
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(i)))
				time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
				if i%4 == 0 {
					n, _ := r.take(int64(random.IntN(4 << 20)))
					time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
					r.free(n)
					return
				}
				pieces := make([]int, random.IntN(60))
				for i := range pieces {
					pieces[i] = 1 + random.IntN(30<<10)
				}
				err := newClient(time.Duration(random.IntN(100))*time.Millisecond, pieces...).upload(r, time.Duration(random.IntN(100))*time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				ends[err]++
			})
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 10000 {
				if n := r.taken(); n < 0 || n > r.whole() {
					t.Errorf("%d bytes held of %d", n, r.whole())
				}
				time.Sleep(time.Millisecond)
			}
		}()
		wg.Wait()
		<-done
		if ends[nil] == 0 || ends[memoryShort] == 0 || len(ends) != 2 {
			t.Errorf("ends: %v", ends)
		}
		wantEmpty(t, r)
	})
}

func TestMemoryLimit(t *testing.T) {
	const none = 1<<63 - 1
	for _, tt := range []struct {
		name    string
		goLimit int64
		files   map[string]string
		want    int64
		from    string
	}{
		{"GOMEMLIMIT alone", 400 << 20, nil, 400 << 20, "GOMEMLIMIT"},
		{"a container of version 2", none, map[string]string{"/sys/fs/cgroup/memory.max": "603979776\n"}, 576 << 20, "cgroup"},
		{"a container of version 1", none, map[string]string{"/sys/fs/cgroup/memory/memory.limit_in_bytes": "603979776\n"}, 576 << 20, "cgroup"},
		{"the least of both", 384 << 20, map[string]string{"/sys/fs/cgroup/memory.max": "603979776\n"}, 384 << 20, "GOMEMLIMIT"},
		{"a container smaller than it was told", 384 << 20, map[string]string{"/sys/fs/cgroup/memory.max": "104857600"}, 100 << 20, "cgroup"},
		{"a group around the own one", none, map[string]string{
			"/proc/self/cgroup":                                    "0::/system.slice/wafer.service\n",
			"/sys/fs/cgroup/memory.max":                            "max\n",
			"/sys/fs/cgroup/system.slice/memory.max":               "209715200\n",
			"/sys/fs/cgroup/system.slice/wafer.service/memory.max": "max\n",
		}, 200 << 20, "cgroup"},
		{"version 1, a group of its own", none, map[string]string{
			"/proc/self/cgroup":                             "5:cpu:/a\n4:memory:/a\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
			"/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "104857600\n",
		}, 100 << 20, "cgroup"},
		{"no limit", none, map[string]string{"/proc/meminfo": "MemTotal:        4194304 kB\nMemFree: 1 kB\n"}, 512 << 20, "machine"},
		{"no limit, much memory", none, map[string]string{"/proc/meminfo": "MemTotal:  134217728 kB\n"}, 1 << 30, "machine"},
		{"nothing to ask", none, nil, 1 << 30, "machine"},
	} {
		limit, from := memoryLimit(tt.goLimit, func(name string) ([]byte, error) {
			if text, ok := tt.files[name]; ok {
				return []byte(text), nil
			}
			return nil, os.ErrNotExist
		})
		if limit != tt.want || from != tt.from {
			t.Errorf("%s: %d from %s, want %d from %s", tt.name, limit, from, tt.want, tt.from)
		}
	}
	if n := bodyMemory(384<<20, 130<<20); n != 127<<20 {
		t.Errorf("for bodies %d", n)
	}
	if n := bodyMemory(100<<20, 130<<20); n != leastMemory {
		t.Errorf("for bodies %d", n)
	}
	if n := atRest(); n < 1<<20 || n > 1<<40 {
		t.Errorf("at rest %d bytes", n)
	}
}
