package k8s

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/wafer-waf/wafer/config/file"
	"go.yaml.in/yaml/v3"
)

// lists are the three lists of a route file.
var lists = []string{"routes", "upstreams", "policies"}

// merge adds the entries of f to the route file in text and keeps what is there, comments
// included. An item with an id that is there already gets the hosts it lacks and stays as
// it is otherwise; if it differs, its id is returned in differ.
func merge(f *file.Entries, text []byte) (merged []byte, differ []string, err error) {
	old, err := document(text)
	if err != nil {
		return nil, nil, err
	}
	own, err := file.Encode(f)
	if err != nil {
		return nil, nil, err
	}
	add, err := document(own)
	if err != nil {
		return nil, nil, err
	}
	for _, key := range lists {
		from := value(add, key)
		if from == nil {
			continue
		}
		to := value(old, key)
		if to == nil || to.Kind != yaml.SequenceNode {
			to = &yaml.Node{Kind: yaml.SequenceNode}
			set(old, key, to)
		}
		for _, item := range from.Content {
			id := idOf(item)
			i := slices.IndexFunc(to.Content, func(n *yaml.Node) bool { return idOf(n) == id })
			switch {
			case i < 0:
				to.Content = append(to.Content, item)
				to.Style &^= yaml.FlowStyle
			case !addHosts(to.Content[i], item) || !equal(to.Content[i], item):
				differ = append(differ, key+" "+id)
			}
		}
	}
	merged, err = file.Encode(old)
	return merged, differ, err
}

// without takes the routes and upstreams of f out of the route file in text, by id.
// Policies stay: others may use them. It returns nil if no route would be left, because
// that is no route file.
func without(f *file.Entries, text []byte) ([]byte, error) {
	old, err := document(text)
	if err != nil {
		return nil, err
	}
	drop := func(key string, has func(id string) bool) {
		if list := value(old, key); list != nil {
			list.Content = slices.DeleteFunc(list.Content, func(n *yaml.Node) bool { return has(idOf(n)) })
		}
	}
	drop("routes", func(id string) bool {
		return slices.ContainsFunc(f.Routes, func(r file.Route) bool { return r.ID == id })
	})
	drop("upstreams", func(id string) bool {
		return slices.ContainsFunc(f.Upstreams, func(u file.Upstream) bool { return u.ID == id })
	})
	if routes := value(old, "routes"); routes == nil || len(routes.Content) == 0 {
		return nil, nil
	}
	return file.Encode(old)
}

// addHosts adds hosts of item that old lacks, and gives item all of them in old's order.
// It reports false if one has hosts and the other has none: they take other requests then.
func addHosts(old, item *yaml.Node) bool {
	to, from := under(old, "hosts"), under(item, "hosts")
	if to == nil || from == nil {
		return to == nil && from == nil
	}
	for _, h := range from.Content {
		if !slices.ContainsFunc(to.Content, func(n *yaml.Node) bool { return n.Value == h.Value }) {
			to.Content = append(to.Content, h)
		}
	}
	from.Content = to.Content
	return true
}

// document parses a route file; an empty one is an empty mapping.
func document(text []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("route file: %w", err)
	}
	if doc.Kind == 0 {
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	if doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("route file: not a mapping")
	}
	return &doc, nil
}

// value returns what stands under a key of a document, or nil.
func value(doc *yaml.Node, key string) *yaml.Node { return under(doc.Content[0], key) }

// under returns what stands under a key of a mapping, or nil.
func under(mapping *yaml.Node, key string) *yaml.Node {
	m := mapping.Content
	for i := 0; i+1 < len(m); i += 2 {
		if m[i].Value == key {
			return m[i+1]
		}
	}
	return nil
}

func set(doc *yaml.Node, key string, v *yaml.Node) {
	m := doc.Content[0]
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			m.Content[i+1] = v
			return
		}
	}
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, v)
}

func idOf(item *yaml.Node) string {
	var v struct {
		ID string `yaml:"id"`
	}
	if item.Decode(&v) != nil {
		return "" // not a mapping; the tier will say so
	}
	return v.ID
}

func equal(a, b *yaml.Node) bool {
	var x, y any
	return a.Decode(&x) == nil && b.Decode(&y) == nil && reflect.DeepEqual(x, y)
}

// hostsElsewhere returns which of the hosts a route of the file takes already, other than
// those of f, as "host (route id)".
func hostsElsewhere(f *file.Entries, text []byte) ([]string, error) {
	var old file.Entries
	if err := yaml.Unmarshal(text, &old); err != nil {
		return nil, fmt.Errorf("route file: %w", err)
	}
	own := map[string]bool{}
	for _, r := range f.Routes {
		own[r.ID] = true
	}
	var found []string
	for _, r := range old.Routes {
		if own[r.ID] {
			continue
		}
		for _, mine := range f.Routes {
			for _, h := range mine.Hosts {
				if slices.Contains(r.Hosts, h) && samePaths(mine, r) {
					found = append(found, fmt.Sprintf("%s (route %s)", h, r.ID))
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func samePaths(a, b file.Route) bool {
	return slices.Equal(a.Paths, b.Paths) && slices.Equal(a.Headers, b.Headers) && slices.Equal(a.Methods, b.Methods)
}

// maxID is the length of an id of the route file.
const maxID = 63

// id makes an id of its parts. What is too long keeps its start and gets a hash, so that
// ids stay different and stay the same from run to run.
func id(parts ...string) string {
	s := strings.ToLower(strings.Join(parts, "."))
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, s)
	if len(s) <= maxID {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return s[:maxID-9] + "-" + hex.EncodeToString(sum[:4])
}
