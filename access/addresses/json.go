package addresses

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// deepest is how many arrays and objects may stand in each other.
const deepest = 64

// json reads values of JSON, one or many.
func (p *parser) json(text string) error {
	j := &jsonReader{parser: p, text: text, line: 1, tokens: json.NewDecoder(strings.NewReader(text))}
	j.tokens.UseNumber()
	paths := [][]string{nil}
	if len(p.Fields) > 0 {
		paths = nil
		for _, f := range p.Fields {
			paths = append(paths, strings.Split(f, "."))
		}
	}
	for {
		t, err := j.tokens.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = j.value(t, paths, &siblings{alone: true}, 0)
		}
		if err != nil {
			return j.wrap(err)
		}
	}
}

type jsonReader struct {
	*parser
	tokens *json.Decoder
	text   string
	line   int // at offset
	offset int
}

// siblings are the addresses that one object holds, and its member that says when they end. It may stand behind them.
type siblings struct {
	alone bool // in no object
	of    []jsonEntry
	until string
}

type jsonEntry struct {
	line int
	text string
}

// stopped is an error that says where it is already.
type stopped struct{ error }

func (j *jsonReader) wrap(err error) error {
	if s := (stopped{}); errors.As(err, &s) {
		return s.error
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the text breaks off")
	}
	return fmt.Errorf("line %d: %w", j.lineNow(), err)
}

// lineNow is the line that the reader is at.
func (j *jsonReader) lineNow() int {
	if at := int(j.tokens.InputOffset()); at > j.offset {
		j.line += strings.Count(j.text[j.offset:at], "\n")
		j.offset = at
	}
	return j.line
}

// value reads the value that begins with a token. Paths lead from it to addresses; an empty one has arrived.
func (j *jsonReader) value(t json.Token, paths [][]string, beside *siblings, depth int) error {
	if depth > deepest {
		return errors.New("nested too deeply")
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return j.object(paths, depth)
		}
		return j.array(paths, beside, depth)
	case string:
		if arrived(paths) {
			beside.of = append(beside.of, jsonEntry{j.lineNow(), t})
			if beside.alone || j.Until == "" { // nothing can follow that says when it ends
				return j.flush(beside)
			}
		}
	default:
		if arrived(paths) && t != nil {
			j.outcome.Read++
			j.bad(j.lineNow(), fmt.Errorf("%s is no text", quote(fmt.Sprint(t))))
		}
	}
	return nil
}

// array reads the rest of an array.
func (j *jsonReader) array(paths [][]string, beside *siblings, depth int) error {
	for j.tokens.More() {
		t, err := j.tokens.Token()
		if err == nil {
			err = j.value(t, paths, beside, depth+1)
		}
		if err != nil {
			return err
		}
	}
	_, err := j.tokens.Token()
	return err
}

// object reads the rest of an object.
func (j *jsonReader) object(paths [][]string, depth int) error {
	if arrived(paths) {
		j.outcome.Read++
		j.bad(j.lineNow(), errors.New("an object where an address is expected: say which field holds it"))
	}
	own := &siblings{}
	for j.tokens.More() {
		t, err := j.tokens.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if t, err = j.tokens.Token(); err != nil {
			return err
		}
		if _, nested := t.(json.Delim); name == j.Until && name != "" && !nested && t != nil {
			own.until = fmt.Sprint(t)
			continue
		}
		if err := j.value(t, below(paths, name), own, depth+1); err != nil {
			return err
		}
	}
	if _, err := j.tokens.Token(); err != nil {
		return err
	}
	return j.flush(own)
}

// flush takes the addresses of an object.
func (j *jsonReader) flush(s *siblings) error {
	for _, e := range s.of {
		if err := j.entry(e.line, e.text, s.until); err != nil {
			return stopped{err}
		}
	}
	s.of = s.of[:0]
	return nil
}

func arrived(paths [][]string) bool {
	for _, p := range paths {
		if len(p) == 0 {
			return true
		}
	}
	return false
}

// below are what is left of the paths that go on with a name.
func below(paths [][]string, name string) (rest [][]string) {
	for _, p := range paths {
		if len(p) > 0 && (p[0] == name || p[0] == "*") {
			rest = append(rest, p[1:])
		}
	}
	return rest
}
