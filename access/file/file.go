// Package file reads files that change while a process runs. It tells that one has changed without reading it, by
// what the file system says of it; replaced files, and a ConfigMap's links that are turned to another folder, are
// seen as well as files that are written in place.
//
// A [File] belongs to one goroutine at a time.
package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// File is a regular file.
type File struct {
	dir, rel string
	seen     os.FileInfo // when it was read last; nil: it could not be
	read     time.Time
}

// At is the file with a name that is relative to a folder, out of which links do not lead, or absolute.
func At(dir, name string) *File {
	if filepath.IsAbs(name) {
		root := filepath.VolumeName(name) + string(filepath.Separator)
		return &File{dir: root, rel: strings.TrimPrefix(filepath.Clean(name), root)}
	}
	return &File{dir: dir, rel: filepath.Clean(name)}
}

// settles is how long after a write a file may be written once more without looking any different: file systems
// count time in steps.
const settles = 2 * time.Second

// Changed tells whether the file may hold something else than when it was read last.
func (f *File) Changed() bool {
	info, err := f.stat()
	if err != nil || f.seen == nil {
		return (err != nil) != (f.seen == nil)
	}
	return !os.SameFile(info, f.seen) || info.Size() != f.seen.Size() || !info.ModTime().Equal(f.seen.ModTime()) ||
		f.read.Sub(info.ModTime()) < settles && time.Since(f.read) >= settles
}

func (f *File) stat() (os.FileInfo, error) {
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(f.rel)
	return info, plain(err)
}

// plain is an error without the name of the file, which whoever reads it knows, and of the call of the system.
func plain(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Read returns what the file holds, which is no more than a number of bytes, and when it was written.
func (f *File) Read(most int64) (data []byte, written time.Time, err error) {
	f.seen, f.read = nil, time.Now()
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer root.Close()
	if info, err := root.Stat(f.rel); err != nil {
		return nil, time.Time{}, plain(err)
	} else if !info.Mode().IsRegular() {
		return nil, time.Time{}, errors.New("not a file")
	}
	opened, err := root.Open(f.rel)
	if err != nil {
		return nil, time.Time{}, plain(err)
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	f.seen = info // what is too large is not read again before it changes
	if info.Size() > most {
		return nil, time.Time{}, fmt.Errorf("larger than %d bytes", most)
	}
	data, err = io.ReadAll(io.LimitReader(opened, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("larger than %d bytes", most)
	}
	return data, info.ModTime(), err
}
