package config

import (
	"crypto/sha256"
	"path/filepath"
	"strings"
)

// Source is where a route configuration comes from and comes from again at every reload.
// It belongs to one goroutine at a time.
type Source struct {
	path   string     // of the route file, a directory of them or a pattern; empty: fixed
	routes *Routes    // of a fixed source
	last   []sighting // what the last load has read, good or not
	text   *Bundle    // of the last load
	loaded bool       // once at least
}

// sighting is something that a load has read, and how to read it again.
type sighting struct {
	again func() ([]byte, error)
	sum   [sha256.Size]byte // of what was read, or of the error
}

// FileSource loads the route file at path, anew each time.
func FileSource(path string) *Source { return &Source{path: path} }

// FixedSource always has the same configuration.
func FixedSource(r *Routes) *Source { return &Source{routes: r} }

// Load is LoadRoutes of the source's path.
func (s *Source) Load() (*Routes, error) {
	if s.path == "" {
		return s.routes, nil
	}
	s.last, s.text = nil, &Bundle{Files: map[string][]byte{}}
	routes, err := load(s.path, watched{s, folder(s.path)})
	s.loaded = true
	return routes, err
}

// Changed reports whether the content of any file differs from what the last load read, or
// failed to read, or whether there are other files. A ConfigMap's symlink swap is one change, and a
// file that is written anew with the same content is none.
func (s *Source) Changed() bool {
	for _, seen := range s.last {
		if sum(seen.again()) != seen.sum {
			return true
		}
	}
	return false
}

// see does something and remembers what came of it.
func (s *Source) see(read func() ([]byte, error)) ([]byte, error) {
	data, err := read()
	s.last = append(s.last, sighting{read, sum(data, err)})
	return data, err
}

// watched is the disk, for a source that wants to know of changes.
type watched struct {
	*Source
	dir string // in which the names of its bundle begin
}

func (w watched) read(path string) ([]byte, error) {
	data, err := w.see(func() ([]byte, error) { return w.routeFile(path) })
	if name := w.keep(path, data, err); name != "" {
		w.text.Names = append(w.text.Names, name)
	}
	return data, err
}

// routeFile reads a route file. At the start it may be a pipe; nobody would come to the end of one that is read again.
func (s *Source) routeFile(path string) ([]byte, error) {
	if s.loaded {
		return disk{}.regular(path)
	}
	return disk{}.read(path)
}

func (w watched) below(dir, rel string) ([]byte, error) {
	data, err := w.see(func() ([]byte, error) { return disk{}.below(dir, rel) })
	w.keep(filepath.Join(dir, rel), data, err)
	return data, err
}

func (w watched) value(dir, rel string) ([]byte, error) {
	return w.see(func() ([]byte, error) { return disk{}.value(dir, rel) })
}

// keep puts a file into the bundle and returns its name there.
func (w watched) keep(path string, data []byte, err error) string {
	if err != nil {
		return ""
	}
	name, err := filepath.Rel(w.dir, path)
	if err != nil {
		return ""
	}
	w.text.Files[name] = data
	return name
}

func (w watched) list(path string) (names []string, err error) {
	_, err = w.see(func() ([]byte, error) {
		var err error
		names, err = disk{}.list(path)
		return []byte(strings.Join(names, "\x00")), err
	})
	return names, err
}

func sum(data []byte, err error) [sha256.Size]byte {
	if err != nil {
		data = []byte(err.Error())
	}
	return sha256.Sum256(data)
}

// Name is the first route file's path, or what stands for it.
func (r *Routes) Name() string {
	if len(r.Files) == 0 {
		return "routes"
	}
	return r.Files[0].Path
}

// At is the place of a key path such as "routes[2].policy", or of the nearest key above it that is set, as a
// problem that does not say yet what is wrong. The path counts the items of all files; the problem's path those
// of its file.
func (r *Routes) At(path string) Problem {
	if r.docs == nil {
		return Problem{File: r.Name(), Path: path}
	}
	return r.docs.at(path)
}

// InText is the place of a line of rule text, which is named by its Key.
func (r *Routes) InText(key string, line int) Problem {
	p := r.At(key)
	p.TextLine = line
	if file := r.ruleFiles[key]; file != "" {
		p.File, p.Line = file, line
		return p
	}
	if r.docs == nil {
		return p
	}
	doc, at := r.docs.find(key + ".inline")
	switch first, ok := doc.texts[at]; {
	case ok && line > 0:
		p.Line = first + line - 1
	default:
		p.Line = doc.line(at)
	}
	return p
}

// InFile is the place of a line of a file that an operator in rule text reads.
func (r *Routes) InFile(key, name string, line int) Problem {
	p := r.At(key)
	p.File, p.Line = filepath.Join(filepath.Dir(p.File), name), line
	return p
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
