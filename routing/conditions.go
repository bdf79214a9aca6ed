package routing

import "github.com/wafer-waf/wafer/message"

// Conditions are those of an entry by themselves, for whoever asks whether a request meets them one by one and needs no
// table. They are immutable and safe for concurrent use.
type Conditions struct{ rule *rule }

// NewConditions compiles conditions as [New] does those of an entry. What is wrong comes as values of type [Problem].
func NewConditions(hosts []string, paths []Path, methods []string, headers []Header) (*Conditions, []error) {
	r, problems := compileRule(0, "", hosts, paths, methods, headers)
	return &Conditions{r}, problems
}

// Host reports whether a host meets one of the hosts, if there are any.
func (c *Conditions) Host(host string) bool {
	var buf [maxHostBytes]byte
	name, err := appendHost(buf[:0], host)
	if err != nil {
		name = nil
	}
	for _, h := range c.rule.hosts {
		if h.matchBytes(name) {
			return true
		}
	}
	return false
}

// matchBytes is match for a name that is no string, which it does not make one.
func (h hostPattern) matchBytes(name []byte) bool {
	if !h.wildcard {
		return h.name == "" || string(name) == h.name
	}
	above := len(name) - len(h.name)
	return above > 0 && string(name[above:]) == h.name && name[above-1] == '.'
}

// Path reports whether a canonical path meets one of the paths, if there are any.
func (c *Conditions) Path(path []byte) bool {
	for _, p := range c.rule.paths {
		if p.match(path) {
			return true
		}
	}
	return false
}

// Method reports whether a method is one of those named, if there are any.
func (c *Conditions) Method(method string) bool { return c.rule.matchMethod(method) }

// SomeHeader reports whether the fields meet one of the conditions on them at least.
func (c *Conditions) SomeHeader(fields message.Fields) bool {
	for i := range c.rule.headers {
		if c.rule.headers[i].holds(fields) {
			return true
		}
	}
	return false
}

// Headers reports whether the fields meet every condition on them.
func (c *Conditions) Headers(fields message.Fields) bool {
	for i := range c.rule.headers {
		if !c.rule.headers[i].holds(fields) {
			return false
		}
	}
	return true
}
