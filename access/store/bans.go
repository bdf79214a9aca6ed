package store

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bounds of bans.
const (
	MostBans       = 100_000
	LongestSubject = 512  // bytes
	LongestNote    = 1024 // bytes
	banPage        = 500
	mostPages      = 20 * MostBans / banPage // those of bans that have ended are nearly empty
)

// Ban is one that is in force. To the store, Subject and Note are texts that mean nothing.
type Ban struct {
	Subject string
	Note    string
	Hand    bool // a person has made it
	Left    time.Duration
	Since   string // when the log began that tells of it
	Times   int64  // it is the first ban of the subject, or the second within the time that is remembered
}

// BanOrder says what is to be banned.
type BanOrder struct {
	Subject, Note string
	Hand          bool          // replaces a ban that stands, lasts for First, and is not forgotten for want of room
	First         time.Duration // how long it lasts
	Growth        float64       // each further one lasts so much longer,
	Longest       time.Duration // up to this,
	Forget        time.Duration // until so much time has passed after one ended
}

// Ban bans a subject, unless it is banned. It returns the ban that stands then, and whether this call has made it. One
// that lasts 0 says that there is no room but for those that people make.
func (s *Store) Ban(ctx context.Context, o BanOrder) (b Ban, made bool, err error) {
	b = Ban{Subject: o.Subject, Note: o.Note, Hand: o.Hand}
	if len(o.Subject) > LongestSubject || len(o.Note) > LongestNote {
		return b, false, errReply
	}
	by := "rule"
	if o.Hand {
		by = "hand"
	}
	err = s.do(ctx, "ban", func(ctx context.Context) error {
		reply, err := banScript.Run(ctx, s.client, s.banKeys(o.Subject), o.Subject, o.Note, by,
			o.First.Milliseconds(), o.Longest.Milliseconds(), o.Forget.Milliseconds(), max(o.Growth, 1), MostBans).Int64Slice()
		if err != nil {
			return err
		}
		if len(reply) != 4 || reply[1] < 0 || reply[1] > longest.Milliseconds() {
			return errReply
		}
		made, b.Left, b.Times, b.Since = reply[0] == 1, time.Duration(reply[1])*time.Millisecond, reply[2], strconv.FormatInt(reply[3], 10)
		return nil
	})
	return b, made, err
}

// Unban ends the ban of a subject and forgets earlier ones. It reports whether there was one.
func (s *Store) Unban(ctx context.Context, subject string) (was bool, err error) {
	err = s.do(ctx, "unban", func(ctx context.Context) error {
		n, err := unbanScript.Run(ctx, s.client, s.banKeys(subject), subject).Int64()
		was = n == 1
		return err
	})
	return was, err
}

// banKeys are the keys of bans, all in the same slot of a cluster.
func (s *Store) banKeys(subject string) []string {
	p := s.options.Prefix + "{bans}:"
	keys := []string{p + "ends", p + "notes", p + "log", p + "count", p + "since"}
	if subject != "" {
		keys = append(keys, p+"past:"+subject)
	}
	return keys
}

// BanWatcher is told of bans, by one goroutine.
type BanWatcher interface {
	// All tells of all that are in force, by a log that began at some time. Those known before by the same log have
	// ended; of others the store knows no more.
	All(all []Ban, since string)
	// Changed tells of some that have begun, or, with Left 0, ended.
	Changed(some []Ban, since string)
}

// banPoll is how often a replica looks for changes. They are read from a log that the store keeps, so that nothing is missed by who was
// away for a while, as it would be of messages.
const banPoll = 250 * time.Millisecond

// banPause is how often it looks at a store whose answers are none: to read all bans in vain costs both of them much.
const banPause = 5 * time.Second

// banLog is a place in the log of bans.
type banLog struct {
	count int64
	since string // when the log began: another one knows nothing of what was before
}

// Bans returns all bans that are in force.
func (s *Store) Bans(ctx context.Context) ([]Ban, error) {
	all, _, err := s.allBans(ctx)
	return all, err
}

