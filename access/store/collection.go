package store

import (
	"context"
	"strconv"
	"time"
)

// Bounds of a collection.
const (
	MostVariables  = 128
	LongestName    = 128      // bytes
	LongestValue   = 16 << 10 // bytes
	MostChanges    = 256      // at a time
	largestChanges = 256 << 10
)

// Variable is one of a collection.
type Variable struct {
	Name, Value string
	Left        time.Duration // until it expires; 0: with the collection
}

// Change is what is done to one variable of a collection. A variable beyond MostVariables is not made.
type Change struct {
	Do    Act
	Name  string
	Value string        // of Set and Init; of Add what is added, a whole number
	Left  time.Duration // of Expire, and if not 0 of the others: until the variable expires
}

// Act is what a Change does.
type Act string

// What it can do.
const (
	Set    Act = "set"
	Init   Act = "init" // Set, if there is none
	Add    Act = "add"  // to 0 if there is none, or to what is no number; no sum is below 0
	Remove Act = "remove"
	Expire Act = "expire" // only if there is one
)

// Collection returns the variables of a collection.
func (s *Store) Collection(ctx context.Context, key [16]byte) ([]Variable, error) {
	return s.collection(ctx, "collection", key, 0, nil)
}

// ChangeCollection changes a collection in one step, has it live for lifetime from now on, and returns what it holds then.
func (s *Store) ChangeCollection(ctx context.Context, key [16]byte, lifetime time.Duration, changes []Change) ([]Variable, error) {
	return s.collection(ctx, "change_collection", key, lifetime, changes)
}

func (s *Store) collection(ctx context.Context, operation string, key [16]byte, lifetime time.Duration, changes []Change) ([]Variable, error) {
	arguments := append(make([]any, 0, 4+4*len(changes)), lifetime.Milliseconds(), MostVariables, LongestName, LongestValue)
	size := 0
	for i := range changes {
		c := &changes[i]
		if len(c.Name) > LongestName || len(c.Value) > LongestValue {
			continue
		}
		size += len(c.Name) + len(c.Value)
		if i >= MostChanges || size > largestChanges {
			break
		}
		arguments = append(arguments, string(c.Do), c.Name, c.Value, c.Left.Milliseconds())
	}
	var all []Variable
	err := s.do(ctx, operation, func(ctx context.Context) error {
		reply, err := collectionScript.Run(ctx, s.client, []string{s.key("collection", key)}, arguments...).StringSlice()
		if err != nil {
			return err
		}
		all, err = variables(reply)
		return err
	})
	return all, err
}

func variables(reply []string) ([]Variable, error) {
	if len(reply)%3 != 0 || len(reply) > 3*MostVariables {
		return nil, errReply
	}
	all := make([]Variable, 0, len(reply)/3)
	for i := 0; i < len(reply); i += 3 {
		left, err := milliseconds(reply[i+2])
		if err != nil || len(reply[i]) > LongestName || len(reply[i+1]) > LongestValue {
			return nil, errReply
		}
		all = append(all, Variable{reply[i], reply[i+1], left})
	}
	return all, nil
}

// milliseconds reads a time within bounds.
func milliseconds(text string) (time.Duration, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > longest.Milliseconds() {
		return 0, errReply
	}
	return time.Duration(n) * time.Millisecond, nil
}
