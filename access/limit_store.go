package access

import (
	"context"
	"time"

	"github.com/wafer-waf/wafer/access/rate"
	"github.com/wafer-waf/wafer/access/store"
)

// sharedLimits is the store as limits use it.
type sharedLimits struct{ *store.Store }

// Take implements [rate.Store].
func (s sharedLimits) Take(ctx context.Context, all []rate.Bucket, how []rate.Shared) error {
	return asOwed(ctx, s.Store.Take, all, how)
}

// Spend implements [rate.Store].
func (s sharedLimits) Spend(ctx context.Context, all []rate.Bucket, how []rate.Shared) error {
	return asOwed(ctx, s.Store.Spend, all, how)
}

// Present implements [rate.Store].
func (s sharedLimits) Present(ctx context.Context, replica string, lasts time.Duration) (int, error) {
	return s.Store.Present(ctx, replica, lasts)
}

func asOwed(ctx context.Context, do func(context.Context, []store.Bucket, []store.Owed) error, all []rate.Bucket, how []rate.Shared) error {
	buckets, owed := make([]store.Bucket, len(all)), make([]store.Owed, len(all))
	for i, b := range all {
		buckets[i] = store.Bucket{Key: b.Key, Cost: b.Cost, Most: b.Most, Alone: b.Alone}
	}
	if err := do(ctx, buckets, owed); err != nil {
		return err
	}
	for i, o := range owed {
		how[i] = rate.Shared{Allowed: o.Allowed, Owes: o.Owes}
	}
	return nil
}
