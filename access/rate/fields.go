package rate

import (
	"strconv"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// AppendFields appends what the response tells of the limits: RateLimit and RateLimit-Policy, as the draft of the IETF has
// them (draft-ietf-httpapi-ratelimit-headers-12, whose parameters a and w were r and t until -11: both are sent, since
// whoever does not know one passes over it), and, where it is wanted, what was usual before.
func (a *Asked) AppendFields(to message.Fields) message.Fields {
	var policies, limits []byte
	var legacy *item
	for i := range a.items {
		it := &a.items[i]
		if !it.tells() {
			continue
		}
		if len(policies) > 0 {
			policies, limits = append(policies, ", "...), append(limits, ", "...)
		}
		policies = append(policies, it.limit.policy...)
		limits = it.appendLimit(limits)
		if it.limit.Legacy && (legacy == nil || it.left() < legacy.left()) {
			legacy = it
		}
	}
	if len(policies) == 0 {
		return to
	}
	to = append(to, message.Field{Name: "RateLimit-Policy", Value: string(policies)}, message.Field{Name: "RateLimit", Value: string(limits)})
	if legacy != nil {
		number := func(name string, n int64) {
			to = append(to, message.Field{Name: name, Value: strconv.FormatInt(n, 10)})
		}
		number("X-RateLimit-Limit", legacy.limit.Quota.Units)
		number("X-RateLimit-Remaining", legacy.left())
		number("X-RateLimit-Reset", legacy.window())
	}
	return to
}

func (it *item) tells() bool {
	switch it.limit.Tell {
	case TellAlways:
		return !it.observe && it.why != NoKey && it.why != NoStore
	case TellLimited:
		return !it.observe && it.why == Over
	}
	return false
}

// left is how many units the bucket has yet.
func (it *item) left() int64 {
	if it.why != Within {
		return 0
	}
	return it.limit.Quota.units(it.limit.most - it.owes)
}

// window is the time for which no more than what is left should be used, in seconds: until the bucket is full again, or
// until the request would be let in.
func (it *item) window() int64 {
	if it.why == Over {
		return seconds(int64(it.retryAfter()))
	}
	return seconds(it.owes)
}

func (it *item) appendLimit(b []byte) []byte {
	b = strconv.AppendQuote(b, it.limit.Name)
	number := func(name string, n int64) { b = strconv.AppendInt(append(b, name...), n, 10) }
	left, window := it.left(), it.window()
	number(";a=", left)
	number(";w=", window)
	number(";r=", left)
	number(";t=", window)
	return b
}

// RetrySeconds is what Retry-After says of a time.
func RetrySeconds(d time.Duration) int64 { return seconds(int64(d)) }

// seconds are so many nanoseconds, rounded up, one at least.
func seconds(span int64) int64 {
	n := span / int64(time.Second)
	if span%int64(time.Second) > 0 {
		n++
	}
	return max(1, n)
}
