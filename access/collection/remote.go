package collection

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/access/store"
	"github.com/wafer-waf/wafer/waf/kept"
)

// Over returns the collections that a store has; nil if there is no store.
func Over(s *store.Store) Remote {
	if s == nil {
		return nil
	}
	return remote{s}
}

// remote is a store of variables. What is known of a collection itself stands among them, under names that no
// rule can use.
type remote struct {
	store interface {
		Up() bool
		Collection(ctx context.Context, key [16]byte) ([]store.Variable, error)
		ChangeCollection(ctx context.Context, key [16]byte, lifetime time.Duration, changes []store.Change) ([]store.Variable, error)
	}
}

// What is known of a collection itself.
const (
	ofItself = "="
	created  = ofItself + "created"
	updated  = ofItself + "updated"
	updates  = ofItself + "updates"
	lives    = ofItself + "timeout"
)

func (r remote) Up() bool { return r.store.Up() }

// Load asks for a collection.
func (r remote) Load(ctx context.Context, k kept.Key) (Shared, error) {
	all, err := r.store.Collection(ctx, k.Sum)
	return shared(all), err
}

// Change sends what was done to it.
func (r remote) Change(ctx context.Context, k kept.Key, s Sum) (Shared, error) {
	at := strconv.FormatInt(s.At.Unix(), 10)
	changes := []store.Change{
		{Do: store.Init, Name: created, Value: at},
		{Do: store.Set, Name: updated, Value: at},
		{Do: store.Add, Name: updates, Value: strconv.FormatInt(s.Updates, 10)},
		{Do: store.Set, Name: lives, Value: strconv.FormatInt(int64(s.Timeout/time.Second), 10)},
	}
	for _, step := range s.Steps {
		changes = append(changes, changesOf(&step, time.Now())...)
	}
	all, err := r.store.ChangeCollection(ctx, k.Sum, s.Timeout, changes)
	return shared(all), err
}

// changesOf are the changes that a step is, now.
func changesOf(s *Step, now time.Time) []store.Change {
	var left time.Duration
	if !s.Ends.IsZero() {
		if left = s.Ends.Sub(now); left <= 0 {
			return []store.Change{{Do: store.Remove, Name: s.Name}}
		}
		left = max(left, time.Millisecond)
	}
	switch s.Op {
	case kept.Set:
		return []store.Change{{Do: store.Set, Name: s.Name, Value: s.Text, Left: left}}
	case kept.Add:
		return []store.Change{{Do: store.Add, Name: s.Name, Value: strconv.FormatInt(s.N, 10), Left: left}}
	case kept.Remove:
		return []store.Change{{Do: store.Remove, Name: s.Name}}
	}
	if left == 0 {
		return nil
	}
	return []store.Change{{Do: store.Expire, Name: s.Name, Left: left}}
}

// shared reads what a store has.
func shared(all []store.Variable) (out Shared) {
	number := func(text string) int64 {
		n, _ := strconv.ParseInt(text, 10, 64) // what is no number is nobody's
		return n
	}
	i := slices.IndexFunc(all, func(v store.Variable) bool { return v.Name == updates })
	if i < 0 {
		return Shared{}
	}
	out.Updates, out.Variables = number(all[i].Value), map[string]SharedVariable{}
	for _, v := range all {
		switch v.Name {
		case created:
			out.Created = time.Unix(number(v.Value), 0)
		case updated:
			out.Updated = time.Unix(number(v.Value), 0)
		case lives:
			out.Timeout = time.Duration(number(v.Value)) * time.Second
		default:
			if !strings.HasPrefix(v.Name, ofItself) && len(out.Variables) < kept.MaxVariables {
				out.Variables[v.Name] = SharedVariable{v.Value, v.Left}
			}
		}
	}
	out.Timeout = max(out.Timeout, time.Second)
	return out
}
