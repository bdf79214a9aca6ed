package proxy

// place is where the rules of a route's messages find their turn: the [inspect.Gate] of one of them.
type place struct {
	bulkhead *bulkhead
	lane     *lane
	who      who
}

// Run implements [inspect.Gate].
func (p *place) Run(late bool, rules func()) bool {
	if late {
		p.bulkhead.enterLate(p.lane, p.who.client)
	} else if !p.bulkhead.enter(p.lane, p.who) {
		return false
	}
	p.bulkhead.run(p.lane, p.who.client, rules)
	return true
}

// sheds reports whether the message need not even be screened: too many wait already, and its client's
// last requests were attacks.
func (p *place) sheds() bool { return p.who.class == suspected && p.bulkhead.sheds(p.lane, p.who) }
