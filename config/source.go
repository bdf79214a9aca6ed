package config

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Source is where a route configuration comes from and comes from again at every reload.
// It belongs to one goroutine at a time.
type Source struct {
	path   string              // of the route file; empty: fixed
	routes *Routes             // of a fixed source
	names  []string            // files of the last load, good or not, in the order they were read
	sums   [][sha256.Size]byte // of what was read, or of the error, for each name
}

// FileSource loads the route file at path, anew each time.
func FileSource(path string) *Source { return &Source{path: path} }

// FixedSource always has the same configuration.
func FixedSource(r *Routes) *Source { return &Source{routes: r} }

// Load is LoadRoutes of the source's file.
func (s *Source) Load() (*Routes, error) {
	if s.path == "" {
		return s.routes, nil
	}
	s.names, s.sums = nil, nil
	data, err := s.read(s.path)
	if err != nil {
		return nil, fmt.Errorf("read route file: %w", err)
	}
	return ParseRoutes(s.path, data, func(rel string) ([]byte, error) {
		return s.read(filepath.Join(filepath.Dir(s.path), rel))
	})
}

// read reads a file and remembers what came of it.
func (s *Source) read(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	s.names, s.sums = append(s.names, path), append(s.sums, sum(data, err))
	return data, err
}

// Changed reports whether the content of any file differs from what the last load read, or
// failed to read. A ConfigMap's symlink swap is one change, and a file that is written
// anew with the same content is none.
func (s *Source) Changed() bool {
	for i, path := range s.names {
		data, err := os.ReadFile(path)
		if sum(data, err) != s.sums[i] {
			return true
		}
	}
	return false
}

func sum(data []byte, err error) [sha256.Size]byte {
	if err != nil {
		data = []byte(err.Error())
	}
	return sha256.Sum256(data)
}

// Name is the route file's path, or what stands for it.
func (r *Routes) Name() string {
	if len(r.Files) == 0 {
		return "routes"
	}
	return r.Files[0].Path
}

// Line is the line of a key path such as "routes[2].policy" in the route file, or of the
// nearest key above it; 0 if there is none.
func (r *Routes) Line(path string) int {
	for path != "" {
		if line, ok := r.lines[path]; ok {
			return line
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return 0
		}
		path = path[:i]
	}
	return 0
}

// String is the match as explain and the API show it.
func (p PathMatch) String() string {
	switch {
	case p.Exact != "":
		return "exact " + p.Exact
	case p.Prefix != "":
		return "prefix " + p.Prefix
	default:
		return "regex " + p.Regex
	}
}
