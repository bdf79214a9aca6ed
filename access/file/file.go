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
	"time"
)

// File is a regular file.
type File struct {
	dir, rel string
	anywhere bool        // links may lead out of the folder
	seen     os.FileInfo // when it was read last; nil: it could not be
	read     time.Time
}

// At is the file with a name that is relative to a folder, out of which links do not lead, or absolute, wherever links lead.
func At(dir, name string) *File {
	if filepath.IsAbs(name) {
		return &File{rel: filepath.Clean(name), anywhere: true}
	}
	return &File{dir: dir, rel: filepath.Clean(name)}
}

// Named is the file with a name that whoever runs the process has given: absolute, or relative to the working directory, wherever
// links lead.
func Named(name string) *File { return &File{rel: filepath.Clean(name), anywhere: true} }

// Whole reads a regular file that is named so, which may hold so many bytes at most: a device or a pipe would have a process wait, or
// eat its memory. Errors name the file.
func Whole(name string, most int64) ([]byte, error) {
	data, _, err := Named(name).Read(most)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
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

func (f *File) stat() (info os.FileInfo, err error) {
	if f.anywhere {
		info, err = os.Stat(f.rel)
		return info, plain(err)
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err = root.Stat(f.rel)
	return info, plain(err)
}

// open opens the file if it is a regular one: to open a pipe may take for ever.
func (f *File) open() (*os.File, error) {
	info, err := f.stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a file")
	case f.anywhere:
		opened, err := os.Open(f.rel)
		return opened, plain(err)
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	opened, err := root.Open(f.rel)
	return opened, plain(err)
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
	opened, err := f.open()
	if err != nil {
		return nil, time.Time{}, err
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
