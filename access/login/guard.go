package login

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Quota is how many may fail within a time.
type Quota struct {
	Units  int
	Period time.Duration
}

// each is how long one failure counts.
func (q Quota) each() time.Duration { return q.Period / time.Duration(q.Units) }

// Known is how long an address is remembered at which an account was logged in to.
const Known = 30 * 24 * time.Hour

// Config is how logins of a policy are counted.
type Config struct {
	Address Quota  // failures from an address, whatever the account
	Both    Quota  // for an account from an address
	Account Quota  // for an account from anywhere
	Key     []byte // that names of accounts are hashed with; empty: one that nobody else has
}

// State has what a process knows of logins. It outlives configurations.
type State struct {
	mu     sync.Mutex
	tables map[string]*tables // by the id of the policy
	own    []byte             // the key of those who are given none
	shared Shared
	queue  queue
}

type tables struct{ owing, known table }

// NewState returns the state of a process. Who does not share it passes nil.
func NewState(shared Shared) *State {
	return &State{tables: map[string]*tables{}, shared: shared}
}

// Guard counts the logins of a policy.
type Guard struct {
	Config
	own    bool // its key is the process's, so that no other knows what accounts are called
	id     string
	state  *State
	tables *tables
}

// Guard returns what counts the logins of a policy. What was counted for it before stays.
func (s *State) Guard(id string, c Config) *Guard {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := len(c.Key) == 0
	if own {
		if s.own == nil {
			s.own = make([]byte, 32)
			_, _ = rand.Read(s.own) // which never fails
		}
		c.Key = s.own
	}
	t := s.tables[id]
	if t == nil {
		t = &tables{}
		s.tables[id] = t
	}
	return &Guard{Config: c, own: own, id: id, state: s, tables: t}
}

// Reason is why a login is not let through.
type Reason uint8

// The reasons.
const (
	None      Reason = iota
	Address          // too many have failed from the address
	Both             // too many for the account, from the address
	Account          // too many for the account, and the address is not known for it
	Ambiguous        // the request names more accounts than a login does
	Unread           // its body was not read to its end, so that nobody knows the account
	Reasons
)

var reasonWords = [Reasons]string{"none", "login_address", "login_account_address", "login_account", "login_ambiguous", "login_unread"}

// String is the word.
func (r Reason) String() string { return reasonWords[r] }

// Attempt is a login on its way. The zero value is none.
type Attempt struct {
	guard   *Guard
	address key
	names   []named
	client  netip.Addr
}

// named is an account that an attempt names.
type named struct {
	account, both key // buckets
	known         bool
}

// Begun reports whether there is an attempt whose end is to be told.
func (a *Attempt) Begun() bool { return a.guard != nil }

// Begin begins a login from an address, of which all that it says for the account count. If it is not to be let
// through, nothing is charged, and it says when it will be.
func (g *Guard) Begin(address netip.Addr, accounts []string, now time.Time) (Attempt, Reason, time.Duration) {
	a := Attempt{guard: g, client: address, address: bucket(g.id, ofAddress, key{}, address)}
	if wait, ok := g.tables.owing.take(&a.address, g.Address, now); !ok {
		return Attempt{}, Address, wait
	}
	for _, name := range accounts {
		account := hashed(g.Key, name)
		n := named{account: bucket(g.id, ofAccount, account, netip.Addr{}), both: bucket(g.id, ofBoth, account, address)}
		if slices.ContainsFunc(a.names, func(o named) bool { return o.both == n.both }) {
			continue
		}
		if len(a.names) == maxAccounts {
			a.takeBack(now)
			return Attempt{}, Ambiguous, 0
		}
		if wait, ok := g.tables.owing.take(&n.both, g.Both, now); !ok {
			a.takeBack(now)
			return Attempt{}, Both, wait
		}
		n.known = g.tables.known.has(&n.both, now)
		if wait, ok := g.tables.owing.take(&n.account, g.Account, now); !ok && !n.known {
			g.tables.owing.giveBack(&n.both, g.Both, now)
			a.takeBack(now)
			return Attempt{}, Account, wait
		} else if !ok {
			n.account = key{} // which was not charged
		}
		a.names = append(a.names, n)
	}
	return a, None, 0
}

// takeBack gives back what the attempt was charged.
func (a *Attempt) takeBack(now time.Time) {
	g := a.guard
	g.tables.owing.giveBack(&a.address, g.Address, now)
	for i := range a.names {
		n := &a.names[i]
		g.tables.owing.giveBack(&n.both, g.Both, now)
		if n.account != (key{}) {
			g.tables.owing.giveBack(&n.account, g.Account, now)
		}
	}
}

// End is what has become of a login.
type End uint8

// What can.
const (
	Neither   End = iota // the application has not said, or was not asked
	Failed               //
	Succeeded            //
)

// Ended tells what has become of it.
func (a *Attempt) Ended(end End, now time.Time) {
	g := a.guard
	if g == nil {
		return
	}
	a.guard = nil
	defer func() { a.names = nil }()
	if end == Failed {
		g.state.share(g, a, now)
		return
	}
	back := *a
	back.guard = g
	back.takeBack(now)
	if end == Succeeded && len(a.names) == 1 { // of several nobody knows which it was
		g.tables.owing.forget(&a.names[0].both)
		g.tables.known.atLeast(&a.names[0].both, Known, now)
	}
}

// Held is how many buckets and known addresses there are.
func (s *State) Held() (owing, known int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tables {
		owing, known = owing+t.owing.len(), known+t.known.len()
	}
	return owing, known
}
