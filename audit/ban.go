package audit

import "time"

// Ban describes a ban that begins or ends.
type Ban struct {
	Time      time.Time // zero: now
	RequestID string    // of the request that led to it; empty: none did
	Action    string    // begun, or how it ended: expired, cleared, evicted
	Who       string    // an address, a network, or the hash of a key
	Scope     string    // all, host or route
	Where     string    // the host, or the route
	Rule      string    // by-hand: a person has made it
	Reason    string
	Observed  bool // nobody is banned
	Times     int64
	Lasts     time.Duration
	Until     time.Time
}

func (c *console) ban(b *Ban) {
	l := c.begin(b.Time, '!', "ban "+b.Action, 0)
	l.pair("who", b.Who)
	l.pair("scope", b.Scope)
	l.pair("where", b.Where)
	l.pair("access_rule", b.Rule)
	l.pair("reason", b.Reason)
	l.pair("until", b.Until.UTC().Format(time.RFC3339))
	l.pair("request_id", b.RequestID)
	c.end(l)
}
