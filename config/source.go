package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Source is where a route configuration comes from and comes from again at every reload.
// It belongs to one goroutine at a time.
type Source struct {
	path   string   // of the route file; empty: fixed
	names  []string // files the route file named at the last load, good or not
	routes *Routes  // of a fixed source
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
	data, err := os.ReadFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("read route file: %w", err)
	}
	s.names = nil
	return ParseRoutes(s.path, data, func(rel string) ([]byte, error) {
		path := filepath.Join(filepath.Dir(s.path), rel)
		s.names = append(s.names, path)
		return os.ReadFile(path)
	})
}

// Fingerprint changes when the content of any file does that the last load read or wanted
// to read. A ConfigMap's symlink swap is one change, and a file that is written anew with
// the same content is none. Of a fixed source it is constant.
func (s *Source) Fingerprint() string {
	if s.path == "" {
		return "fixed"
	}
	h := sha256.New()
	for _, path := range slices.Concat([]string{s.path}, s.names) {
		data, err := os.ReadFile(path)
		if err != nil {
			data = []byte(err.Error())
		}
		sum := sha256.Sum256(data)
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
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
