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
	told   Failure // zero: all is well
	toldAt time.Time
}

// note takes note of how the last attempt has ended.
func (c *changes) note(err error) {
	if c.tell == nil {
		return
	}
	var now Failure
	if err != nil {
		now = FailureOf(err)
	}
	c.mu.Lock()
	changed := now != c.told && time.Since(c.toldAt) >= tellEvery
	if changed {
		c.told, c.toldAt = now, time.Now()
	}
	c.mu.Unlock()
	if changed {
		c.tell(c.place, err)
	}
}
