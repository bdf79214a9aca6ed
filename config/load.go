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
)

// LoadRoutes reads the route file at path and the files it names, each exactly once.
// Everything the result holds, Files included, comes from those bytes. What is wrong
// with the content comes as Problems.
func LoadRoutes(path string) (*Routes, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read route file: %w", err)
	}
	dir := filepath.Dir(path)
	return ParseRoutes(path, data, func(rel string) ([]byte, error) {
		return os.ReadFile(filepath.Join(dir, rel))
	})
}

// ParseRoutes is LoadRoutes for a route file that is in memory already. The name is what
// problems and Files call it. Files that it names are read through readFile, by their
// path relative to the route file's directory; nil means there are none.
func ParseRoutes(name string, data []byte, readFile func(rel string) ([]byte, error)) (*Routes, error) {
	doc := readDocument(name, data, reflect.TypeFor[Routes]())
	if len(doc.tree) == 0 && len(doc.Problems) > 0 {
		return nil, doc.Problems.orNil()
	}
	l := &loader{
		checker: checker{doc: doc},
		dir:     filepath.Dir(name),
		read:    readFile,
		cache:   map[string]cached{},
		routes:  &Routes{Files: []SourceFile{{Path: name, SHA256: sha256.Sum256(data)}}},
	}
	if err := decode(l.routes, doc.tree); err != nil {
		l.addAll(decodeProblems(err, ""))
		return nil, append(doc.Problems, l.problems...).orNil()
	}
	fillRoutes(l.routes, doc.has)
	l.resolvePolicies()
	l.checkRoutes(l.routes)
	if err := append(doc.Problems, l.problems...).orNil(); err != nil {
		return nil, err
	}
	l.routes.lines = doc.lines
	return l.routes, nil
}

// FromTo returns the configuration of --to: one route "default" that takes every host
// and path to the upstream "backend" at http://host:port, under the policy "default".
// Its only entry in Files stands for the setting and names no file on disk.
func FromTo(backend string) (*Routes, error) {
	if err := checkEndpoint(backend); err != nil {
		return nil, Problems{{Path: "to", What: err.Error()}}
	}
	r := &Routes{
		Routes:    []Route{{ID: "default", Policy: DefaultPolicyID, Upstreams: []WeightedUpstream{{ID: "backend"}}}},
		Upstreams: []Upstream{{ID: "backend", Endpoints: []string{backend}}},
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

// loader is one load: the checks plus the files that the route file names.
type loader struct {
	checker
	dir    string
	read   func(rel string) ([]byte, error)
	cache  map[string]cached
	routes *Routes
}

// cached is what reading a file gave, so that it is read once however often it is named.
type cached struct {
	text string
	err  error
}

// file returns the content of a file named in the route file and lists it in Files.
func (l *loader) file(rel string) (string, error) {
	if !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%q must be a relative path that stays below the route file's directory", rel)
	}
	rel = filepath.Clean(rel)
	if c, ok := l.cache[rel]; ok {
		return c.text, c.err
	}
	var data []byte
	err := fs.ErrNotExist
	if l.read != nil {
		data, err = l.read(rel)
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err // the path stands in front already
	}
	if err != nil {
		err = fmt.Errorf("read %s: %w", rel, err)
	} else {
		l.routes.Files = append(l.routes.Files, SourceFile{Path: filepath.Join(l.dir, rel), SHA256: sha256.Sum256(data)})
	}
	l.cache[rel] = cached{string(data), err}
	return string(data), err
}
