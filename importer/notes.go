package importer

import (
	"fmt"
	"slices"
	"strings"
)

// Level says what a Note asks of the reader.
type Level string

// The levels.
const (
	Told   Level = "note"   // good to know
	Decide Level = "decide" // somebody has to say that this is right
)

// Note is something that was not carried, or that is to know.
type Note struct {
	Level Level
	Where string // what it is about, with its line
	Text  string

	n int // of the statement that it is about, 0: of all
}

func (n Note) String() string { return fmt.Sprintf("%s: %s: %s", n.Where, n.Level, n.Text) }

// Notes are what an import has to tell.
type Notes []Note

// Add appends a note, unless it was said already.
func (n *Notes) Add(level Level, where, format string, args ...any) {
	n.add(Note{Level: level, Where: where, Text: fmt.Sprintf(format, args...)})
}

func (n *Notes) add(note Note) {
	if !slices.ContainsFunc(*n, func(x Note) bool { return x.Level == note.Level && x.Where == note.Where && x.Text == note.Text }) {
		*n = append(*n, note)
	}
}

// oneLine is the start of a text, for notes.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 70 {
		return string(r[:70]) + " …"
	}
	return s
}
