package inject

import "strings"

// token is a token as libinjection's sqli_parse.go cuts it. Classes are the library's letters,
// and a few of our own.
type token struct {
	class byte
	marks marks
}

// marks are what a token has to it besides its class.
type marks uint8

const (
	unary     marks = 1 << iota // an operator of one side: +, -, !, ~, !! and NOT
	worded                      // an operator that is a word
	begins                      // a phrase can begin with it, such as GROUP BY
	continues                   // it can be the second word of a phrase
	called                      // a function before a parenthesis
	dotted                      // a keyword has it before its first dot
	bared                       // IN, which is a bare word but at the end
	iffy                        // begins with IF, which is something else behind a semicolon
)

func (t token) is(m marks) bool { return t.marks&m != 0 }

const (
	end     = 0   // no token is left
	unknown = '!' // left to the library
	in      = 'i' // the word IN
)

type lexer struct {
	s       string
	pos     int
	escapes bool // a backslash is anywhere in s
}

func newLexer(s string) lexer { return lexer{s: s, escapes: strings.IndexByte(s, '\\') >= 0} }

// next cuts the next token. Like the library it skips what is white, and numbers such as "1e"
// that MySQL skips.
func (l *lexer) next() token {
	for l.pos < len(l.s) {
		switch c := l.s[l.pos]; lexicalOf[c] & kindMask {
		case kindWhite:
			l.pos++
		case kindDigit:
			if t := l.number(); t.class != end {
				return t
			}
		case kindWord:
			return l.word()
		case kindQuote:
			l.pos = l.stringEnd(l.pos+1, c)
			if l.pos < 0 {
				return token{class: unknown}
			}
			return token{class: 's'}
		default:
			return l.punctuation(c)
		}
	}
	return token{class: end}
}

// stringEnd returns where the string that begins at pos ends, behind its closing quote. A
// doubled quote is part of it. What backslashes do in the library depends on more than the
// string: with one anywhere the result is -1.
func (l *lexer) stringEnd(pos int, quote byte) int {
	if l.escapes {
		return -1
	}
	for {
		i := strings.IndexByte(l.s[pos:], quote)
		if i < 0 {
			return len(l.s)
		}
		pos += i + 1
		if pos == len(l.s) || l.s[pos] != quote {
			return pos
		}
		pos++
	}
}

// punctuation cuts what begins with none of the others.
func (l *lexer) punctuation(c byte) token {
	next := byte(0)
	if l.pos+1 < len(l.s) {
		next = l.s[l.pos+1]
	}
	start := l.pos
	l.pos++
	switch c {
	case '(', ')', ',', ';', '{':
		return token{class: c}
	case '?', ']':
		return token{class: '?'}
	case '%', '+', '^', '~':
		return operator(c == '+' || c == '~')
	case '/':
		if next != '*' {
			return token{class: 'o'}
		}
	case '-':
		if next != '-' {
			return operator(true)
		}
	case '!', '*', '<', '=', '>', '&', '|', ':':
		return l.operator(c, next)
	case '@':
		return l.variable()
	case '$':
		return l.money()
	case '[':
		if i := strings.IndexByte(l.s[start:], ']'); i >= 0 {
			l.pos = start + i + 1
		} else {
			l.pos = len(l.s)
		}
		return token{class: 'n'}
	}
	return token{class: unknown} // # \ } -- /*
}

func operator(one bool) token {
	if one {
		return token{class: 'o', marks: unary}
	}
	return token{class: 'o'}
}

// operator cuts an operator of one to three bytes that begins with c. A pair is an operator if
// the library's table has it.
func (l *lexer) operator(c, next byte) token {
	pair := false
	switch c {
	case '!':
		pair = next == '!' || next == '<' || next == '=' || next == '>'
	case '*':
		pair = next == '='
	case '<':
		pair = next == '<' || next == '=' || next == '>' || next == '@'
	case '>':
		pair = next == '=' || next == '>'
	case '|':
		pair = next == '/' || next == '='
	case '&':
		pair = next == '='
	case ':':
		if next == ':' {
			return token{class: unknown} // the cast of PostgreSQL
		}
		if l.pos == len(l.s) {
			return operator(false) // a colon at the end is one
		}
		if next != '=' {
			return token{class: ':'}
		}
		pair = true
	}
	if (c == '&' || c == '|') && next == c {
		l.pos++
		return token{class: '&'}
	}
	if pair {
		l.pos++
		if c == '<' && next == '=' && l.pos < len(l.s) && l.s[l.pos] == '>' {
			l.pos++
		}
		return operator(c == '!' && next == '!')
	}
	return operator(c == '!')
}

