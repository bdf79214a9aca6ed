package proxy

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/listen"
)

// upload is a request body that is read for inspection, and what it holds of the room for uploads.
// It is charged for the capacity of its buffer as that grows. The zero value holds nothing.
type upload struct {
	link[*upload]
	room   *room
	client giver        // nil: nobody can end the reading from outside
	got    atomic.Int64 // bytes since it was given room

	// guarded by room.mu
	held    int64
	since   time.Time // when it was given room
	ask     *ask      // that it waits with
	began   uint64    // its number
	waited  time.Duration
	reading bool // and so in room.uploads
	passing bool // and so in room.passing
	letGo   bool // it is to end
}

// giver is a connection whose body somebody else than its reader can give up.
type giver interface{ GiveUp(*listen.Violation) }

// begin charges for the first buffer.
func (u *upload) begin(r *room, n int, client giver) bool {
	u.enter(r, client)
	return u.grow(int64(n))
}

func (u *upload) enter(r *room, client giver) {
	u.room, u.client = r, client
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began++
	u.reading, u.began = true, r.began
	u.starts()
	r.uploads.push(u)
}

// starts has its progress counted from now on. It is called with the lock held, together with what makes it
// one of those that are looked at: otherwise it could be found slow before it was able to begin.
func (u *upload) starts() {
	u.since = time.Now()
	u.got.Store(0)
}

// grow charges for n bytes more.
func (u *upload) grow(n int64) bool {
	r := u.room
	r.mu.Lock()
	held := u.held
	r.mu.Unlock()
	if !r.claim(n, held+n, u) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u.held += n
	u.starts()
	return !u.letGo
}

// shrink gives n bytes back.
func (u *upload) shrink(n int64) {
	r := u.room
	r.mu.Lock()
	defer r.mu.Unlock()
	u.held -= n
	r.used -= n
	if u.letGo && (u.reading || u.passing) {
		r.leaving -= n
	}
	r.give()
}

// done ends the reading; the buffer is kept. It reports false if the upload was let go just now.
func (u *upload) done() bool {
	r := u.room
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case u.reading:
		r.uploads.remove(u)
	case u.passing:
		r.passing.remove(u)
	default:
		return !u.letGo
	}
	u.reading, u.passing = false, false
	if u.letGo {
		r.leaving -= u.held
	}
	r.give() // another one began first now
	return !u.letGo
}

// pass says that a body goes on beyond what was read, and is passed on as it comes. It holds what was
// read until its end, so it is let go like one that is being read if it is slow; but it asks for
// nothing more, and nobody has to wait for it.
func (u *upload) pass() {
	r := u.room
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if u.reading || u.passing || u.letGo || u.held == 0 {
		return
	}
	u.passing = true
	u.starts()
	r.passing.push(u)
}

// passed ends that. It reports false if the upload was let go meanwhile.
func (u *upload) passed() bool { return u.room == nil || u.done() }

// end gives everything back.
func (u *upload) end() {
	if u.room == nil {
		return
	}
	u.done()
	u.room.free(u.held)
	u.room, u.client, u.held, u.letGo, u.waited = nil, nil, 0, false, 0
}

// read reads what r has, at most limit bytes in all, into dst. announced is how long the body says
// it is; below 0: it does not. whole reports that r has no more.
func (u *upload) read(r io.Reader, dst []byte, limit, announced int) (_ []byte, whole bool, err error) {
	most := limit + 1 // one byte beyond the limit tells whether there is more; it is kept and passed on
	if announced >= 0 {
		most = min(most, announced+1)
	}
	for {
		if len(dst) == cap(dst) {
			if dst, err = u.larger(dst, most); err != nil {
				return dst, false, err
			}
		}
		n, err := r.Read(dst[len(dst):min(cap(dst), limit+1)])
		dst = dst[:len(dst)+n]
		u.got.Add(int64(n))
		if err != nil || len(dst) > limit {
			whole, err = err == io.EOF && len(dst) <= limit, notEOF(err)
			if !u.done() {
				return dst, false, memoryShort
			}
			return dst, whole, err
		}
	}
}

func notEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// larger moves a full buffer into one of twice its size, at most most if that is larger.
func (u *upload) larger(full []byte, most int) ([]byte, error) {
	n := 2 * cap(full)
	if most > cap(full) {
		n = min(n, most)
	}
	if !u.grow(int64(n)) { // while they are copied, both are there
		return full, memoryShort
	}
	larger := append(bodies.sized(n), full...)
	bodies.put(full)
	u.shrink(int64(cap(full)))
	return larger, nil
}