func (s *Store) allBans(ctx context.Context) (all []Ban, log banLog, err error) {
	cursor := "0"
	for pages := 0; pages == 0 || cursor != "0"; pages++ {
		if pages == mostPages || len(all) > 2*MostBans {
			return nil, log, errReply // a cursor that never ends
		}
		var page []Ban
		err := s.do(ctx, "bans", func(ctx context.Context) error {
			reply, err := bansScript.Run(ctx, s.client, s.banKeys(""), cursor, banPage).StringSlice()
			if err != nil {
				return err
			}
			if len(reply) < 3 {
				return errReply
			}
			if pages == 0 {
				log.since = reply[1]
				if log.count, err = strconv.ParseInt(reply[0], 10, 64); err != nil {
					return errReply
				}
			}
			cursor = reply[2]
			page, err = bans(reply[3:])
			return err
		})
		if err != nil {
			return nil, log, err
		}
		all = append(all, page...)
	}
	return all, log, nil
}

// WatchBans tells of all bans and then of changes, within a second, until ctx ends. After the store was away it tells of
// all again.
func (s *Store) WatchBans(ctx context.Context, w BanWatcher) {
	v := banView{store: s, watcher: w}
	for {
		pause := banPoll
		if !s.Up() {
			v.current = false
		} else if FaultOf(v.look(ctx)) == Strange {
			pause = banPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
	}
}

// banView is what a watcher was told.
type banView struct {
	store   *Store
	watcher BanWatcher
	log     banLog
	current bool // it was told of all that has changed
}

func (v *banView) look(ctx context.Context) error {
	for v.current {
		some, next, err := v.store.bansChanged(ctx, v.log.count)
		switch {
		case err != nil, next < 0:
			v.current = false
		case next == v.log.count:
			return nil
		default:
			v.watcher.Changed(some, v.log.since)
			v.log.count = next
		}
	}
	all, log, err := v.store.allBans(ctx)
	if err != nil {
		return err
	}
	v.watcher.All(all, log.since)
	v.log, v.current = log, true
	return nil
}

// bansChanged returns what has changed since the log was at a place, and where it is now; -1: the log does not go
// back so far.
func (s *Store) bansChanged(ctx context.Context, log int64) (some []Ban, next int64, err error) {
	err = s.do(ctx, "bans_changed", func(ctx context.Context) error {
		reply, err := bansChangedScript.Run(ctx, s.client, s.banKeys(""), log, banPage).StringSlice()
		if err != nil {
			return err
		}
		if len(reply) == 0 {
			return errReply
		}
		if next, err = strconv.ParseInt(reply[0], 10, 64); err != nil {
			return errReply
		}
		if some, err = bans(reply[1:]); err == nil && len(some) == 0 && next > log {
			return errReply
		}
		return err
	})
	return some, next, err
}

// bans reads triples of subject, time left and note. What cannot be one is left out: it is from somebody else.
func bans(reply []string) ([]Ban, error) {
	if len(reply)%3 != 0 {
		return nil, errReply
	}
	all := make([]Ban, 0, len(reply)/3)
	for i := 0; i < len(reply); i += 3 {
		left, err := milliseconds(reply[i+1])
		if err != nil || len(reply[i]) > LongestSubject || len(reply[i+2]) > LongestNote+32 {
			continue
		}
		b := Ban{Subject: reply[i], Left: left}
		if left > 0 {
			times, rest, _ := strings.Cut(reply[i+2], " ")
			by, note, _ := strings.Cut(rest, " ")
			if b.Times, err = strconv.ParseInt(times, 10, 64); err != nil || by != "hand" && by != "rule" {
				continue
			}
			b.Note, b.Hand = note, by == "hand"
		}
		all = append(all, b)
	}
	return all, nil
}

// Hit is something that leads to a ban when there are too many of it.
type Hit struct {
	Key    [16]byte
	Window time.Duration
	Count  int64
}

// Hits counts some and returns how many there are of each, of all replicas, in the window that ends now, or at most an eighth before.
func (s *Store) Hits(ctx context.Context, some []Hit) ([]int64, error) {
	sums := make([]int64, len(some))
	calls := make([]call, len(some))
	for i, h := range some {
		calls[i] = call{s.key("hits", h.Key), []any{h.Window.Milliseconds(), h.Count}}
	}
	err := s.do(ctx, "hits", func(ctx context.Context) error {
		return s.many(ctx, hitScript, calls, func(i int, cmd *redis.Cmd) (err error) {
			sums[i], err = cmd.Int64()
			return err
		})
	})
	return sums, err
}

// ForgetHits forgets what was counted under a key.
func (s *Store) ForgetHits(ctx context.Context, key [16]byte) error {
	return s.do(ctx, "forget_hits", func(ctx context.Context) error { return s.client.Del(ctx, s.key("hits", key)).Err() })
}
