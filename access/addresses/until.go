package addresses

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// end reads when an entry ends: a moment (RFC 3339, a day, or seconds since 1970), or how long it lasts, as 90m or
// 3h59m10s. Nothing, "0", "null" and "never" are no end.
func (p *parser) end(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	switch text {
	case "", "0", "null", "never":
		return time.Time{}, nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		const year2000, year2100 = 946684800, 4102444800
		switch {
		case seconds >= year2000 && seconds < year2100:
			return time.Unix(seconds, 0), nil
		case seconds >= year2000*1000 && seconds < year2100*1000:
			return time.UnixMilli(seconds), nil
		}
		return time.Time{}, fmt.Errorf("%s is no moment between the years 2000 and 2100, in seconds since 1970", quote(text))
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil {
		return p.after(d), nil
	}
	return time.Time{}, fmt.Errorf("%s is no time at which an entry ends", quote(text))
}

// after is the moment some time after the text was written. What has lasted already has ended.
func (p *parser) after(d time.Duration) time.Time {
	if p.Saved.IsZero() {
		return p.Now.Add(d)
	}
	return p.Saved.Add(d)
}
