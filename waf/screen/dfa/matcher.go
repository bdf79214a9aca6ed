package dfa

import (
	"regexp"
	"regexp/syntax"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"
)

// A Matcher tells whether a pattern matches. It is safe for concurrent use.
type Matcher struct {
	first   uint32 // state before the first rune, the same in every table
	end     uint32 // in place of a class: the end of the text
	table   atomic.Pointer[table]
	program program

	budget *Budget
	loan   *loan // what the cache in force has from the budget
	limits limits
	mu     sync.Mutex // guards what follows, and the caches of all tables
	credit int        // see limits.price

	// plain matches instead of all this if it is not nil.
	plain *regexp.Regexp
}

// limits bound what a matcher holds, and what it does for input that is made to be slow.
type limits struct {
	own  int // bytes that a cache may have in any case
	most int // bytes that it may have at most; beyond own they come from the budget

	// price is what computing a cell of the table costs, in bytes of input: a scan in want of one
	// brings the length of its input to the credit, once, and pays for each cell. Without credit
	// it goes on without the table. So cells are computed at most once in price bytes, beyond the
	// first allowance, and slow input costs what sets cost plus a fixed, small part.
	price     int
	allowance int
}

func defaults() limits {
	return limits{own: 16 << 10, most: 1 << 20, price: 128, allowance: 2048 * 128}
}

// Compile parses a pattern as regexp.Compile does, and returns the same errors. Matchers that are
// given the same Budget share it; with nil the matcher has one of its own, of 1 MiB.
func Compile(expr string, b *Budget) (*Matcher, error) {
	return compileWithin(expr, b, defaults())
}

// MustCompile is Compile for a pattern that was parsed before.
func MustCompile(expr string, b *Budget) *Matcher {
	m, err := Compile(expr, b)
	if err != nil {
		panic(err)
	}
	return m
}

func compileWithin(expr string, b *Budget, l limits) (*Matcher, error) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	if hasSurrogate(prog) {
		plain, err := regexp.Compile(expr)
		return &Matcher{plain: plain}, err
	}
	if b == nil {
		b = NewBudget(1 << 20)
	}
	m := &Matcher{budget: b, limits: l, credit: l.allowance, loan: &loan{budget: b}}
	runtime.AddCleanup(m, (*loan).giveBack, m.loan)
	m.program.compile(prog)
	m.end = uint32(len(m.program.sample))

	w := b.getWork()
	defer b.putWork(w)
	switch {
	case m.program.begins(&w.from):
		m.first = matched
	case m.program.dead(&w.from):
		m.first = dead
	default:
		c := newCache(m.stride())
		m.first = c.add(w.from.appendKey(nil))
		m.table.Store(c.table)
	}
	return m, nil
}

// stride returns how many cells a state has, which is enough for the first to be no special value.
func (m *Matcher) stride() int {
	return max(int(m.end)+1, int(special))
}

// hasSurrogate finds a literal that no text can contain. regexp nevertheless finds it in some: it
// looks for a literal prefix as a string, in which a surrogate turns into utf8.RuneError.
func hasSurrogate(prog *syntax.Prog) bool {
	for _, in := range prog.Inst {
		for _, r := range in.Rune {
			if len(in.Rune) <= 2 && !utf8.ValidRune(r) {
				return true
			}
		}
	}
	return false
}

// MatchString reports whether s contains a match, as regexp.Regexp.MatchString does. It allocates
// nothing once it has seen input like s.
func (m *Matcher) MatchString(s string) bool {
	if m.first < special {
		if m.plain != nil {
			return m.plain.MatchString(s)
		}
		return m.first == matched
	}
	begin := strings.Index(s, m.program.prefix)
	if begin < 0 {
		return false
	}
	t := m.table.Load()
	cells := t.cells
	state := m.first
	credited := false
	for i := begin; i < len(s); {
		class, width := uint32(m.program.ascii[s[i]]), 1
		if class == notASCII {
			class, width = m.program.next(s, i)
		}
		i += width
		next := cells[state+class].Load()
		if next < special {
			if next == unknown {
				next, t, credited = m.extend(t, state, class, s, credited)
				cells = t.cells
			}
			switch next {
			case matched:
				return true
			case dead:
				return false
			case unknown:
				return m.simulate(t, state, s[i-width:])
			case again:
				skip := strings.Index(s[i:], m.program.prefix)
				if skip < 0 {
					return false
				}
				i += skip
				next = m.first
			}
		}
		state = next
	}
	next := cells[state+m.end].Load()
	if next == unknown {
		if next, t, _ = m.extend(t, state, m.end, s, credited); next == unknown {
			return m.simulate(t, state, "")
		}
	}
	return next == matched
}

