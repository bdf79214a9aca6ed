package http1

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/wafer-waf/wafer/message"
)

// dates are the field lines of responses that say when they were made. One is good for all responses of a
// second.
type dates struct{ last atomic.Pointer[dated] }

type dated struct {
	second int64
	line   string
}

// line is the field line of now.
func (d *dates) line() string {
	now := time.Now()
	last := d.last.Load()
	if last == nil || last.second != now.Unix() {
		last = &dated{now.Unix(), "Date: " + now.UTC().Format(http.TimeFormat)}
		d.last.Store(last)
	}
	return last.line
}

// missing is what a final response lacks: who receives one without a date would give it that of its own
// clock (RFC 9110, 6.6.1).
func (d *dates) missing(r *message.Response) string {
	for i := range r.Fields {
		if r.Fields[i].Is("Date") {
			return ""
		}
	}
	return d.line()
}
