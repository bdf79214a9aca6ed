package rate

import (
	"context"
	"time"
)

// Bucket is one that replicas share, and what is wanted of it.
type Bucket struct {
	Key   Key
	Cost  time.Duration // that it is charged
	Most  time.Duration // what it may owe then, for it to be charged
	Alone bool          // whether it has room does not matter to the others
}

// Shared is what a shared bucket owes, by the store's clock.
type Shared struct {
	Allowed bool
	Owes    time.Duration
}

// Store has what replicas share.
type Store interface {
	// Up reports whether it is worth asking.
	Up() bool
	// Present says that a replica is there, for so long, and returns how many are.
	Present(ctx context.Context, replica string, lasts time.Duration) (int, error)
	// Take charges all buckets, or none if one that is not Alone has no room. One that is Alone is charged if it has room
	// and the others are charged. It is one round trip.
	Take(ctx context.Context, all []Bucket, how []Shared) error
	// Spend charges buckets whatever they owe. It is one round trip.
	Spend(ctx context.Context, all []Bucket, how []Shared) error
}
