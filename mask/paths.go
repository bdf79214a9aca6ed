package mask

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// step is one part of a path in JSON.
type step struct {
	name string // flat; empty: any
	deep bool   // any number of steps
}

const maxSteps = 16

// addPath reads a path: names between dots, * or [*] for any name or place, ** for any number of them.
func (p *Policy) addPath(text string) error {
	if len(text) > maxEntryBytes {
		return fmt.Errorf("%d bytes are too many: at most %d", len(text), maxEntryBytes)
	}
	plain := strings.TrimPrefix(strings.TrimPrefix(text, "$"), ".")
	plain = strings.ReplaceAll(strings.ReplaceAll(plain, "[", "."), "]", "")
	var path []step
	named := ""
	for one := range strings.SplitSeq(plain, ".") {
		switch one {
		case "":
			return fmt.Errorf("%q has an empty step: write it like user.email or items[*].iban", text)
		case "*":
			path = append(path, step{})
		case "**":
			path = append(path, step{deep: true})
		default:
			flat := string(flatten(nil, one))
			if flat == "" {
				return fmt.Errorf("%q: a step has no letter and no digit", text)
			}
			path = append(path, step{name: flat})
			if _, err := strconv.Atoi(flat); err != nil {
				named = flat
			}
		}
	}
	if named == "" {
		return errors.New("names nothing: all of any JSON would be masked")
	}
	if len(path) > maxSteps {
		return fmt.Errorf("%d steps are too many: at most %d", len(path), maxSteps)
	}
	p.paths = append(p.paths, path)
	if last := path[len(path)-1]; len(last.name) >= minNameBytes {
		p.exact[last.name] = true // of a text that is only part of a document, nobody knows where it stands
	}
	return nil
}

// secretPlace reports whether a name as rules have it, json.user.email, is at or below one of the paths.
func (p *Policy) secretPlace(name string) bool {
	if p == nil || len(p.paths) == 0 {
		return false
	}
	rest, ok := strings.CutPrefix(name, "json.")
	if !ok {
		return false
	}
	if len(rest) > maxScanBytes {
		return true // nobody can tell
	}
	parts := strings.Split(plainName(rest), ".")
	for n := range parts {
		if p.atPath(parts[:n+1]) {
			return true
		}
	}
	return false
}

// atPath reports whether names are one of the paths.
func (p *Policy) atPath(names []string) bool {
	for _, path := range p.paths {
		if follows(path, names) {
			return true
		}
	}
	return false
}

// follows reports whether names follow a path to its end. The set of steps that can be reached is kept in bits, so
// that ** costs no more than others.
func follows(path []step, names []string) bool {
	at := reach(path, 1)
	for _, name := range names {
		var buf [64]byte
		flat := flatten(buf[:0], name)
		next := uint32(0)
		for i, one := range path {
			switch {
			case at&(1<<i) == 0:
			case one.deep:
				next |= 1 << i
			case one.name == "" || one.name == string(flat):
				next |= 1 << (i + 1)
			}
		}
		if at = reach(path, next); at == 0 {
			return false
		}
	}
	return at&(1<<len(path)) != 0
}

// reach adds what follows a step that may stand for none.
func reach(path []step, at uint32) uint32 {
	for i, one := range path {
		if one.deep && at&(1<<i) != 0 {
			at |= 1 << (i + 1)
		}
	}
	return at
}