// extend computes a cell of a state that a scan of s has from t, and returns it with the table in
// which it is a state. It returns unknown and t if there is no credit or no room. The last result
// says that s has been credited.
func (m *Matcher) extend(t *table, state, class uint32, s string, credited bool) (uint32, *table, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := t.cache
	// Another scan may have been here before, perhaps in a larger table than this one read.
	if next := c.table.cells[state+class].Load(); next != unknown {
		return next, c.table, credited
	}
	if !credited {
		m.credit = min(m.credit+len(s), max(m.limits.allowance, len(s)))
	}
	if m.credit < m.limits.price {
		return unknown, t, true
	}
	m.credit -= m.limits.price

	w := m.budget.getWork()
	defer m.budget.putWork(w)
	m.program.restore(&w.from, c.key(state))
	next, home := dead, c
	switch {
	case class == m.end:
		if m.program.settle(&w.from, none) {
			next = matched
		}
	case m.program.step(&w.from, &w.to, class):
		next = matched
	case m.program.dead(&w.to):
	case m.program.again(&w.to):
		next = again
	default:
		w.key = w.to.appendKey(w.key[:0])
		next, home = m.intern(w.key)
		if next == unknown {
			return unknown, t, true
		}
	}
	if home == c { // otherwise c is on its way out, and the state is none of its own
		c.table.cells[state+class].Store(next)
	}
	return next, home.table, true
}

// intern returns the state of key in the cache in force, which it replaces by an empty one if there
// is no room. It returns unknown if there is none in an empty one either.
func (m *Matcher) intern(key []byte) (uint32, *cache) {
	c := m.table.Load().cache
	if state, ok := c.states[string(key)]; ok {
		return state, c
	}
	if !m.provide(c, key) {
		if len(c.keys) == 1 {
			return unknown, nil
		}
		m.loan.giveBack()
		first := c.key(m.first)
		c = newCache(m.stride())
		c.add([]byte(first))
		m.table.Store(c.table)
		if !m.provide(c, key) {
			return unknown, nil
		}
	}
	state := c.add(key)
	m.table.Store(c.table)
	return state, c
}

// provide reports whether c may grow by a state of key, and takes from the budget what that needs.
func (m *Matcher) provide(c *cache, key []byte) bool {
	size := c.size + c.cost(key)
	if size > m.limits.most {
		return false
	}
	if more := size - m.limits.own - m.loan.bytes; more > 0 {
		if !m.budget.take(more) {
			return false
		}
		m.loan.bytes += more
	}
	return true
}

// simulate matches rest, which begins at a state of t, without adding states.
func (m *Matcher) simulate(t *table, state uint32, rest string) bool {
	w := m.budget.getWork()
	defer m.budget.putWork(w)
	m.mu.Lock()
	key := t.cache.key(state)
	m.mu.Unlock()
	p := &m.program
	from, to := &w.from, &w.to
	p.restore(from, key)
	for i := 0; i < len(rest); {
		class, width := p.next(rest, i)
		if p.step(from, to, class) {
			return true
		}
		if p.dead(to) {
			return false
		}
		from, to = to, from
		i += width
		if p.again(from) {
			skip := strings.Index(rest[i:], p.prefix)
			if skip < 0 {
				return false
			}
			i += skip
		}
	}
	return p.settle(from, none)
}

// Bytes returns how many bytes m holds, approximately: the program, and states, including
// those that the Budget pays for.
func (m *Matcher) Bytes() int {
	p := &m.program
	n := int(unsafe.Sizeof(*m)) +
		len(p.insts)*int(unsafe.Sizeof(inst{})) + len(p.members)*8 +
		len(p.first)*4 + len(p.of)*4 + len(p.sample)*4 + len(p.kinds)
	for _, r := range p.restart {
		n += len(r) * 4
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.table.Load(); t != nil {
		n += t.cache.size
	}
	return n
}
