package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// LoadRoutes reads the route file at path, or those of the directory or pattern that it is, and the files they
// name, each exactly once. Everything the result holds, Files included, comes from those bytes. What is wrong
// with the content comes as Problems; with them comes what could be read, as far as it goes, for whoever looks
// for more of them.
func LoadRoutes(path string) (*Routes, error) { return load(path, disk{}) }

// LoadRoutesElsewhere is LoadRoutes for whoever is not where the tier runs, and has neither its certificates and secrets
// nor its variables: a word stands for the content of each.
func LoadRoutesElsewhere(path string) (*Routes, error) { return load(path, elsewhere{}) }

// elsewhere reads route files and what they are made of, but for what only the tier has.
type elsewhere struct{ disk }

const atTheTier = "elsewhere"

func (elsewhere) value(string, string) ([]byte, error) { return []byte(atTheTier), nil }

// ParseRoutes is LoadRoutes for a route file that is in memory already. The name is what
// problems and Files call it. Files that it names are read through readFile, by their
// path relative to the route file's directory; nil means there are none.
func ParseRoutes(name string, data []byte, readFile func(rel string) ([]byte, error)) (*Routes, error) {
	return parse([]string{name}, [][]byte{data}, memory(readFile))
}

// memory is where a route file in memory has its files from.
type memory func(rel string) ([]byte, error)

func (m memory) below(_, rel string) ([]byte, error) {
	if m == nil {
		return nil, fs.ErrNotExist
	}
	return m(rel)
}

func (m memory) value(dir, rel string) ([]byte, error) { return m.below(dir, rel) }

// surroundings are where files that a route file names come from.
type surroundings interface {
	// below reads a file by its path relative to the directory dir, out of which it does not lead.
	below(dir, rel string) ([]byte, error)
	// value is below for a file that holds a value, which may be a secret.
	value(dir, rel string) ([]byte, error)
}

// load is LoadRoutes from somewhere.
func load(path string, from interface {
	surroundings
	list(path string) ([]string, error)
	read(path string) ([]byte, error)
}) (*Routes, error) {
	names, err := from.list(path)
	if err != nil {
		return nil, fmt.Errorf("read route file: %w", err)
	}
	texts := make([][]byte, len(names))
	for i, name := range names {
		if texts[i], err = from.read(name); err != nil {
			return nil, fmt.Errorf("read route file: %w", err)
		}
	}
	return parse(names, texts, from)
}

// parse makes a configuration of files.
func parse(names []string, texts [][]byte, from surroundings) (*Routes, error) {
	l := &loader{from: from, cache: map[string]cached{}, routes: &Routes{ruleFiles: map[string]string{}}}
	for i, name := range names {
		l.routes.Files = append(l.routes.Files, SourceFile{Path: name, SHA256: sha256.Sum256(texts[i])})
	}
	var all []*document
	for i, name := range names {
		dir := filepath.Dir(name)
		all = append(all, readDocument(name, texts[i], reflect.TypeFor[Routes](), func(kind, value string) (string, error) {
			return l.outside(dir, kind, value)
		}))
	}
	l.doc = join(all)
	l.routes.docs = l.doc
	tree := l.doc.tree()
	if ps := l.doc.problems(); len(tree) == 0 && len(ps) > 0 {
		return nil, ps.orNil()
	}
	if err := decode(l.routes, tree); err != nil {
		l.addAll(decodeProblems(err, ""))
		return nil, append(l.doc.problems(), l.problems...).orNil()
	}
	fillRoutes(l.routes, l.doc.has)
	l.readUpstreamFiles()
	l.readListFiles()
	l.readGeo()
	l.resolvePolicies(tree)
	l.resolveAccess(tree)
	l.resolveRecords(tree)
	l.readClientFiles()
	l.checkRoutes(l.routes)
	return l.routes, append(l.doc.problems(), l.problems...).orNil()
}

