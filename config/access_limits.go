package config

import (
	"time"
)

// AccessLimit says how often somebody may ask.
type AccessLimit struct {
	ID         string        `mapstructure:"id"`
	When       *AccessWhen   `mapstructure:"when"` // nil: every request
	Rate       Rate          `mapstructure:"rate"`
	Burst      Amount        `mapstructure:"burst"` // at once; 0: as many as the rate has
	Key        []KeyPart     `mapstructure:"key"`   // requests in which all parts are the same are counted together
	Missing    Missing       `mapstructure:"missing"`
	Cost       LimitCost     `mapstructure:"cost"`
	OnStatuses []StatusRange `mapstructure:"on_statuses"` // of responses that are counted; none: all
	Mode       LimitMode     `mapstructure:"mode"`

	MaxDelay time.Duration `mapstructure:"max_delay"` // with throttle, how long a request waits
	Waiters  int           `mapstructure:"waiters"`   // likewise, how many of them do at once

	Share       Sharing   `mapstructure:"share"`
	OnStoreDown StoreDown `mapstructure:"on_store_down"`
	Replicas    int       `mapstructure:"replicas"` // that share the limit while the store is away; 0: as many as it has heard of

	Buckets      int     `mapstructure:"buckets"` // remembered at most
	Fields       Telling `mapstructure:"fields"`
	LegacyFields bool    `mapstructure:"legacy_fields"`

	Source string `mapstructure:"-"` // key path of the limit, which may be inherited
}

// KeyPart is a part of what requests are told apart by. One of the fields is set.
type KeyPart struct {
	Part   KeyWord  `mapstructure:"part" plain:"yes" one:"it"`
	Header string   `mapstructure:"header" one:"it"`
	Cookie string   `mapstructure:"cookie" one:"it"`
	Claim  string   `mapstructure:"claim" one:"it"` // of the token
	Paths  []string `mapstructure:"paths" one:"it"` // forms of paths, such as /users/{id}
}

// KeyWord is what a request has, or may have.
type KeyWord string

// What it can be.
const (
	KeyClient   KeyWord = "client" // its address; of IPv6 the network that is its own
	KeyRoute    KeyWord = "route"  // id
	KeyPath     KeyWord = "path"   // what of the route's paths has matched
	KeyMethod   KeyWord = "method"
	KeyHost     KeyWord = "host"
	KeyIdentity KeyWord = "identity" // of the client's certificate
	KeyAPIKey   KeyWord = "api_key"  // whose it is
	KeyCountry  KeyWord = "country"
	KeyASN      KeyWord = "asn" // the network that the client is in
)

// always are the words for what every request has.
func (w KeyWord) always() bool {
	switch w {
	case "", KeyIdentity, KeyAPIKey, KeyCountry, KeyASN:
		return false
	}
	return true
}

// Missing says what happens to requests that lack a part of a key.
type Missing string

// What can.
const (
	MissingSkip  Missing = "skip"  // the limit does not apply
	MissingCount Missing = "count" // all of them are counted together
	MissingDeny  Missing = "deny"
)

// LimitCost says what a request costs.
type LimitCost string

// What it can.
const (
	CostRequest       LimitCost = "request"
	CostRequestBytes  LimitCost = "request_bytes"
	CostResponseBytes LimitCost = "response_bytes"
	CostScore         LimitCost = "score"
)

// LimitMode says what happens to requests that are over a limit.
type LimitMode string

// What can.
const (
	LimitBlock    LimitMode = "block"
	LimitThrottle LimitMode = "throttle"
	LimitObserve  LimitMode = "observe"
	LimitOff      LimitMode = "off"
)

// Sharing says what replicas know of what others have counted.
type Sharing string

// What they can.
const (
	ShareNone  Sharing = "none"
	ShareLocal Sharing = "local"
	ShareExact Sharing = "exact"
)

// StoreDown says what becomes of a limit that is shared while the store is away.
type StoreDown string

// What can.
const (
	StoreDownLocal StoreDown = "local" // each replica enforces its part
	StoreDownAllow StoreDown = "allow"
	StoreDownDeny  StoreDown = "deny"
)

// Telling says which responses tell of a limit.
type Telling string

// Which can.
const (
	TellLimited Telling = "limited"
	TellAlways  Telling = "always"
	TellNever   Telling = "never"
)

// DefaultLimit returns what a limit is before the file says anything about it.
func DefaultLimit() AccessLimit {
	return AccessLimit{
		Key: []KeyPart{{Part: KeyClient}}, Cost: CostRequest, Mode: LimitBlock, Waiters: 100,
		Share: ShareNone, OnStoreDown: StoreDownLocal, Buckets: 100_000, Fields: TellLimited,
	}
}

func fillLimit(l *AccessLimit, has func(key string) bool) {
	d := DefaultLimit()
	fill(&l.Burst, l.Rate.Amount, has("burst"))
	fill(&l.Key, d.Key, has("key"))
	fill(&l.Cost, d.Cost, has("cost"))
	fill(&l.Mode, d.Mode, has("mode"))
	fill(&l.Waiters, d.Waiters, has("waiters"))
	fill(&l.Share, d.Share, has("share"))
	fill(&l.OnStoreDown, d.OnStoreDown, has("on_store_down"))
	fill(&l.Buckets, d.Buckets, has("buckets"))
	fill(&l.Fields, d.Fields, has("fields"))
}

// SharedLimits are the ids of limits of a policy that count for all replicas together, which takes a store.
func (a *Access) SharedLimits() (ids []string) {
	for i := range a.Limits {
		if l := &a.Limits[i]; a.Mode != Disregard && l.Mode != LimitOff && l.Share != ShareNone {
			ids = append(ids, l.ID)
		}
	}
	return ids
}
