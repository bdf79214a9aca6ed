package discover

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// looked is a source that looks at a name again and again, on a clock of its own: one that does not answer holds up no
// other.
type looked struct {
	name  string
	every time.Duration

	// look returns what is there. With an error comes what was there last, or what was found in spite of it.
	look func(context.Context) ([]Target, error)
}

func (l *looked) String() string { return l.name }

func (l *looked) Watch(ctx context.Context, tell func([]Target, error)) {
	for {
		found, err := l.look(ctx)
		if ctx.Err() != nil {
			return
		}
		tell(bounded(Unique(found), err))
		if !pause(ctx, l.every) {
			return
		}
	}
}

// pause waits for about as long, so that many processes do not ask in step. It reports false if ctx has ended.
func pause(ctx context.Context, about time.Duration) bool {
	t := time.NewTimer(about - about/10 + rand.N(about/5+1))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// most is how many targets one name may have. Each costs memory, whoever sends the answer.
const most = 1000

func bounded(found []Target, err error) ([]Target, error) {
	if len(found) > most {
		return found[:most], fmt.Errorf("%d addresses: no more than %d are used", len(found), most)
	}
	return found, err
}

// Unique returns the targets in the order of their addresses, each address once. One that is found twice is about to
// end only if both are.
func Unique(all []Target) []Target {
	slices.SortStableFunc(all, func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(order(a), order(b)))
	})
	return slices.CompactFunc(all, func(a, b Target) bool { return a.Address == b.Address })
}

// order is 0 for targets that get new requests, 1 for others.
func order(t Target) int {
	if t.Terminating {
		return 1
	}
	return 0
}
