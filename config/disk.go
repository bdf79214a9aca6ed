package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile is how large a file may be that a configuration is made of.
const maxFile = 16 << 20

var errNoFile = errors.New("not a file")

// disk reads files where they are.
type disk struct{}

// read reads a route file, which may be a pipe.
func (disk) read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded(f, path)
}

// regular reads a file that is there to be read again: no pipe.
func (d disk) regular(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	return d.read(path)
}

// below reads a regular file below a directory. Links that lead out of it are not followed.
func (disk) below(dir, rel string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(rel)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	f, err := root.Open(rel)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded(f, rel)
}

// value reads a file that holds a value: as any other one, where files are.
func (d disk) value(dir, rel string) ([]byte, error) { return d.below(dir, rel) }

func bounded(f io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
	}
	return data, err
}

// list returns the route files that a path stands for, sorted: itself, those of the directory that it is, or
// those that match the pattern that it is.
func (disk) list(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return listDir(path)
	case err == nil || !strings.ContainsAny(path, "*?["):
		return []string{path}, nil // reading it tells what is wrong
	}
	names, err := filepath.Glob(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { // as in a shell
		return strings.HasPrefix(filepath.Base(name), ".") && !strings.HasPrefix(filepath.Base(path), ".")
	})
	if len(names) == 0 {
		return nil, fmt.Errorf("no file matches %s", path)
	}
	return names, nil
}

func listDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if strings.HasPrefix(e.Name(), ".") || ext != ".yaml" && ext != ".yml" {
			continue // a ConfigMap has its versions in folders that begin with a dot
		}
		name := filepath.Join(path, e.Name())
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: no route file in the directory: they end in .yaml or .yml", path)
	}
	slices.Sort(names)
	return names, nil
}
