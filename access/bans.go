package access

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"strconv"
	"time"

	"github.com/wafer-waf/wafer/access/ban"
	"github.com/wafer-waf/wafer/access/rate"
)

// BanSpec is a ban of a policy.
type BanSpec struct {
	ban.Rule
	Key  []rate.Part
	Skip bool // requests that lack a part of the key; else they are one
	Off  bool
}

// bans are those of a policy. Every policy has some: who was banned by another one, or by a person, is banned everywhere.
type bans struct {
	table *ban.Table
	rules []banRule
	keyed bool // some are not about clients
}

type banRule struct {
	ban.Rule
	key  []rate.Part // nil: the client
	skip bool
}

// compileBans makes the bans of a policy.
func (s *State) compileBans(p *Policy, all []BanSpec) *bans {
	b := &bans{table: s.table()}
	for i := range all {
		of := &all[i]
		if of.Off {
			continue
		}
		r := banRule{Rule: of.Rule, key: of.Key, skip: of.Skip}
		r.Observe = r.Observe || p.observe // whom a policy bans others ban as well
		if len(r.key) == 1 && r.key[0].Kind == rate.PartClient {
			r.key = nil
		}
		b.keyed = b.keyed || r.key != nil
		p.awaits = p.awaits || len(r.Statuses) > 0
		p.paths = p.paths || readsTemplates(r.key)
		b.rules = append(b.rules, r)
	}
	return b
}

// Decide implements [Part].
func (b *bans) Decide(r *Request) (d Decision) {
	if b.table.Len() == 0 {
		return d
	}
	r.scratch.host = appendHost(r.scratch.host[:0], r.Host)
	found := b.table.Banned(ban.Client(r.Client), r.scratch.host, r.Route, r.Now)
	for i := 0; b.keyed && i < len(b.rules) && (found == nil || found.Observe); i++ {
		if rule := &b.rules[i]; rule.key != nil {
			if who, whole := rule.who(r); whole || !rule.skip {
				if other := b.table.Banned(who, r.scratch.host, r.Route, r.Now); other != nil {
					found = other
				}
			}
		}
	}
	switch {
	case found == nil:
		return d
	case found.Observe:
		d.would(Ban, banName(found))
		return d
	}
	d.Verdict, d.Status, d.Rule, d.RetryAfter = Ban, found.Status, banName(found), found.Until.Sub(r.Now)
	if d.Status == 0 {
		d.Status = http.StatusForbidden
	}
	return d
}

// ByHand is the name of bans that people have made.
const ByHand = "by-hand"

func banName(b *ban.Ban) string {
	if b.Hand() {
		return ByHand
	}
	return b.Rule
}

// who is whom a rule is about, by a key that says nothing of its parts, and whether the request has all of them.
func (r *banRule) who(of *Request) (w ban.Who, whole bool) {
	if r.key == nil {
		return ban.Client(of.Client), true
	}
	b := of.scratch.ban[:0]
	b = append(b, "wafer ban key "...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.ID)))
	b = append(b, r.ID...)
	whole = true
	for i := range r.key {
		part := &r.key[i]
		b = append(b, byte(part.Kind))
		at := len(b)
		b = append(b, 0, 0, 0, 0)
		var has bool
		if b, has = (*keyed)(of).AppendPart(b, part); has {
			binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
			continue
		}
		whole = false
		b = append(b[:at], 255, 255, 255, 255) // no text is so long
	}
	of.scratch.ban = b
	digest := sha256.Sum256(b)
	return ban.Keyed([16]byte(digest[:16])), whole
}

// Explain implements [Part].
func (b *bans) Explain(*Request) string {
	if len(b.rules) == 0 {
		return "" // those by hand and of other policies may be
	}
	says := ""
	for i := range b.rules {
		if says += b.rules[i].ID; b.rules[i].Observe {
			says += " (only observed)"
		}
		says += ", "
	}
	return says + "by hand and of other policies; who is banned, only the tier that serves knows"
}

// Done implements [Follower].
func (b *bans) Done(r *Request, d *Decision, o *Outcome) {
	if d.Always || r.Own || d.Verdict == Ban || d.Verdict == Challenge {
		return
	}
	was := ban.Outcome{Status: o.Status, Blocked: o.Blocked, Limited: d.Verdict == Limit, Score: o.Score}
	for i := range b.rules {
		rule := &b.rules[i]
		why, counts := rule.Counts(&was)
		if !counts {
			continue
		}
		who, whole := rule.who(r)
		if !whole && rule.skip {
			continue
		}
		if why == "status" {
			why += " " + strconv.Itoa(o.Status)
		}
		at := ban.Target{Who: who, Scope: rule.Scope}
		switch rule.Scope {
		case ban.OnHost:
			at.Where = string(appendHost(nil, r.Host))
		case ban.OnRoute:
			at.Where = r.Route
		}
		if at.Scope != ban.Everywhere && at.Where == "" || !at.Storable() {
			continue // it is nowhere
		}
		b.table.Hit(&rule.Rule, at, time.Now(), r.ID, why)
	}
}

// Banned is the table of who is banned.
func (s *State) Banned() *ban.Table { return s.table() }

func (s *State) table() *ban.Table {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.banned == nil {
		o := s.BansWith
		if s.store != nil {
			o.Store = s.store
		}
		s.banned = ban.New(o)
	}
	return s.banned
}

// KeepUp keeps up what replicas share until ctx ends. Known is called once, when what others have shared is known here, or
// cannot be for now.
func (s *State) KeepUp(ctx context.Context, known func()) { s.table().Run(ctx, known) }
