package routing

import (
	"bytes"
	"slices"
	"strings"
)

// HostEntries are the entries that requests for a host can lead to.
type HostEntries struct {
	Host    string // as it compares, "*.shop.example" or "any host"
	Entries []int  // in the order of the list that the table is made of

	pattern hostPattern
}

// ByHost returns what requests can lead to, for each host that an entry names and for any other, the last. A host
// leads to the entries of a less specific one, too, unless its own take all there is.
func (t *Table[T]) ByHost() []HostEntries {
	patterns := []hostPattern{{}}
	for _, r := range t.rules {
		for _, h := range r.hosts {
			if !slices.Contains(patterns, h) {
				patterns = append(patterns, h)
			}
		}
	}
	slices.SortStableFunc(patterns, func(a, b hostPattern) int { return b.rank() - a.rank() })
	var out []HostEntries
	for _, p := range patterns {
		e := HostEntries{Host: p.String(), pattern: p}
		for _, wider := range patterns {
			if !wider.covers(p) {
				continue
			}
			all := false
			for i, r := range t.rules {
				if slices.Contains(r.hosts, wider) {
					e.Entries = append(e.Entries, i)
					all = all || r.takesAll()
				}
			}
			if all {
				break // nothing falls through
			}
		}
		slices.Sort(e.Entries)
		e.Entries = slices.Compact(e.Entries)
		out = append(out, e)
	}
	return out
}

// covers reports whether h matches every host that g matches.
func (h hostPattern) covers(g hostPattern) bool {
	switch {
	case h == hostPattern{}, h == g:
		return true
	case !h.wildcard || g.name == "":
		return false
	case g.wildcard:
		return strings.HasSuffix(g.name, "."+h.name)
	}
	return h.match(g.name)
}

// takesAll reports whether a rule matches every request for its hosts.
func (r *rule) takesAll() bool {
	return len(r.methods) == 0 && len(r.headers) == 0 && slices.ContainsFunc(r.paths, func(p *pathPattern) bool {
		return p.kind == PathPrefix && p.value == ""
	})
}

// Hosts lead from a host to a value, as a table leads to the group of its entries.
type Hosts[V any] struct {
	exact, wildcards map[string]V
	any              V
}

// NewHosts returns the values of the hosts of a table.
func NewHosts[V any](all []HostEntries, value func(*HostEntries) V) *Hosts[V] {
	h := &Hosts[V]{exact: map[string]V{}, wildcards: map[string]V{}}
	for i := range all {
		switch v, p := value(&all[i]), all[i].pattern; {
		case p.wildcard:
			h.wildcards[p.name] = v
		case p.name != "":
			h.exact[p.name] = v
		default:
			h.any = v
		}
	}
	return h
}

// Find returns the value of a host, with or without port.
func (h *Hosts[V]) Find(host string) V {
	var buf [maxHostBytes]byte
	name, err := appendHost(buf[:0], host)
	if err != nil {
		return h.any
	}
	if v, ok := h.exact[string(name)]; ok {
		return v
	}
	for len(h.wildcards) > 0 {
		dot := bytes.IndexByte(name, '.')
		if dot < 0 {
			break
		}
		name = name[dot+1:]
		if v, ok := h.wildcards[string(name)]; ok {
			return v
		}
	}
	return h.any
}
