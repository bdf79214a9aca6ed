package kept

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Kind is one of the collections.
type Kind uint8

// The collections.
const (
	Global Kind = iota
	IP
	Session
	User
	Resource

	Kinds // how many there are
)

// names are those of kinds, in lower case.
var names = [Kinds]string{"global", "ip", "session", "user", "resource"}

// String is the kind's name in lower case.
func (k Kind) String() string { return names[k] }

// KindOf finds a kind by its name in lower case.
func KindOf(name string) (Kind, bool) {
	for k, n := range names {
		if n == name {
			return Kind(k), true
		}
	}
	return 0, false
}

// Bounds of what is kept under one key. What goes beyond them is not kept.
const (
	MaxVariables = 64
	MaxName      = 64   // bytes
	MaxValue     = 1024 // bytes
)

// Key names what is kept: of which kind, and under which name. The name is hashed, so that
// neither sessions nor users can be read in a store.
type Key struct {
	Kind Kind
	Sum  [16]byte
}

// NewKey returns the key for a name.
func NewKey(kind Kind, name string) Key {
	h := sha256.New()
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(name)))
	_, _ = h.Write([]byte("wafer collection " + kind.String() + "\n"))
	_, _ = h.Write(size[:])
	_, _ = h.Write([]byte(name))
	k := Key{Kind: kind}
	copy(k.Sum[:], h.Sum(nil))
	return k
}

// Loaded is what is kept under a key at one moment. Whoever gets it changes nothing in it.
type Loaded struct {
	New              bool          // nothing is
	Now              time.Time     // by the clock of who keeps it
	Created, Updated time.Time     // of nothing: now
	Updates          int64         // how often it was changed
	Timeout          time.Duration // how long it is kept from the last change; 0: as long as the policy says
	Variables        map[string]string
}

// Change is what one transaction has done to what is kept under a key.
type Change struct {
	Key     Key
	Timeout time.Duration // how long it is kept from now on
	Steps   []Step        // one for each variable
}

// Step is what was done to a variable.
type Step struct {
	Name string
	Op   Op
	Text string // that Set has set
	N    int64  // that Add has added
	// Expire is how long the variable is kept from now on; 0: as long as was said before.
	Expire time.Duration
}

// Op is a kind of step.
type Op uint8

// The kinds of steps.
const (
	Nothing Op = iota // but perhaps for its time
	Set
	Add // a number, which may be negative; no sum is below zero, and what is no number counts as zero
	Remove
)

// Store keeps collections. It is safe for concurrent use.
type Store interface {
	// Load returns what is kept under a key. It may ask another process for it, once, and waits no longer
	// than its own limits say. After that it returns what it knows itself.
	Load(Key) Loaded
	// Change carries a change out, as one. It does not wait for other processes.
	Change(Change)
}
