package upstream

import (
	"sync"
	"time"
)

// tellEvery bounds how often the same place is told of: an endpoint that refuses every other connection
// would fill the log.
const tellEvery = time.Second

// changes tells whoever asked for it when a place begins to fail, fails for another reason, or is well
// again.
type changes struct {
	place string
	tell  func(place string, err error) // nil: nobody asked

	mu     sync.Mutex
	now    Failing // zero: all is well
	told   Failure // likewise
	toldAt time.Time
}

// Failing is why a place cannot be connected to.
type Failing struct {
	Reason string    `json:"reason"` // as [Failure] has it
	Since  time.Time `json:"since"`  // the first of the attempts that failed, with none between that did not
	Times  int       `json:"times"`  // those attempts
}

// note takes note of how the last attempt has ended.
func (c *changes) note(err error) {
	var now Failure
	if err != nil {
		now = FailureOf(err)
	}
	c.mu.Lock()
	c.now.next(now)
	changed := c.tell != nil && now != c.told && time.Since(c.toldAt) >= tellEvery
	if changed {
		c.told, c.toldAt = now, time.Now()
	}
	c.mu.Unlock()
	if changed {
		c.tell(c.place, err)
	}
}

// failing returns why the last attempts have failed, or nil if the last one has not.
func (c *changes) failing() *Failing {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.Times == 0 {
		return nil
	}
	now := c.now
	return &now
}

// next takes an attempt into account.
func (f *Failing) next(why Failure) {
	if why == (Failure{}) {
		*f = Failing{}
		return
	}
	if f.Times == 0 {
		f.Since = time.Now()
	}
	f.Reason = why.Word
	f.Times++
}
