package balance

import "fmt"

// Explain says in words who would be asked, and why.
func (s *Set) Explain(a *Ask) string {
	if len(s.members) == 1 {
		return s.members[0].Name + ", the only endpoint"
	}
	if s.ring != nil && a.Keyed {
		first, ok := s.Next(a)
		if !ok {
			return "consistent_hash: no endpoint is well"
		}
		var tried Tried
		tried.Add(first)
		second, ok := s.Next(&Ask{Now: a.Now, Key: a.Key, Keyed: true, Tried: &tried})
		if !ok {
			return fmt.Sprintf("consistent_hash: the key leads to %s, and nobody else is well", s.members[first].Name)
		}
		return fmt.Sprintf("consistent_hash: the key leads to %s; were that one full or not well, to %s", s.members[first].Name, s.members[second].Name)
	}
	if i, ok := s.byToken[a.Token]; ok && s.may(i, a) && !s.crowded(i, a) {
		return "sticky: the cookie names " + s.members[i].Name
	}
	how := fmt.Sprintf("least_request: of two that are drawn%s of %d endpoints, the one with less to do", s.byWeight(), len(s.members))
	switch s.Policy {
	case RoundRobin:
		how = fmt.Sprintf("round_robin: %d endpoints in turn%s", len(s.members), s.byWeight())
	case ConsistentHash:
		how = "consistent_hash: the request has no key, so as by " + how
	case Sticky:
		how = "sticky: no cookie names an endpoint, so as by " + how + ", whose cookie is set"
	}
	if s.abroad != nil {
		how += ", those in zone " + s.Zone + " first"
	}
	return how
}

// byWeight says that members are not equal, if they are not.
func (s *Set) byWeight() string {
	for i := range s.members {
		if s.members[i].Weight != s.members[0].Weight {
			return " by weight"
		}
	}
	return ""
}
