package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// lists are the keys of a route file: lists to which each file of a configuration adds.
var lists = []string{"routes", "upstreams", "policies", "access", "lists", "records"}

// single are the keys that stand in one of the files.
var single = []string{"geo"}

// documents are the route files of one configuration, read as one. A key path counts the items of all of them;
// in the file itself each counts its own.
type documents struct {
	all   []*document
	items map[string][]item // by list
}

// item is an item of a list, and the place it has in its own file.
type item struct {
	doc   *document
	index int
}

// join makes one configuration of documents.
func join(all []*document) *documents {
	d := &documents{all: all, items: map[string][]item{}}
	for _, doc := range all {
		for _, list := range lists {
			if len(doc.tree) == 0 && len(doc.Problems) > 0 {
				doc.broken[list] = true // nobody knows what would stand there
			}
			items, _ := doc.tree[list].([]any)
			for i := range items {
				d.items[list] = append(d.items[list], item{doc, i})
			}
		}
	}
	return d
}

// tree is what all documents hold together.
func (d *documents) tree() map[string]any {
	tree := map[string]any{}
	for _, list := range lists {
		var joined []any
		for _, doc := range d.all {
			items, ok := doc.tree[list].([]any)
			if joined = append(joined, items...); ok {
				tree[list] = joined
			}
		}
	}
	for _, key := range single {
		for _, doc := range d.all {
			if value, ok := doc.tree[key]; ok && tree[key] == nil {
				tree[key] = value
			} else if ok {
				doc.add(doc.line(key), key, "stands in several files: keep one")
			}
		}
	}
	return tree
}

// problems are those of all documents.
func (d *documents) problems() (ps Problems) {
	for _, doc := range d.all {
		ps = append(ps, doc.Problems...)
	}
	return ps
}

// find returns the document that a key path is about, and the path in it.
func (d *documents) find(path string) (*document, string) {
	list, rest, indexed := strings.Cut(path, "[")
	if !indexed {
		for _, doc := range d.all {
			if doc.has(path) {
				return doc, path
			}
		}
		return d.all[0], path
	}
	index, rest, _ := strings.Cut(rest, "]")
	i, err := strconv.Atoi(index)
	if err != nil || i >= len(d.items[list]) {
		return d.all[0], path
	}
	it := d.items[list][i]
	return it.doc, indexPath(list, it.index) + rest
}

// has tells whether a file sets the key path.
func (d *documents) has(path string) bool {
	doc, at := d.find(path)
	return doc.has(at)
}

// reported tells whether the key path, or one above it, is left out of the values.
func (d *documents) reported(path string) bool {
	doc, at := d.find(path)
	return doc.reported(at)
}

// isBroken tells whether the key path itself is left out of the values; of a list, whether it is anywhere.
func (d *documents) isBroken(path string) bool {
	if slices.Contains(lists, path) {
		return slices.ContainsFunc(d.all, func(doc *document) bool { return doc.broken[path] })
	}
	doc, at := d.find(path)
	return doc.broken[at]
}

// at is the place of a key path, or of the nearest key above it that is set, as a problem that does not say
// what is wrong yet.
func (d *documents) at(path string) Problem {
	doc, at := d.find(path)
	return Problem{File: doc.file, Line: doc.line(at), Path: at}
}

// name is what another place is called in a message about path: its key path, and its file if that is
// another one.
func (d *documents) name(other, path string) string {
	doc, at := d.find(other)
	if here, _ := d.find(path); here == doc {
		return at
	}
	return fmt.Sprintf("%s (%s:%d)", at, doc.file, doc.line(at))
}
