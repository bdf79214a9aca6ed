package config

import "time"

// Bounds of bans.
const (
	mostBanRules  = 16
	mostBanCount  = 10_000
	shortestBan   = time.Second
	longestBan    = 366 * 24 * time.Hour
	longestWindow = 24 * time.Hour
)

func (c *checker) checkBans(path string, a *Access) {
	c.ids(path, len(a.Bans), func(i int) string { return a.Bans[i].ID })
	if len(a.Bans) > mostBanRules {
		c.add(path, "%d are too many: at most %d", len(a.Bans), mostBanRules)
	}
	others := map[string]bool{}
	for _, r := range a.Rules {
		others[r.ID] = true
	}
	for _, l := range a.Limits {
		others[l.ID] = true
	}
	for i := range a.Bans {
		b := &a.Bans[i]
		at := indexPath(path, i)
		if others[b.ID] && b.ID != "" || reservedRules[b.ID] {
			c.add(at+".id", "%q is what metrics and events call something else: choose another one", b.ID)
		}
		c.checkBan(at, b)
	}
}

func (c *checker) checkBan(path string, b *AccessBan) {
	if len(b.Statuses) == 0 && !b.Blocked && !b.Limited && b.Score == 0 && (c.doc == nil || !c.doc.isBroken(path+".statuses")) {
		c.add(path, "nothing leads to it: give statuses, blocked, limited or score")
	}
	c.between(path+".score", b.Score, 0, 10_000)
	switch said := c.says(path + ".count"); {
	case said || b.Count != 0:
		c.between(path+".count", b.Count, 1, mostBanCount)
	case c.doc == nil || !c.doc.isBroken(path+".count"):
		c.add(path, "needs count: how many within the window lead to a ban")
	}
	c.span(path+".window", b.Window, shortestBan, longestWindow)
	c.span(path+".for", b.For, shortestBan, longestBan)
	c.span(path+".longest", b.Longest, shortestBan, longestBan)
	c.span(path+".forget", b.Forget, 0, longestBan)
	if b.Longest < b.For {
		c.add(path+".longest", "%s is shorter than the first ban, %s", b.Longest, b.For)
	}
	if !(b.Growth >= 1 && b.Growth <= 100) {
		c.add(path+".growth", "%v is out of range: 1 to 100", b.Growth)
	}
	c.between(path+".status", b.Status, 400, 599)
	word(c, path+".scope", b.Scope)
	word(c, path+".mode", b.Mode)
	c.checkKey(path, &AccessLimit{Key: b.Key, Missing: b.Missing})
	if b.Missing == MissingDeny {
		c.add(path+".missing", "a ban denies nobody for what is missing: write skip or count, and deny by a rule")
	}
}

// span wants a time within bounds.
func (c *checker) span(path string, d, least, most time.Duration) {
	if d < least || d > most {
		c.add(path, "%s is out of range: %s to %s", d, least, most)
	}
}
