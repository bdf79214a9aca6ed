package store

import (
	"context"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bucket is one of a limit that lets Burst/Emission units through at once, and one more every Emission.
type Bucket struct {
	Key      [16]byte
	Emission time.Duration // in which one unit comes back
	Burst    time.Duration // how far ahead of its time the bucket may be: Emission times the units at once
	Cost     int64         // units that are taken
}

// Taken is what came of it.
type Taken struct {
	Allowed    bool
	Remaining  int64         // units; below 0 if more than there were have been charged
	RetryAfter time.Duration // until as much is there as was asked for, or one unit after a charge; 0: now
	ResetAfter time.Duration // until the bucket is full again
}

// Take takes Cost units if they are there.
func (s *Store) Take(ctx context.Context, b Bucket) (Taken, error) {
	var t Taken
	err := s.do(ctx, "take", func(ctx context.Context) error {
		reply, err := bucketScript.Run(ctx, s.client, []string{s.key("rate", b.Key)}, b.arguments("ask")...).Int64Slice()
		if err != nil {
			return err
		}
		t, err = taken(reply)
		return err
	})
	return t, err
}

// Spend takes Cost units of each bucket, whether they are there or not, in one round trip, and tells how they stand.
func (s *Store) Spend(ctx context.Context, all []Bucket) ([]Taken, error) {
	results := make([]Taken, len(all))
	calls := make([]call, len(all))
	for i := range all {
		calls[i] = call{s.key("rate", all[i].Key), all[i].arguments("charge")}
	}
	err := s.do(ctx, "spend", func(ctx context.Context) error {
		return s.many(ctx, bucketScript, calls, func(i int, cmd *redis.Cmd) error {
			reply, err := cmd.Int64Slice()
			if err != nil {
				return err
			}
			results[i], err = taken(reply)
			return err
		})
	})
	return results, err
}

func (b *Bucket) arguments(what string) []any {
	micros := func(d time.Duration) string {
		return strconv.FormatFloat(float64(d)/float64(time.Microsecond), 'f', 3, 64)
	}
	return []any{micros(b.Emission), micros(b.Burst), b.Cost, what}
}

func taken(reply []int64) (Taken, error) {
	if len(reply) != 4 {
		return Taken{}, errReply
	}
	for _, micros := range reply[2:] {
		if micros < 0 || micros > int64(longest/time.Microsecond) {
			return Taken{}, errReply
		}
	}
	return Taken{
		Allowed: reply[0] == 1, Remaining: reply[1],
		RetryAfter: time.Duration(reply[2]) * time.Microsecond, ResetAfter: time.Duration(reply[3]) * time.Microsecond,
	}, nil
}

// longest is the longest time that a reply may name.
const longest = 20 * 365 * 24 * time.Hour

// key is the name of what is kept for a key.
func (s *Store) key(kind string, key [16]byte) string {
	return s.options.Prefix + kind + ":" + base64.RawURLEncoding.EncodeToString(key[:])
}

// call is one run of a script.
type call struct {
	key       string
	arguments []any
}

// many runs a script for many keys in one round trip, or two if the server does not know it yet.
func (s *Store) many(ctx context.Context, script *redis.Script, calls []call, each func(i int, cmd *redis.Cmd) error) error {
	left := make([]int, len(calls))
	for i := range left {
		left[i] = i
	}
	run := script.EvalSha
	for range 2 {
		cmds := make([]*redis.Cmd, len(left))
		pipe := s.client.Pipeline()
		for j, i := range left {
			cmds[j] = run(ctx, pipe, []string{calls[i].key}, calls[i].arguments...)
		}
		_, _ = pipe.Exec(ctx) // each says what it has failed with
		var unknown []int
		for j, i := range left {
			if redis.HasErrorPrefix(cmds[j].Err(), "NOSCRIPT") {
				unknown = append(unknown, i)
				continue
			}
			if err := each(i, cmds[j]); err != nil {
				return err
			}
		}
		if len(unknown) == 0 {
			return nil
		}
		left, run = unknown, script.Eval
	}
	return errReply // it does not know what it was just given
}
