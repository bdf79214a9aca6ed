package config

import (
	"strings"
	"time"

	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/message"
)

// Bounds of limits.
const (
	mostLimits   = 16 // of a policy
	mostKeyParts = 8
	longestDelay = time.Minute
	mostWaiters  = 10_000
	leastBuckets = 1000
	mostBuckets  = 1_000_000
	mostReplicas = 10_000
)

func (c *checker) checkLimits(path string, a *Access) {
	c.ids(path, len(a.Limits), func(i int) string { return a.Limits[i].ID })
	if len(a.Limits) > mostLimits {
		c.add(path, "%d are too many: at most %d", len(a.Limits), mostLimits)
	}
	for i := range a.Limits {
		l := &a.Limits[i]
		at := indexPath(path, i)
		for _, r := range a.Rules {
			if r.ID == l.ID && l.ID != "" || reservedRules[l.ID] {
				c.add(at+".id", "%q is what metrics and events call something else: choose another one", l.ID)
				break
			}
		}
		if l.When != nil {
			c.checkWhen(at+".when", l.When)
		}
		c.checkLimit(at, l)
	}
}

func (c *checker) checkLimit(path string, l *AccessLimit) {
	word(c, path+".cost", l.Cost)
	word(c, path+".mode", l.Mode)
	word(c, path+".fields", l.Fields)
	c.checkLimitRate(path, l)
	c.checkKey(path, l)
	c.between(path+".buckets", l.Buckets, leastBuckets, mostBuckets)
	if l.LegacyFields && l.Fields == TellNever {
		c.add(path+".legacy_fields", "has no effect beside fields: never")
	}
	c.checkThrottle(path, l)
	c.checkSharing(path, l)
}

// checkLimitRate checks how much there is of what is counted.
func (c *checker) checkLimitRate(path string, l *AccessLimit) {
	if l.Rate == (Rate{}) {
		if c.doc == nil || !c.doc.isBroken(path+".rate") {
			c.add(path+".rate", "required, such as 10/s, 300/m or 10MiB/s")
		}
		return
	}
	if err := l.Rate.check(); err != nil {
		c.add(path+".rate", "%s", err)
		return
	}
	inBytes := l.Cost == CostRequestBytes || l.Cost == CostResponseBytes
	switch {
	case inBytes && !l.Rate.Bytes:
		c.add(path+".rate", "%s counts no bytes, as cost: %s does: write a size, such as 10MiB/s", l.Rate, l.Cost)
	case !inBytes && l.Rate.Bytes:
		c.add(path+".rate", "%s counts bytes: write cost: request_bytes or response_bytes, or a number without a unit", l.Rate)
	case l.Burst.Bytes != l.Rate.Bytes && l.Burst.N > 0:
		c.add(path+".burst", "%s and rate %s do not count the same", l.Burst, l.Rate)
	case l.Burst.N < 1:
		c.add(path+".burst", "%s lets nothing pass", l.Burst)
	case l.Burst.N > mostBytes:
		c.add(path+".burst", "%s is too large", l.Burst)
	}
}

func (c *checker) checkKey(path string, l *AccessLimit) {
	at := path + ".key"
	if len(l.Key) > mostKeyParts {
		c.add(at, "%d parts are too many: at most %d", len(l.Key), mostKeyParts)
	}
	lacked, before := "", len(c.problems)
	for i := range l.Key {
		if c.checkKeyPart(indexPath(at, i), &l.Key[i]); !l.Key[i].Part.always() && lacked == "" {
			lacked = l.Key[i].String()
		}
	}
	wrong := len(c.problems) > before || c.doc != nil && c.doc.isBroken(at) // then it is not known what the key may lack
	switch {
	case lacked == "" && l.Missing != "" && !wrong:
		c.add(path+".missing", "has no effect: every request has all parts of the key")
	case lacked != "" && l.Missing == "":
		if c.doc == nil || !c.doc.isBroken(path+".missing") {
			c.add(path+".missing", "required: not every request has %s; write skip, and the limit does not apply to those, count, and they are counted together, or deny", lacked)
		}
	case l.Missing != "":
		word(c, path+".missing", l.Missing)
	}
}

// String names a part of a key, for people.
func (p *KeyPart) String() string {
	switch {
	case p.Claim != "":
		return "claim " + p.Claim
	case p.Header != "":
		return "header " + p.Header
	case p.Cookie != "":
		return "cookie " + p.Cookie
	case len(p.Paths) > 0:
		return "one of the paths"
	}
	return string(p.Part)
}

func (c *checker) checkKeyPart(path string, p *KeyPart) {
	if !c.exactlyOne(path, "part", string(p.Part), "header", p.Header, "cookie", p.Cookie, "claim", p.Claim, "paths", strings.Join(p.Paths, " ")) {
		return
	}
	switch {
	case p.Part != "":
		word(c, path, p.Part)
	case p.Header != "" && !message.IsToken(p.Header):
		c.add(path+".header", "%q is not the name of a field", p.Header)
	case p.Cookie != "" && !message.IsToken(p.Cookie):
		c.add(path+".cookie", "%q is not the name of a cookie", p.Cookie)
	}
	c.each(path+".paths", p.Paths, func(text string) error {
		_, err := rate.ParseTemplate(text)
		return err
	})
}

func (c *checker) checkThrottle(path string, l *AccessLimit) {
	if l.Mode != LimitThrottle {
		for _, key := range []string{"max_delay", "waiters"} {
			if c.says(path + "." + key) {
				c.add(path+"."+key, "has no effect without mode: throttle")
			}
		}
		return
	}
	if l.MaxDelay <= 0 || l.MaxDelay > longestDelay {
		c.add(path+".max_delay", "%s is out of range, with mode: throttle: more than 0s, up to %s", l.MaxDelay, longestDelay)
	}
	c.between(path+".waiters", l.Waiters, 1, mostWaiters)
	if l.Cost != CostRequest || len(l.OnStatuses) > 0 {
		c.add(path+".mode", "throttle: what is counted when the response is there cannot be made to wait before: write block")
	}
}

func (c *checker) checkSharing(path string, l *AccessLimit) {
	word(c, path+".share", l.Share)
	word(c, path+".on_store_down", l.OnStoreDown)
	c.between(path+".replicas", l.Replicas, 0, mostReplicas)
	if l.Share != ShareNone {
		if l.Replicas > 0 && l.OnStoreDown != StoreDownLocal {
			c.add(path+".replicas", "has no effect beside on_store_down: %s", l.OnStoreDown)
		}
		return
	}
	for _, key := range []string{"on_store_down", "replicas"} {
		if c.says(path + "." + key) {
			c.add(path+"."+key, "has no effect beside share: none")
		}
	}
}
