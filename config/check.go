package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/wafer-waf/wafer/suggest"
)

// checker collects what is wrong with decoded values. With a document it knows lines and
// keeps quiet about what the document has reported already.
type checker struct {
	doc      *documents // nil: values that come from no file
	problems Problems
}

func (c *checker) add(path, format string, args ...any) {
	p := Problem{Path: path, What: fmt.Sprintf(format, args...)}
	if c.doc != nil {
		if c.doc.reported(path) {
			return
		}
		at := c.doc.at(path)
		at.What = p.What
		p = at
	}
	c.problems = append(c.problems, p)
}

func (c *checker) addAll(ps Problems) {
	for _, p := range ps {
		c.add(p.Path, "%s", p.What)
	}
}

// addErr adds err, if there is one.
func (c *checker) addErr(path string, err error) {
	if err != nil {
		c.add(path, "%s", err)
	}
}

// ids checks that every item of a list has an id of its own, and returns all that may be
// named, sorted: a malformed id is reported once, not at each reference too.
func (c *checker) ids(list string, n int, id func(i int) string) []string {
	first := map[string]int{}
	var known []string
	for i := range n {
		path := indexPath(list, i) + ".id"
		if id(i) == "" {
			c.add(path, "required")
			continue
		}
		if at, ok := first[id(i)]; ok {
			c.add(path, "%q is used twice, first by %s", id(i), c.name(indexPath(list, at), path))
			continue
		}
		c.addErr(path, checkID(id(i)))
		first[id(i)] = i
		known = append(known, id(i))
	}
	slices.Sort(known)
	return known
}

// reference checks that a name is one of the known ids, which are sorted. What it names is "policy" or
// "upstream", and list is where those stand.
func (c *checker) reference(path, what, name, list string, known []string) {
	if c.doc != nil && c.doc.isBroken(list) {
		return // nobody knows what stands there
	}
	if name == "" {
		c.add(path, "required")
	} else if _, ok := slices.BinarySearch(known, name); !ok {
		c.add(path, "no %s %q%s", what, name, suggest.DidYouMean(name, known))
	}
}

// name is what another place is called in a message about path.
func (c *checker) name(other, path string) string {
	if c.doc == nil {
		return other
	}
	return c.doc.name(other, path)
}

// says reports whether the file sets a key.
func (c *checker) says(path string) bool { return c.doc != nil && c.doc.has(path) }

// word checks that a choice is one of the words of its type.
func word[T ~string](c interface {
	add(path, format string, args ...any)
}, path string, given T) {
	oneOf(c, path, string(given), sets[reflect.TypeFor[T]()])
}

// oneOf checks that a text is one of the allowed words.
func oneOf(c interface {
	add(path, format string, args ...any)
}, path, given string, allowed []string) {
	if !slices.Contains(allowed, given) {
		meant := cmp.Or(switchWord(given, allowed), suggest.DidYouMean(given, allowed))
		c.add(path, "%q is not %s%s", given, words(allowed...), meant)
	}
}

// exactlyOne checks that of the given pairs of key and value exactly one has a value,
// and tells whether it is so.
func (c *checker) exactlyOne(path string, pairs ...string) bool {
	var keys, set []string
	for i := 0; i < len(pairs); i += 2 {
		keys = append(keys, pairs[i])
		if pairs[i+1] != "" {
			set = append(set, pairs[i])
		}
	}
	switch len(set) {
	case 1:
		return true
	case 0:
		if c.doc != nil && slices.ContainsFunc(keys, func(k string) bool {
			k, _, _ = strings.Cut(k, ":")
			return c.doc.isBroken(path + "." + k)
		}) {
			return false // it is there, but was wrong
		}
		c.add(path, "needs %s", words(keys...))
	default:
		c.add(path, "%s exclude each other: keep one", strings.Join(set, " and "))
	}
	return false
}

// atLeast checks a lower bound.
func (c *checker) atLeast(path string, n, lowest int) {
	if n < lowest {
		c.add(path, "%d is too small: at least %d", n, lowest)
	}
}

// between checks bounds, both included.
func (c *checker) between(path string, n, lowest, highest int) {
	if n < lowest || n > highest {
		c.add(path, "%d is out of range: %d to %d", n, lowest, highest)
	}
}

// sizeBetween checks bounds, both included.
func (c *checker) sizeBetween(path string, n, lowest, highest Size) {
	if n < lowest || n > highest {
		c.add(path, "%s is out of range: %s to %s", n, lowest, highest)
	}
}

// notNegative checks a duration for which 0 has a meaning.
func (c *checker) notNegative(path string, d time.Duration) {
	if d < 0 {
		c.add(path, "%s is negative", d)
	}
}

// distinct checks that no item of a list of words stands there twice.
func (c *checker) distinct(path string, list []string) {
	first := make(map[string]int, len(list))
	for i, item := range list {
		if at, ok := first[item]; ok && item != "" {
			c.add(indexPath(path, i), "%q is given twice, first by %s", item, c.name(indexPath(path, at), path))
			continue
		}
		first[item] = i
	}
}

// each checks every item of a list of words by itself and against the others.
func (c *checker) each(path string, list []string, check func(string) error) {
	for i, item := range list {
		c.addErr(indexPath(path, i), check(item))
	}
	c.distinct(path, list)
}
