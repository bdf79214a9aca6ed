package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/wafer-waf/wafer/suggest"
	"go.yaml.in/yaml/v3"
)

// entry is one key of a mapping with its value.
type entry struct {
	name       string
	key, value *yaml.Node
}

// mapping checks every key of the node against the keys of struct type t.
func (d *document) mapping(n *yaml.Node, t reflect.Type, path string) map[string]any {
	fields := map[string]field{}
	for _, f := range fieldsOf(t) {
		fields[f.key] = f
	}
	m := map[string]any{}
	for _, e := range d.entries(n, path, nil) {
		at := joinPath(path, e.name)
		f, ok := fields[e.name]
		if !ok {
			d.unknownKey(e, t, path)
			continue
		}
		d.lines[at] = e.key.Line
		if v := d.value(e.value, f.typ, at); v != nil {
			m[e.name] = v
		}
	}
	return m
}

// unknownKey also marks the key that was probably meant, so that nobody complains about
// its absence.
func (d *document) unknownKey(e entry, t reflect.Type, path string) {
	keys := keysOf(t)
	d.add(e.key.Line, joinPath(path, e.name), "unknown key%s known keys: %s",
		strings.Replace(suggest.DidYouMean(e.name, keys)+";", "?;", "?", 1), strings.Join(keys, ", "))
	if meant := suggest.Nearest(e.name, keys); meant != "" {
		d.broken[joinPath(path, meant)] = true
	}
}

// entries lists the keys of a mapping in order, merge keys resolved: a key of the mapping
// itself wins over a merged one, an earlier merged mapping over a later one. Within
// holds the mappings that are being merged, for a file can make one contain itself.
func (d *document) entries(n *yaml.Node, path string, within []*yaml.Node) []entry {
	if d.nodes += len(n.Content); d.nodes > maxNodes {
		return nil
	}
	var own, merged []entry
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			d.add(key.Line, path, "a key must be a plain word")
		case key.ShortTag() == "!!merge":
			merged = append(merged, d.merged(value, path, append(within, n))...)
		case seen[key.Value] != nil:
			d.add(key.Line, joinPath(path, key.Value), "given twice, first in line %d", seen[key.Value].Line)
		default:
			seen[key.Value] = key
			own = append(own, entry{key.Value, key, value})
		}
	}
	for _, e := range merged {
		if seen[e.name] == nil {
			seen[e.name] = e.key
			own = append(own, e)
		}
	}
	return own
}

// merged lists what the value of a merge key brings in.
func (d *document) merged(n *yaml.Node, path string, within []*yaml.Node) []entry {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for _, w := range within {
		if w == n {
			d.add(n.Line, path, "a mapping merges itself")
			return nil
		}
	}
	switch n.Kind {
	case yaml.MappingNode:
		return d.entries(n, path, within)
	case yaml.SequenceNode:
		var all []entry
		for _, item := range n.Content {
			all = append(all, d.merged(item, path, append(within, n))...)
		}
		return all
	default:
		d.add(n.Line, path, "a merge key wants a mapping or a list of mappings, got %s", got(n))
		return nil
	}
}

// places notes where a text begins, if its lines are lines of the file.
func (d *document) places(n *yaml.Node, path string) {
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		d.texts[path] = n.Line + 1
	case !strings.Contains(n.Value, "\n"):
		d.texts[path] = n.Line
	}
}

// plain returns the mapping that a plain value stands for.
func (d *document) plain(n *yaml.Node, f *reflect.StructField, path string) any {
	v := d.scalar(n, f.Type, path)
	if v == nil {
		return nil
	}
	key := f.Tag.Get(tagName)
	d.lines[joinPath(path, key)] = n.Line
	return map[string]any{key: v}
}

// scalar returns the node's value as a string, an int or a bool. Values of text types
// are checked here, where the line is known, and decoded from the string later.
func (d *document) scalar(n *yaml.Node, t reflect.Type, path string) any {
	if expanded, err := d.expand(n.Value, path); err != nil {
		d.add(n.Line, path, "%s", err)
		return nil
	} else if expanded != n.Value {
		n = &yaml.Node{Kind: yaml.ScalarNode, Value: expanded, Line: n.Line}
		if t.Kind() == reflect.String {
			n.Tag = "!!str"
		}
	}
	tag := n.ShortTag()
	switch {
	case isText(t) && (tag == "!!str" || tag == "!!int" || tag == "!!float" || tag == "!!timestamp"):
		if _, err := parseText(t, n.Value); err != nil {
			d.add(n.Line, path, "%s", err)
			return nil
		}
		return n.Value
	case t.Kind() == reflect.String && tag == "!!str":
		d.places(n, path)
		return n.Value
	case tag == "!!bool" && sets[t] != nil:
		d.add(n.Line, path, "want %s, got %s%s", words(sets[t]...), n.Value, switchWord(n.Value, sets[t]))
		return nil
	case t.Kind() == reflect.String && n.Value != "" && tag != "!!binary":
		d.add(n.Line, path, "want a string, got %s: put it in quotes, %q", got(n), n.Value)
		return nil
	case t.Kind() == reflect.Bool && tag == "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case t.Kind() == reflect.Int && tag == "!!int":
		var i int
		if n.Decode(&i) != nil {
			d.add(n.Line, path, "%s is too large", n.Value)
			return nil
		}
		return i
	}
	if t.Kind() == reflect.Float64 && (tag == "!!float" || tag == "!!int") {
		var f float64
		if n.Decode(&f) == nil {
			return f
		}
	}
	what := got(n)
	if tag == "!!str" {
		what = fmt.Sprintf("the string %q", n.Value)
	} else if tag == "!!float" {
		what = n.Value
	}
	d.add(n.Line, path, "want %s, got %s", wanted(t), what)
	return nil
}
