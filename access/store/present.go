package store

import (
	"context"
	"time"
)

// Present says that a replica is there, for so long, and returns how many are. What it is called is its own and of no other.
func (s *Store) Present(ctx context.Context, replica string, lasts time.Duration) (n int, err error) {
	err = s.do(ctx, "present", func(ctx context.Context) error {
		n, err = presentScript.Run(ctx, s.client, []string{s.options.Prefix + "replicas"}, replica, lasts.Milliseconds()).Int()
		return err
	})
	return n, err
}
