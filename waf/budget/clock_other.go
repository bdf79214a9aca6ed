//go:build !linux

package budget

import "time"

var start = time.Now()

// threadTime is the time that passes: not what the thread has computed, but at least as much.
func threadTime() time.Duration { return time.Since(start) }
