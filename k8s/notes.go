package k8s

import (
	"fmt"
	"io"
	"slices"
)

// Level says what a Note asks of the reader.
type Level string

// The levels, from weak to strong.
const (
	Told    Level = "note"    // good to know
	Decide  Level = "decide"  // works, or works partly; somebody has to say that this is right
	Refused Level = "refused" // nothing was printed for this object, and why
)

// Note is something that was found and not guessed.
type Note struct {
	Level  Level
	Object string // kind and namespace/name
	Text   string
}

func (n Note) String() string { return fmt.Sprintf("%s: %s: %s", n.Object, n.Level, n.Text) }

// Notes are what a command has to tell.
type Notes []Note

// add appends a note, unless it was said already.
func (n *Notes) add(level Level, object, format string, args ...any) {
	note := Note{level, object, fmt.Sprintf(format, args...)}
	if !slices.Contains(*n, note) {
		*n = append(*n, note)
	}
}

// Has reports whether there is a note of that level.
func (n Notes) Has(level Level) bool {
	for _, note := range n {
		if note.Level == level {
			return true
		}
	}
	return false
}

// Write prints one note per line.
func (n Notes) Write(w io.Writer) {
	for _, note := range n {
		fmt.Fprintln(w, note)
	}
}
