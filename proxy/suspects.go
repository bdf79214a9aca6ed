package proxy

import (
	"container/list"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// suspects are the clients whose last requests were attacks. They wait behind others when
// inspections have to wait. An attack counts one point, which fades by half every ten seconds; four requests
// that are none take one: the one attacker of an office must not make suspects of its whole address
// for long. Of more clients than it has room for, it forgets those that were seen longest ago.
type suspects struct {
	some atomic.Bool // there are entries: most tiers have none most of the time

	mu      sync.Mutex
	clients map[netip.Prefix]*list.Element
	recent  list.List // of *suspect, the last seen in front
}

type suspect struct {
	client netip.Prefix
	points float64
	at     time.Time
}

const (
	mostSuspects  = 4096
	suspectPoints = 2 // and more make a suspect
	mostPoints    = 8 // however many attacks there were
	forgivenAfter = 10 * time.Second
	forgiveness   = 0.25
)

// blocked notes that a request of a client was an attack.
func (s *suspects) blocked(client netip.Prefix, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.clients[client]
	if e == nil {
		if s.clients == nil {
			s.clients = map[netip.Prefix]*list.Element{}
		}
		if s.recent.Len() >= mostSuspects {
			s.forget(s.recent.Back())
		}
		e = s.recent.PushFront(&suspect{client: client, at: now})
		s.clients[client] = e
		s.some.Store(true)
	}
	s.recent.MoveToFront(e)
	r := e.Value.(*suspect)
	r.points = min(r.pointsAt(now)+1, mostPoints)
	r.at = now
}

// passed notes that a request of a client was none.
func (s *suspects) passed(client netip.Prefix, now time.Time) {
	if !s.some.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.clients[client]; e != nil {
		r := e.Value.(*suspect)
		if r.points, r.at = r.pointsAt(now)-forgiveness, now; r.points <= 0 {
			s.forget(e)
		}
	}
}

// has reports whether a client is a suspect.
func (s *suspects) has(client netip.Prefix, now time.Time) bool {
	if !s.some.Load() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.clients[client]
	return e != nil && e.Value.(*suspect).pointsAt(now) >= suspectPoints
}

func (s *suspects) forget(e *list.Element) {
	delete(s.clients, e.Value.(*suspect).client)
	s.recent.Remove(e)
	s.some.Store(s.recent.Len() > 0)
}

func (r *suspect) pointsAt(now time.Time) float64 {
	return r.points * math.Exp2(-now.Sub(r.at).Seconds()/forgivenAfter.Seconds())
}