// FromTo returns the configuration of --to: one route "default" that takes every host
// and path to the upstream "backend" at http://host:port, under the policy "default".
// Its only entry in Files stands for the setting and names no file on disk.
func FromTo(backend string) (*Routes, error) {
	if err := checkEndpoint(backend); err != nil {
		return nil, Problems{{Path: "to", What: err.Error()}}
	}
	r := &Routes{
		Routes:    []Route{{ID: "default", Policy: DefaultPolicyID, Access: DefaultAccessID, Record: DefaultRecordingID, Upstreams: []WeightedUpstream{{ID: "backend"}}}},
		Upstreams: []Upstream{{ID: "backend", Endpoints: []Endpoint{{Address: backend}}}},
		Policies:  []Policy{DefaultPolicy()},
		Files:     []SourceFile{{Path: "--to " + backend, SHA256: sha256.Sum256([]byte(backend))}},
	}
	fillRoutes(r, func(string) bool { return false })
	return r, nil
}

// Digest returns the hex SHA-256 over the paths and hashes of all Files. Two loads with
// equal digests were made of the same bytes.
func (r *Routes) Digest() string {
	h := sha256.New()
	for _, f := range r.Files {
		h.Write(f.SHA256[:])
		path := sha256.Sum256([]byte(f.Path)) // of fixed length, so nothing can run together
		h.Write(path[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// loader is one load: the checks plus the files that the route files name.
type loader struct {
	checker
	from   surroundings
	cache  map[string]cached
	routes *Routes
}

// cached is what reading a file gave, so that it is read once however often it is named.
type cached struct {
	text string
	err  error
}

// file returns the content of a file named in a route file, relative to its directory, and lists it in Files.
func (l *loader) file(dir, rel string) (string, error) { return l.fileFrom(l.from.below, dir, rel) }

// secret is file for what may be a secret, which no bundle holds.
func (l *loader) secret(dir, rel string) (string, error) {
	return l.fileFrom(l.from.value, dir, rel)
}

func (l *loader) fileFrom(read func(dir, rel string) ([]byte, error), dir, rel string) (string, error) {
	if !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%q must be a relative path that stays below the route file's directory", rel)
	}
	rel = filepath.Clean(rel)
	path := filepath.Join(dir, rel)
	if c, ok := l.cache[path]; ok {
		return c.text, c.err
	}
	data, err := read(dir, rel)
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err // the path stands in front already
	}
	if err != nil {
		err = fmt.Errorf("read %s: %w", rel, err)
	} else {
		l.made(path, data)
	}
	l.cache[path] = cached{string(data), err}
	return string(data), err
}

// made lists something that the configuration is made of.
func (l *loader) made(name string, data []byte) {
	l.routes.Files = append(l.routes.Files, SourceFile{Path: name, SHA256: sha256.Sum256(data)})
}

// outside returns a value that a route file takes from a variable or a file. A line break at the end of a file
// is not a part of the value. An empty value is mostly a secret that got lost, and would be sent or compared as if
// it were one: it has to be asked for.
func (l *loader) outside(dir, kind, name string) (string, error) {
	if kind == "file" {
		text, err := l.secret(dir, name)
		text = strings.TrimSuffix(text, "\n")
		if err == nil && text == "" {
			err = errors.New("the file is empty")
		}
		return text, err
	}
	name, instead, optional := strings.Cut(name, ":-")
	value, set := os.LookupEnv(name)
	if key := "${env:" + name + "}"; set && l.cache[key] == (cached{}) {
		l.cache[key] = cached{text: "read"}
		l.made(key, []byte(value))
	}
	switch {
	case value != "":
		return value, nil
	case optional:
		return instead, nil
	case l.from == elsewhere{}:
		return atTheTier, nil
	case set:
		return "", fmt.Errorf("the variable is empty: write ${env:%s:-} if it may be", name)
	}
	return "", errors.New("the variable is not set")
}