// variable cuts the rest of @name. A quoted name is left to the library. A few names become
// functions before a parenthesis; here they all might.
func (l *lexer) variable() token {
	if l.pos < len(l.s) && l.s[l.pos] == '@' {
		l.pos++
	}
	if l.pos < len(l.s) && lexicalOf[l.s[l.pos]]&kindMask == kindQuote {
		return token{class: unknown}
	}
	for l.pos < len(l.s) && lexicalOf[l.s[l.pos]]&endsVariable == 0 {
		l.pos++
	}
	return token{class: 'v', marks: called}
}

// money cuts the rest of $. Amounts are numbers; what can be a string in dollars is left to
// the library.
func (l *lexer) money() token {
	start := l.pos
	for l.pos < len(l.s) && (isDigit(l.s[l.pos]) || l.s[l.pos] == '.' || l.s[l.pos] == ',') {
		l.pos++
	}
	switch n := l.pos - start; {
	case n == 0 && l.pos < len(l.s) && (l.s[l.pos] == '$' || isLetter(l.s[l.pos])), n == 1 && l.s[start] == '.':
		return token{class: unknown}
	case n == 0:
		return token{class: 'n'}
	}
	return token{class: '1'}
}

// number cuts a number, or the single dot that begins none. Its class is end if the library
// skips it.
func (l *lexer) number() token {
	s, start, i := l.s, l.pos, l.pos
	if s[i] == '0' && i+1 < len(s) {
		isBase := func(byte) bool { return false }
		switch s[i+1] | 0x20 {
		case 'x':
			isBase = isHex
		case 'b':
			isBase = func(c byte) bool { return c == '0' || c == '1' }
		}
		if base := s[i+1] | 0x20; base == 'x' || base == 'b' {
			for i += 2; i < len(s) && isBase(s[i]); i++ {
			}
			l.pos = i
			if i == start+2 {
				return token{class: 'n'}
			}
			return token{class: '1'}
		}
	}
	i = digits(s, i)
	if i < len(s) && s[i] == '.' {
		i = digits(s, i+1)
		if i == start+1 {
			l.pos = i
			return token{class: '.'}
		}
	}
	class := byte('1')
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exponent := i
		if i = digits(s, i); i == exponent {
			class = end
		}
	}
	if i < len(s) && (s[i]|0x20 == 'd' || s[i]|0x20 == 'f') {
		if i+1 == len(s) || isWhite(s[i+1]) || s[i+1] == ';' || s[i+1]|0x20 == 'u' {
			i++
		}
	}
	l.pos = i
	return token{class: class}
}

// word cuts a word. A keyword before its first dot is a token by itself.
func (l *lexer) word() token {
	s, start := l.s, l.pos
	i, first := start, -1
	seen := byte(0) // the bits of all bytes
	for i < len(s) {
		c := s[i]
		if lexicalOf[c]&endsWord != 0 {
			break
		}
		if c == '.' && first < 0 {
			first = i
		}
		seen |= c
		i++
	}
	l.pos = i
	if i-start <= 2 && i < len(s) && (s[i] == '\'' || s[i] == '&') && opensString(s[start:i]) {
		return token{class: unknown}
	}
	name := i
	if first >= 0 {
		name = first
	}
	if seen >= 0x80 && foldsToASCII(s[start:name]) {
		return token{class: unknown}
	}
	t, listed := lookup(s[start:name])
	switch {
	case !listed:
		return token{class: 'n'}
	case first >= 0 && t.is(dotted):
		return token{class: unknown}
	case first >= 0 && t.class == 'n':
		return token{class: 'n'} // the whole name is no keyword
	}
	l.pos = name
	return t
}

// opensString reports whether a word before a quote is part of a string or a number, such as N'…',
// X'…', NQ'…' or U&'…'.
func opensString(s string) bool {
	switch s[0] | 0x20 {
	case 'b', 'e', 'n', 'q', 'u', 'x':
		return len(s) == 1 || s[1]|0x20 == 'q'
	}
	return false
}

// foldsToASCII reports whether a word has bytes beyond ASCII, and all of them belong to the two
// letters whose upper case is in ASCII, so that it may be a keyword: ı (C4 B1) and ſ (C5 BF).
func foldsToASCII(s string) bool {
	found := false
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x80:
		case c == 0xc4 || c == 0xc5 || c == 0xb1 || c == 0xbf:
			found = true
		default:
			return false
		}
	}
	return found
}

func digits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}
