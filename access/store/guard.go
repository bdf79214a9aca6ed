package store

import (
	"errors"
	"net"
	"strings"
	"syscall"
)

// What a reply may be. The library makes room for what a reply announces before it has come.
const (
	longestText = 64 << 10  // of one text in bytes
	longestList = 32 << 10  // of one list in elements
	longestLine = 4 << 10   // of a line that is not announced
	allLists    = 128 << 10 // elements announced by a reply together
	largest     = 8 << 20   // bytes of a reply
)

// What replies begin with, by what follows.
const (
	lines = "+-:_#,("
	texts = "$=!"
	lists = "*~>"
	pairs = "%"
)

var errReply = &Error{Fault: Strange, Err: errors.New("the store's reply is none, or larger than any that is asked for")}

// guard is a connection to a store whose replies are looked at before the library sees them. In the protocol (both
// versions, since sentinels are spoken to in the later one), a reply is a line, or a text whose length a line announces,
// or a list of so many replies.
type guard struct {
	net.Conn

	kind    byte  // of the line that is being read; 0: at its beginning
	number  int64 // announced so far
	minus   bool
	digits  int
	line    int   // bytes of it
	skip    int64 // of a text that is being read, its end of line as well
	pending int64 // replies that lists have announced and that have not come
	whole   int64 // bytes of the reply, those of its lists as well
}

// Read reads a part of replies.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	if !g.sound(p[:n]) {
		_ = g.Close() // the reply may go on for ever
		return 0, errReply
	}
	return n, err
}

// sound follows replies and reports whether they are within bounds.
func (g *guard) sound(p []byte) bool {
	for i := 0; i < len(p); {
		if g.skip > 0 {
			n := min(g.skip, int64(len(p)-i))
			g.skip -= n
			i += int(n)
			if g.whole += n; g.whole > largest {
				return false
			}
			continue
		}
		if !g.next(p[i]) {
			return false
		}
		i++
	}
	return true
}

// next reads a byte of a line.
func (g *guard) next(c byte) bool {
	if g.whole++; g.kind == 0 {
		if g.pending == 0 {
			g.whole = 0
		}
		g.kind, g.number, g.minus, g.digits, g.line = c, 0, false, 0, 0
		return strings.IndexByte(lines+texts+lists+pairs, c) >= 0
	}
	if c == '\n' {
		return g.announced()
	}
	if g.line++; g.line > longestLine {
		return false
	}
	if strings.IndexByte(lines, g.kind) >= 0 || c == '\r' {
		return true
	}
	switch {
	case c == '-' && g.line == 1:
		g.minus = true
	case c >= '0' && c <= '9':
		g.number = g.number*10 + int64(c-'0')
		g.digits++
	default:
		return false
	}
	return g.number <= max(longestText, longestList)
}

// announced ends a line.
func (g *guard) announced() bool {
	kind := g.kind
	g.kind = 0
	if g.pending > 0 {
		g.pending--
	}
	switch {
	case strings.IndexByte(lines, kind) >= 0:
		return true
	case g.digits == 0:
		return false
	case g.minus:
		return g.number == 1 // there is none
	case strings.IndexByte(texts, kind) >= 0:
		g.skip = g.number + int64(len("\r\n"))
		return g.number <= longestText
	}
	if kind == pairs[0] {
		g.number *= 2
	}
	g.pending += g.number
	return g.number <= longestList && g.pending <= allLists
}

// tcpGuard lets the library see whether a connection that waits has ended.
type tcpGuard struct {
	guard
	tcp *net.TCPConn
}

// SyscallConn gives access to the socket.
func (g *tcpGuard) SyscallConn() (syscall.RawConn, error) { return g.tcp.SyscallConn() }
