package snapshot

import (
	"github.com/wafer-waf/wafer/access"
	"github.com/wafer-waf/wafer/access/ban"
	"github.com/wafer-waf/wafer/config"
)

// banOf says to package access what config.AccessBan says.
func banOf(b *config.AccessBan) access.BanSpec {
	s := access.BanSpec{Skip: b.Missing == config.MissingSkip, Off: b.Mode == config.Disregard}
	s.Rule = ban.Rule{
		ID: b.ID, Blocked: b.Blocked, Limited: b.Limited, Score: b.Score, Count: b.Count, Window: b.Window,
		Scope: banScopes[b.Scope], First: b.For, Growth: b.Growth, Longest: b.Longest, Forget: b.Forget,
		Status: b.Status, Observe: b.Mode == config.Observe,
	}
	for _, r := range b.Statuses {
		s.Statuses = append(s.Statuses, ban.Statuses(r))
	}
	for i := range b.Key {
		s.Key = append(s.Key, keyPart(&b.Key[i]))
	}
	return s
}

var banScopes = map[config.BanScope]ban.Scope{
	config.BanEverywhere: ban.Everywhere, config.BanHost: ban.OnHost, config.BanRoute: ban.OnRoute,
}
