package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxNodes bounds what a file may expand to through aliases.
const maxNodes = 1 << 19

// document is one YAML text: its values as plain maps, lists and scalars of the right
// kinds, the line of every key path, and what is wrong with its shape. What is wrong is
// left out of the values, so that the rest can still be checked.
type document struct {
	file   string
	tree   map[string]any
	noYAML bool            // the text is none
	lines  map[string]int  // key path → line
	broken map[string]bool // key paths that are reported already
	texts  map[string]int  // key path of a text → line in which it begins; none if it is not written line by line
	nodes  int             // visited so far
	lookup lookup          // nil: nothing comes from outside
	Problems
}

// readDocument reads data against the schema that t's struct tags are. Values from outside are found by from, if
// it is not nil.
func readDocument(file string, data []byte, t reflect.Type, from lookup) *document {
	d := &document{
		file:   file,
		tree:   map[string]any{},
		lines:  map[string]int{},
		broken: map[string]bool{},
		texts:  map[string]int{},
		lookup: from,
	}
	defer func() { d.lookup = nil }() // a document is data
	root := d.parse(data)
	if root == nil {
		return d
	}
	if tree, ok := d.value(root, t, "").(map[string]any); ok {
		d.tree = tree
	}
	if d.nodes > maxNodes {
		d.tree = map[string]any{}
		d.Problems = Problems{{File: file, What: fmt.Sprintf("too large: more than %d values after aliases are expanded", maxNodes)}}
	}
	return d
}

// parse reads exactly one YAML document and returns its top node, nil after a problem.
func (d *document) parse(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.add(0, "", "the file is empty")
		return nil
	case err != nil:
		d.syntax(data, err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		d.add(second.Line, "", "a second YAML document: write one document per file")
	case !errors.Is(err, io.EOF):
		d.syntax(data, err)
		return nil
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		d.add(0, "", "the file is empty")
		return nil
	}
	return root
}

func (d *document) add(line int, path, format string, args ...any) {
	if path != "" {
		d.broken[path] = true
	}
	d.Problems = append(d.Problems, Problem{File: d.file, Line: line, Path: path, What: fmt.Sprintf(format, args...)})
}

// has tells whether the file sets the key path.
func (d *document) has(path string) bool {
	_, ok := d.lines[path]
	return ok
}

// line returns the line of the key path or, if the file does not set it, of the nearest
// path above that it does set.
func (d *document) line(path string) int {
	for ; path != ""; path = parentPath(path) {
		if line, ok := d.lines[path]; ok {
			return line
		}
	}
	return 1
}

// reported tells whether the key path, or one above it, is left out of the values.
func (d *document) reported(path string) bool {
	for ; path != ""; path = parentPath(path) {
		if d.broken[path] {
			return true
		}
	}
	return false
}

// parentPath cuts the last ".key" or "[index]" off a key path.
func parentPath(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// joinPath appends a key to a key path.
func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// indexPath appends an index to a key path.
func indexPath(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}

// value returns what the node holds, in the form that viper wants for type t, or nil
// after adding a problem.
func (d *document) value(n *yaml.Node, t reflect.Type, path string) any {
	if d.nodes++; d.nodes > maxNodes {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		return d.value(n.Alias, t, path)
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		d.add(d.keyLine(n, path), path, "empty: want %s, or leave the key out", wanted(t))
		return nil
	}
	switch {
	case isMapping(t) && n.Kind == yaml.MappingNode:
		return d.mapping(n, t, path)
	case t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		return d.list(n, t.Elem(), path)
	case !isMapping(t) && t.Kind() != reflect.Slice && n.Kind == yaml.ScalarNode:
		return d.scalar(n, t, path)
	case isMapping(t) && n.Kind == yaml.ScalarNode && plainOf(t) != nil:
		return d.plain(n, plainOf(t), path)
	}
	d.add(d.keyLine(n, path), path, "want %s, got %s%s", wanted(t), got(n), instead(n, t))
	return nil
}

// keyLine is the line where the path's key stands, or the node's if it has none.
func (d *document) keyLine(n *yaml.Node, path string) int {
	if line, ok := d.lines[path]; ok {
		return line
	}
	return n.Line
}

func (d *document) list(n *yaml.Node, elem reflect.Type, path string) []any {
	list := make([]any, 0, len(n.Content))
	for i, item := range n.Content {
		at := indexPath(path, i)
		d.lines[at] = item.Line
		v := d.value(item, elem, at)
		if v == nil { // keep the place, so that later items keep their index
			v = placeholder(elem)
		}
		list = append(list, v)
	}
	return list
}

// placeholder is a value that decodes into t's zero value.
func placeholder(t reflect.Type) any {
	switch {
	case isMapping(t):
		return map[string]any{}
	case t == prefixType:
		return "::/0"
	case t == statusType:
		return "200"
	case t == amountType:
		return "1"
	case t == rateType:
		return "1/s"
	default:
		return reflect.Zero(t).Interface()
	}
}

// got describes a node in plain words.
func got(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!str":
		return "a string"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return n.Value
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "a date"
	default:
		return "a value with the tag " + n.Tag
	}
}
