package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Kind says what an input is.
type Kind string

// What it can be.
const (
	KindRoutes    Kind = "routes"     // a route file, a directory of them or a pattern
	KindBoot      Kind = "boot"       // a boot file
	KindConfigMap Kind = "config_map" // route files in a ConfigMap of a manifest
	KindManifest  Kind = "manifest"   // a manifest without any: nothing to check
)

// Input is something that holds a configuration, for whoever checks files of any kind.
type Input struct {
	Name    string
	Kind    Kind
	Objects []string // the kinds of what is in a manifest that there is nothing to check in
	load    func() (*Routes, error)
	boot    *Boot // nil: it is no boot file, or one whose files are elsewhere
}

// Load reads the input. A boot file has no routes: they are nil. So is what has nothing to check.
func (in *Input) Load() (*Routes, error) { return in.load() }

// Boot returns the settings of a boot file, as far as Load could read them; nil: it is none, or is part of a
// manifest, so that the files which it names are elsewhere.
func (in *Input) Boot() *Boot { return in.boot }

// Inputs returns what a path leads to: "-" is stdin, and a manifest may have several ConfigMaps with route and
// boot files.
func Inputs(path string, stdin io.Reader) ([]Input, error) {
	name, dir := path, filepath.Dir(path)
	var data []byte
	var err error
	if path == "-" {
		name, dir = "stdin", "."
		data, err = bounded(stdin, name)
	} else {
		names, listed := disk{}.list(path)
		if listed != nil || len(names) != 1 || names[0] != path {
			return []Input{{Name: path, Kind: KindRoutes, load: func() (*Routes, error) { return LoadRoutes(path) }}}, nil
		}
		data, err = disk{}.read(path)
	}
	if err != nil {
		return nil, unread(name, err)
	}
	switch objects := manifest(data); {
	case objects != nil:
		return configMaps(name, objects), nil
	case isBoot(data):
		return []Input{bootInput(name, name, data)}, nil
	}
	return []Input{{Name: name, Kind: KindRoutes, load: func() (*Routes, error) {
		routes, err := parse([]string{name}, [][]byte{data}, memory(func(rel string) ([]byte, error) { return disk{}.below(dir, rel) }))
		if err == nil {
			routes.Geo.besideFile()
		}
		return routes, err
	}}}, nil
}

// unread is the error of a file that cannot be read. It names the file once.
func unread(name string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("read %s: %w", name, err)
}

// manifest returns the objects of a Kubernetes manifest, or nil if the text is none.
func manifest(data []byte) (objects []*yaml.Node) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil || len(doc.Content) == 0 {
			return nil
		}
		root := doc.Content[0]
		if items := under(root, "items"); items != nil && text(root, "kind") == "List" {
			objects = append(objects, items.Content...)
			continue
		}
		if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
			continue // an empty document
		}
		if text(root, "kind") == "" || text(root, "apiVersion") == "" {
			return nil
		}
		objects = append(objects, root)
	}
}

