package store

import (
	"context"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Bucket is one of a limit, and what is wanted of it. What a bucket owes is a time: when that is over, it is full again.
type Bucket struct {
	Key   [16]byte
	Cost  time.Duration // that it is charged
	Most  time.Duration // what it may owe then
	Alone bool          // whether it has room does not matter to the others
}

// Owed is how a bucket stands.
type Owed struct {
	Allowed bool          // it had room
	Owes    time.Duration // now
}

// Take charges all buckets, or none if one that is not Alone has no room, and notes in owed how each stands. It is one round
// trip. Of a cluster, whose keys are on several nodes, those that have room are charged at first, and it is given back in the background.
func (s *Store) Take(ctx context.Context, all []Bucket, owed []Owed) error {
	if s.options.Mode == Cluster && len(all) > 1 {
		return s.takeEach(ctx, all, owed)
	}
	return s.do(ctx, "take", func(ctx context.Context) error {
		keys, arguments := make([]string, len(all)), []any{"ask"}
		for i := range all {
			keys[i], arguments = s.key("rate", all[i].Key), append(arguments, all[i].arguments()...)
		}
		reply, err := bucketScript.Run(ctx, s.client, keys, arguments...).Int64Slice()
		if err != nil {
			return err
		}
		return readOwed(reply, owed)
	})
}

func (s *Store) takeEach(ctx context.Context, all []Bucket, owed []Owed) error {
	if err := s.each(ctx, "take", "ask", all, owed); err != nil {
		return err
	}
	var back []Bucket
	refused := false
	for i := range all {
		if b := all[i]; owed[i].Allowed && b.Cost > 0 {
			b.Cost = -b.Cost
			back = append(back, b)
		} else if !owed[i].Allowed && !b.Alone {
			refused = true
		}
	}
	if refused && len(back) > 0 {
		// Nobody waits for it. If it fails, somebody has a little less for a while.
		go func() { _ = s.Spend(context.Background(), back, make([]Owed, len(back))) }()
	}
	return nil
}

// Spend charges buckets, whatever they owe, in one round trip, and notes in owed how each stands.
func (s *Store) Spend(ctx context.Context, all []Bucket, owed []Owed) error {
	return s.each(ctx, "spend", "charge", all, owed)
}

// each has every bucket asked or charged by itself.
func (s *Store) each(ctx context.Context, operation, what string, all []Bucket, owed []Owed) error {
	calls := make([]call, len(all))
	for i := range all {
		calls[i] = call{s.key("rate", all[i].Key), append([]any{what}, all[i].arguments()...)}
	}
	return s.do(ctx, operation, func(ctx context.Context) error {
		return s.many(ctx, bucketScript, calls, func(i int, cmd *redis.Cmd) error {
			reply, err := cmd.Int64Slice()
			if err != nil {
				return err
			}
			return readOwed(reply, owed[i:i+1])
		})
	})
}

func (b *Bucket) arguments() []any {
	micros := func(d time.Duration) string {
		return strconv.FormatFloat(float64(d)/float64(time.Microsecond), 'f', 3, 64)
	}
	with := "with"
	if b.Alone {
		with = "alone"
	}
	return []any{micros(b.Cost), micros(b.Most), with}
}

func readOwed(reply []int64, owed []Owed) error {
	if len(reply) != 2*len(owed) {
		return errReply
	}
	for i := range owed {
		micros := reply[2*i+1]
		if micros < 0 || micros > int64(longest/time.Microsecond) {
			return errReply
		}
		owed[i] = Owed{Allowed: reply[2*i] == 1, Owes: time.Duration(micros) * time.Microsecond}
	}
	return nil
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
