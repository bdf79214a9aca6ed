package config

import "cmp"

// Recent says what the process keeps of the latest events, for the admin API.
type Recent struct {
	Memory Size `mapstructure:"memory"` // at most; 0: nothing is kept, and nothing counted over time
}

// leastRecent is enough for a few hundred events.
const leastRecent = 128 * KiB

// Peers are the names of admin listeners at which the pods of the tier are asked.
func (b *Boot) Peers() []string {
	if len(b.AdminPeers) > 0 {
		return b.AdminPeers
	}
	return b.LastGood.Peers
}

// checkRecent checks what is kept for the admin API, and whom it asks.
func (l *bootLoader) checkRecent() {
	b := &l.boot
	if m := b.Recent.Memory; m != 0 && m < leastRecent || m > GiB {
		l.add("recent.memory", "%s is out of range: %s to %s, or 0", m, leastRecent, GiB)
	}
	for i, peer := range b.AdminPeers {
		l.addErr(indexPath("admin_peers", i), checkPeer(peer))
	}
	path := cmp.Or(l.givenPath("admin_peers", len(b.AdminPeers) > 0), l.givenPath("admin_peer_token", b.AdminPeerToken != ""))
	switch {
	case path != "" && b.Admin == "":
		l.add(path, "pods ask each other's admin listener, and there is none: set admin")
	case b.AdminPeerToken != "" && len(b.Peers()) == 0:
		l.addBy([]string{"admin_peers", "last_good"}, "admin_peer_token", "is shown to peers, and there are none: set admin_peers")
	case b.AdminPeerToken != "" && b.AdminTokens == "":
		l.addBy([]string{"admin_tokens"}, "admin_peer_token", "needs admin_tokens: without them no pod knows a token")
	}
}

// givenPath is a key path if it has a value.
func (l *bootLoader) givenPath(path string, given bool) string {
	if given {
		return path
	}
	return ""
}
