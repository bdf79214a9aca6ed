package audit

import "time"

// Ban describes a ban that begins or ends.
type Ban struct {
	RequestID string // of the request that led to it; empty: none did
	Action    string // begun, or how it ended: expired, cleared, evicted
	Who       string // an address, a network, or the hash of a key
	Scope     string // all, host or route
	Where     string // the host, or the route
	Rule      string // by-hand: a person has made it
	Reason    string
	Observed  bool // nobody is banned
	Times     int64
	Lasts     time.Duration
	Until     time.Time
}

// Ban writes an event about a ban.
func (l *Log) Ban(b *Ban) {
	if l.console != nil {
		l.console.ban(b)
		return
	}
	e := l.begin(time.Time{}, eventBan, b.RequestID)
	if e == nil { // zerolog is switched off for the whole process
		return
	}
	e.Str("action", b.Action)
	e.Str("who", clean(b.Who, maxHostBytes))
	e.Str("scope", b.Scope)
	optional(e, "where", clean(b.Where, maxHostBytes))
	e.Str("access_rule", clean(b.Rule, maxIDBytes))
	optional(e, "reason", clean(b.Reason, maxMessageBytes))
	if b.Observed {
		e.Bool("observed", true)
	}
	e.Int64("times", b.Times)
	e.Float64("lasts_s", b.Lasts.Round(time.Millisecond).Seconds())
	e.Str("until", b.Until.UTC().Format(time.RFC3339))
	e.Send()
}

func (c *console) ban(b *Ban) {
	l := c.begin(time.Time{}, '!', "ban "+b.Action, 0)
	l.pair("who", clean(b.Who, maxHostBytes))
	l.pair("scope", b.Scope)
	l.pair("where", clean(b.Where, maxHostBytes))
	l.pair("access_rule", clean(b.Rule, maxIDBytes))
	l.pair("reason", clean(b.Reason, maxMessageBytes))
	l.pair("until", b.Until.UTC().Format(time.RFC3339))
	l.pair("request_id", clean(b.RequestID, maxIDBytes))
	c.end(l)
}
