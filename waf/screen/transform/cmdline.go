package transform

import "github.com/wafer-waf/wafer/waf/screen/byteset"

// cmdLineTouches leaves "/" and "(" out: they only drop a space before them.
var cmdLineTouches = byteset.Letters | byteset.Of("\"'\\^,; \t\r\n")

// What cmdLine does with a byte.
const (
	cmdCopy = iota
	cmdDrop
	cmdSpace
	cmdJoin // copy, and drop a space before it
	cmdLower
)

var cmdLineClass = cmdLineClasses()

func cmdLineClasses() (class [256]uint8) {
	for _, c := range []byte(`"'\^`) {
		class[c] = cmdDrop
	}
	for _, c := range []byte(" ,;\t\r\n") {
		class[c] = cmdSpace
	}
	for _, c := range []byte("/(") {
		class[c] = cmdJoin
	}
	for c := 'A'; c <= 'Z'; c++ {
		class[c] = cmdLower
	}
	return class
}

// cmdLine undoes what shells of Unix and Windows ignore (cmd_line.go of Coraza): it drops quotes,
// backslashes and carets, turns runs of delimiters into one space, drops a space before "/" and
// "(", and lower-cases ASCII.
func cmdLine(s string, b *Buffer) (string, bool) {
	i := firstCmdLine(s)
	if i == len(s) {
		return s, false
	}
	d := b.reserve(len(s))[:len(s)]
	n := copy(d, s[:i])
	space := i > 0 && s[i-1] == ' '
	for ; i < len(s); i++ {
		c := s[i]
		if class := cmdLineClass[c]; class != cmdCopy {
			switch class {
			case cmdDrop:
				continue
			case cmdSpace:
				if !space {
					d[n] = ' '
					n++
				}
				space = true
				continue
			case cmdJoin:
				if space {
					n--
				}
			case cmdLower:
				c += 'a' - 'A'
			}
		}
		d[n] = c
		n++
		space = false
	}
	return b.keep(d[:n]), true
}

// firstCmdLine returns the position of the first byte that does not stay as it is, or makes the
// space before it go, or len(s).
func firstCmdLine(s string) int {
	for i := 0; i < len(s); i++ {
		switch class := cmdLineClass[s[i]]; {
		case class == cmdCopy || class == cmdJoin:
		case s[i] != ' ':
			return i
		case i+1 < len(s):
			if next := cmdLineClass[s[i+1]]; next == cmdSpace || next == cmdJoin {
				return i + 1
			}
		}
	}
	return len(s)
}
