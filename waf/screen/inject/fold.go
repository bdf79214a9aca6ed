package inject

// folder follows the library's fold for as long as it is simple: which tokens are the first
// ones of the fingerprint. It may give up anywhere, and never goes on where the library could
// do something else.
type folder struct {
	tokens [5]token
	n      int
}

// verdict is what is known after a token.
type verdict int

const (
	open     verdict = iota // nothing yet
	harmless                // no fingerprint of the table can come out
	unsure                  // ask the library
)

// harmless reports whether the tokens that l still has are proven harmless.
func (f *folder) harmless(l lexer) bool {
	for {
		t := l.next()
		if t.class == end {
			return f.atEnd()
		}
		if v := f.add(t); v != open {
			return v == harmless
		}
	}
}

// atEnd decides at the end of the value, where the tokens are the fingerprint.
func (f *folder) atEnd() bool {
	if f.n > 0 && f.tokens[f.n-1].is(bared) {
		return false
	}
	return dead(f.tokens[:f.n]) || !mayBeFingerprint(f.tokens[:f.n])
}

// add adds a token, or folds it away.
func (f *folder) add(t token) verdict {
	if f.n == 0 {
		return f.begin(t)
	}
	top := f.tokens[f.n-1]
	var before byte
	if f.n > 1 {
		before = f.tokens[f.n-2].class
	}
	if t.class == before && (t.class == 'o' || t.class == '&') {
		f.n-- // what is between two operators is folded away, and the second one
		return open
	}
	switch top.class {
	case 's', '(', ')', ';': // several are one
		if t.class == top.class || top.class == '(' && t.is(unary) {
			return open
		}
	case '&':
		if t.is(unary) || t.class == 't' {
			return open
		}
	case 't': // the type of something is nothing
		switch t.class {
		case 'n', '1', 's', 'v', 'f', '(', 't':
			if top.is(begins) && t.is(continues) {
				return unsure
			}
			f.n--
			return f.add(t)
		}
		return unsure
	case 'o':
		if t.is(unary) || t.class == 't' {
			return open
		}
		if t.class == '(' || t.class == in {
			return unsure
		}
		fallthrough
	case ',', '.': // two operands and what is between them are one
		if joins(before, top.class, t.class) {
			f.n--
			return open
		}
		if top.class != 'o' {
			return unsure
		}
	}
	if top.is(begins) && t.is(continues) || top.is(called) && t.class == '(' || top.class == ';' && t.is(iffy) || !follows(top.class, t.class) {
		return unsure
	}
	return f.push(t)
}

// begin takes the first token. The library drops opening parentheses, unary operators and types
// here.
func (f *folder) begin(t token) verdict {
	switch t.class {
	case '(', 't':
		return open
	case 'o':
		if t.is(unary) {
			return open
		}
		if !t.is(worded) {
			return harmless // nothing turns it into something else, and no fingerprint begins with it
		}
	case ',', ')', ';', 'A', unknown:
		return unsure
	}
	return f.push(t)
}

func (f *folder) push(t token) verdict {
	if t.class == in {
		t.class, t.marks = 'n', t.marks|bared // if something other than a parenthesis follows
	}
	f.tokens[f.n] = t
	f.n++
	if dead(f.tokens[:f.settled()]) {
		return harmless
	}
	if f.n == len(f.tokens) {
		return unsure
	}
	return open
}

// follows reports whether a token of class b behind one of class a is understood, if it is
// not folded away.
func follows(a, b byte) bool {
	if a == '{' {
		return b == 's' || b == '1'
	}
	switch b {
	case 'n', '1', 's', 'v', 'k', 'E', 'T', 'U', 'B', '&', '?', ':', '(', ')', 'f', 't', in:
		return true
	case 'o':
		return isOperand(a) || a == 'o' || a == 'f' || a == '(' || a == ')' || a == ';'
	case ',', ';':
		return isOperand(a)
	case '.':
		return a == 'n'
	}
	return false
}

// joins reports whether the library folds "a joint b" to a.
func joins(a, joint, b byte) bool {
	switch joint {
	case 'o':
		switch a {
		case 'n', '1':
			return b == 'n' || b == '1'
		case 'v':
			return b == 'n' || b == '1' || b == 'v'
		}
	case ',':
		return isOperand(a) && isOperand(b)
	case '.':
		return a == 'n' && b == 'n'
	}
	return false
}

func isOperand(c byte) bool { return c == 'n' || c == '1' || c == 's' || c == 'v' }

// settled returns how many of the tokens no later one can fold away or turn into another
// class. An operator, a comma or a dot at the end can still vanish between two operands, and
// what is behind an operator can vanish with a second operator. A type vanishes before what it
// is the type of. A name that parentheses make a function, or a word that begins a phrase,
// must have something else behind it, and so must a brace.
func (f *folder) settled() int {
	n := f.n
	for n > 0 {
		last, before := f.tokens[n-1], byte('o')
		if n > 1 {
			before = f.tokens[n-2].class
		}
		switch {
		case last.is(called|begins) || n == 1 && last.class == 'o',
			last.class == ',' || last.class == '.' || last.class == 't' || last.class == '{',
			last.class == 'o' && isOperand(before),
			n > 1 && (before == 'o' || before == '&'):
			n--
		default:
			return n
		}
	}
	return 0
}
