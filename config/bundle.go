package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bundle is the text of a configuration: route files, and the files of rules and lists that they name, as they are
// written. What ${env:…} and ${file:…} stand for is not in it: secrets stay where they are, and a process that reads
// the bundle puts its own in.
type Bundle struct {
	Names []string          `json:"names"` // of route files, in order, relative to the folder of the configuration
	Files map[string][]byte `json:"files"` // all of them, by such names
}

// MaxBundle is how long an encoded bundle may be.
const MaxBundle = 24 << 20

// bundleKind begins each encoded bundle. Who changes what follows it changes the number.
const bundleKind = "wafer configuration 1 "

// Encode returns the bundle as bytes that tell whether they are whole.
func (b *Bundle) Encode() ([]byte, error) {
	body, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	sum := sha256.Sum256(body)
	data := append([]byte(bundleKind+hex.EncodeToString(sum[:])+"\n"), body...)
	if len(data) > MaxBundle {
		return nil, fmt.Errorf("the configuration is larger than %d MiB", MaxBundle>>20)
	}
	return data, nil
}

// DecodeBundle reads what Encode has written. It trusts nothing: a name never leads out of the folder.
func DecodeBundle(data []byte) (*Bundle, error) {
	if len(data) > MaxBundle {
		return nil, fmt.Errorf("larger than %d MiB", MaxBundle>>20)
	}
	head, body, found := bytes.Cut(data, []byte("\n"))
	want, ours := strings.CutPrefix(string(head), bundleKind)
	if !found || !ours {
		return nil, errors.New("not a configuration of a version that is known here")
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != want {
		return nil, errors.New("not whole: its digest is another one")
	}
	var b Bundle
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, fmt.Errorf("decode configuration: %w", err)
	}
	if len(b.Names) == 0 {
		return nil, errors.New("without a route file")
	}
	for _, name := range b.Names {
		if _, ok := b.Files[name]; !ok {
			return nil, fmt.Errorf("the route file %q is missing", name)
		}
	}
	for name := range b.Files {
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%q leads out of the folder", name)
		}
	}
	return &b, nil
}

// Bundle returns what the last Load has read; nil if the source has no files.
func (s *Source) Bundle() *Bundle { return s.text }

// LoadBundle is Load, with the bundle in place of the files. Values from outside are those of this process.
func (s *Source) LoadBundle(b *Bundle) (*Routes, error) {
	return load(s.path, bundled{b, s.path, folder(s.path)})
}

// folder is where the names of a bundle begin: the folder that a path is, or that of the files it stands for.
func folder(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	if i := strings.IndexAny(path, "*?["); i >= 0 {
		path = path[:i] + "x" // in whichever folder the pattern begins
	}
	return filepath.Dir(path)
}

// bundled has files from a bundle, as if they were below dir.
type bundled struct {
	bundle *Bundle
	path   string // of the source
	dir    string
}

func (b bundled) list(string) ([]string, error) {
	var names []string
	for _, name := range b.bundle.Names {
		at := filepath.Join(b.dir, name)
		if at == filepath.Clean(b.path) {
			at = b.path // as it is written, which digests depend on
		}
		names = append(names, at)
	}
	return names, nil
}

func (b bundled) read(path string) ([]byte, error) {
	name, err := filepath.Rel(b.dir, path)
	if err != nil {
		return nil, err
	}
	data, ok := b.bundle.Files[name]
	if !ok {
		return nil, errors.New("not kept with the configuration")
	}
	return slices.Clone(data), nil
}

func (b bundled) below(dir, rel string) ([]byte, error) { return b.read(filepath.Join(dir, rel)) }
func (b bundled) value(dir, rel string) ([]byte, error) { return disk{}.value(dir, rel) }
