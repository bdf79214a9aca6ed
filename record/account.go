package record

import "sync/atomic"

// Account bounds what all records of a process may take together, from the first byte that is captured until the line
// is given to its output.
type Account struct {
	limit int64
	used  atomic.Int64
}

// NewAccount returns an account of so many bytes.
func NewAccount(limit int64) *Account { return &Account{limit: limit} }

// Used is what is taken now.
func (a *Account) Used() int64 { return a.used.Load() }

// Limit is what may be taken at most.
func (a *Account) Limit() int64 { return a.limit }

// take takes n bytes, or none. It never waits.
func (a *Account) take(n int64) bool {
	if a.used.Add(n) <= a.limit {
		return true
	}
	a.used.Add(-n)
	return false
}

func (a *Account) free(n int64) { a.used.Add(-n) }

// Capture collects the beginning of a body while it goes by. One goroutine writes to it at a time.
type Capture struct {
	account *Account
	limit   int
	bytes   []byte
	taken   int64
	cut     Cut
}

// NewCapture returns a Capture of limit bytes at most.
func (a *Account) NewCapture(limit int) *Capture { return &Capture{account: a, limit: limit} }

// firstCapture is what a capture begins with.
const firstCapture = 1 << 10

// Write keeps what there is room for. It never fails.
func (c *Capture) Write(p []byte) (int, error) {
	n := len(p)
	if c == nil || n == 0 || c.cut != "" {
		return n, nil
	}
	if room := c.limit - len(c.bytes); n > room {
		p, c.cut = p[:room], CutLimit
	}
	if need := len(c.bytes) + len(p); need > cap(c.bytes) {
		size := min(max(2*cap(c.bytes), need, firstCapture), c.limit)
		if !c.account.take(int64(size)) {
			p, c.cut = p[:cap(c.bytes)-len(c.bytes)], CutMemory
		} else {
			c.bytes = append(make([]byte, 0, size), c.bytes...)
			c.account.free(c.taken)
			c.taken = int64(size)
		}
	}
	c.bytes = append(c.bytes, p...)
	return n, nil
}

// Bytes are what was kept, and why that is not all that was written.
func (c *Capture) Bytes() ([]byte, Cut) {
	if c == nil {
		return nil, ""
	}
	return c.bytes, c.cut
}

// Free gives the memory back. What was kept may not be used any more, unless a record has it that the [Recorder] was
// given before.
func (c *Capture) Free() {
	if c == nil {
		return
	}
	c.account.free(c.taken)
	c.taken, c.bytes = 0, nil
}