// under returns what stands under a key of a mapping, or nil.
func under(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// text is the plain value under a key, or nothing.
func text(n *yaml.Node, key string) string {
	if v := under(n, key); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}

func bootInput(name, file string, data []byte) Input {
	boot := DefaultBoot()
	return Input{Name: name, Kind: KindBoot, boot: &boot, load: func() (*Routes, error) { return nil, checkBoot(file, data, &boot) }}
}

// configMaps returns what the ConfigMaps of a manifest hold: route files, which are one configuration, and boot
// files. A manifest that has none is an input, too, with nothing to check.
func configMaps(name string, objects []*yaml.Node) []Input {
	var out []Input
	var kinds []string
	for _, object := range objects {
		if kind := text(object, "kind"); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
		data := under(object, "data")
		if text(object, "kind") != "ConfigMap" || data == nil {
			continue
		}
		configMap := name + " (ConfigMap " + text(under(object, "metadata"), "name") + ")"
		files := map[string]*yaml.Node{}
		var routes, boots []string
		for i := 0; i+1 < len(data.Content); i += 2 {
			key, value := data.Content[i].Value, data.Content[i+1]
			files[key] = value
			switch ext := filepath.Ext(key); {
			case ext != ".yaml" && ext != ".yml":
			case mayBeRoutes([]byte(value.Value)):
				routes = append(routes, key)
			case isBoot([]byte(value.Value)):
				boots = append(boots, key)
			}
		}
		if slices.Sort(routes); len(routes) > 0 {
			out = append(out, Input{Name: configMap, Kind: KindConfigMap, load: func() (*Routes, error) { return loadConfigMap(name, configMap, routes, files) }})
		}
		for _, key := range boots {
			file, text := placed(name, configMap, key, files[key])
			in := bootInput(configMap+" "+key, file, text)
			in.boot = nil
			out = append(out, in)
		}
	}
	if out == nil {
		return []Input{{Name: name, Kind: KindManifest, Objects: kinds, load: func() (*Routes, error) { return nil, nil }}}
	}
	return out
}

// placed returns a value of a ConfigMap as a file of which mistakes are told. What is written line by line keeps
// the lines that it has in the manifest.
func placed(manifest, configMap, key string, node *yaml.Node) (name string, data []byte) {
	if node.Style&yaml.LiteralStyle == 0 {
		return configMap + " " + key, []byte(node.Value)
	}
	return manifest, append(bytes.Repeat([]byte("\n"), node.Line), node.Value...)
}

// loadConfigMap reads route files that are values of a ConfigMap.
func loadConfigMap(manifest, configMap string, routes []string, files map[string]*yaml.Node) (*Routes, error) {
	var names []string
	var texts [][]byte
	for _, key := range routes {
		name, data := placed(manifest, configMap, key, files[key])
		names, texts = append(names, name), append(texts, data)
	}
	return parse(names, texts, memory(func(rel string) ([]byte, error) {
		if node := files[rel]; node != nil {
			return []byte(node.Value), nil
		}
		return nil, fs.ErrNotExist
	}))
}

// isRoutes tells whether a text has a list of a route file.
func isRoutes(data []byte) bool {
	root := rootOf(data)
	return slices.ContainsFunc(lists, func(list string) bool {
		n := under(root, list)
		return n != nil && n.Kind == yaml.SequenceNode
	})
}

// mayBeRoutes tells whether a text has a list of a route file, or is no YAML and has a line that begins one: then
// what is wrong with it is to be told.
func mayBeRoutes(data []byte) bool {
	var any yaml.Node
	return isRoutes(data) || yaml.Unmarshal(data, &any) != nil && beginsList.Match(data)
}

var beginsList = regexp.MustCompile(`(?m)^(routes|upstreams|policies|access|lists|records):\s*$`)

// isBoot tells whether a text has keys of a boot file, and none of a route file.
func isBoot(data []byte) bool {
	root := rootOf(data)
	return !isRoutes(data) && slices.ContainsFunc(keysOf(reflect.TypeFor[Boot]()), func(key string) bool {
		n := under(root, key)
		return n != nil && (key != "routes" || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str")
	})
}

func rootOf(data []byte) *yaml.Node {
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

// checkBoot checks a boot file by itself: where routes come from may be said by a flag or a variable.
func checkBoot(name string, data []byte, into *Boot) error {
	l := &bootLoader{origin: map[string]Problem{}, boot: DefaultBoot()}
	defer func() { *into = l.boot; into.places = l.origin }()
	if err := decode(&l.boot, l.file(name, data)); err != nil {
		l.problems = append(l.problems, decodeProblems(err, "")...)
	} else {
		if l.boot.Routes == "" && l.boot.To == "" {
			l.boot.Routes = os.DevNull
		}
		l.check()
	}
	return l.problems.orNil()
}
