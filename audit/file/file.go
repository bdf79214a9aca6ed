package file

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Options name a file and its bounds.
type Options struct {
	Path     string
	MaxSize  int64         // put aside before it gets larger, unless a single line is
	MaxAge   time.Duration // put aside when it is older; 0: never
	Keep     int           // files put aside
	MaxTotal int64         // of the file and those put aside together; 0: as many as Keep and MaxSize give

	now func() time.Time // nil: time.Now
}

// permissions let a group read, as whoever ships lines elsewhere may be one. Lines hold addresses of clients.
const permissions = 0o640

// File takes whole lines. It belongs to one goroutine.
type File struct {
	o     Options
	file  *os.File // nil: to be opened by the next Write
	size  int64
	began time.Time
}

// New returns a file. It is opened by the first Write.
func New(o Options) *File {
	if o.now == nil {
		o.now = time.Now
	}
	if o.MaxTotal == 0 {
		o.MaxTotal = o.MaxSize * int64(o.Keep+1)
	}
	return &File{o: o}
}

// Write appends lines, of which the last ends in a newline, too. With an error it returns the bytes of those lines that are
// in the file as a whole; nothing is there of the others. A later Write tries everything anew.
func (f *File) Write(lines []byte) (written int, err error) {
	for len(lines) > 0 {
		if err := f.ready(); err != nil {
			return written, err
		}
		part := fitting(lines, f.o.MaxSize-f.size)
		if len(part) == 0 && f.size > 0 {
			if err := f.putAside(); err != nil {
				return written, err
			}
			continue
		}
		if len(part) == 0 { // a single line is larger
			part = lines[:lineEnd(lines)]
		}
		n, err := f.file.Write(part)
		if err != nil {
			n = bytes.LastIndexByte(part[:max(n, 0)], '\n') + 1
			f.giveUp(f.size + int64(n))
			return written + n, err
		}
		f.size += int64(n)
		written += n
		lines = lines[n:]
	}
	return written, nil
}

// Close closes the file, which another Write opens again.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}

// ready has the file open, under its name, and young enough.
func (f *File) ready() error {
	if f.file != nil && !f.inPlace() {
		_ = f.Close() // nothing is lost: it is somebody else's now
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	// A file of the future is of a clock that was wrong: when it began, nobody knows.
	if f.o.MaxAge > 0 && f.size > 0 && f.o.now().Sub(f.began).Abs() >= f.o.MaxAge {
		if err := f.putAside(); err != nil {
			return err
		}
		return f.open()
	}
	return nil
}

// inPlace tells whether what is open is still what has the name.
func (f *File) inPlace() bool {
	named, err := os.Stat(f.o.Path)
	if err != nil {
		return false
	}
	opened, err := f.file.Stat()
	return err == nil && os.SameFile(named, opened)
}

// giveUp closes the file after a failed write, cut to the lines that are whole. If that fails, too,
// the next open does it.
func (f *File) giveUp(whole int64) {
	_ = f.file.Truncate(whole)
	_ = f.Close()
}

// putAside renames the file and closes it. That there is room for another one is found out before
// that is begun.
func (f *File) putAside() error {
	aside, err := f.asideName()
	if err != nil {
		return err
	}
	if err := os.Rename(f.o.Path, aside); err != nil {
		return err
	}
	return f.Close()
}

// open opens the file, which may be of an earlier process, and takes the old ones away.
func (f *File) open() error {
	if err := f.prune(); err != nil {
		return err
	}
	file, err := openRegular(f.o.Path)
	if err != nil {
		return err
	}
	if err := lock(file); err != nil {
		_ = file.Close()
		return fmt.Errorf("lock %s: %w", f.o.Path, err)
	}
	f.file = file
	if !f.inPlace() {
		_ = f.Close()
		return fmt.Errorf("%s was moved while it was opened", f.o.Path)
	}
	if f.size, err = mend(file); err != nil {
		_ = f.Close()
		return fmt.Errorf("mend %s: %w", f.o.Path, err)
	}
	f.began = f.o.now()
	if f.size > 0 {
		f.began = born(file)
	}
	return nil
}

// possible reports why a file cannot be there as it should, as far as that shows without touching it; nil: it may be.
func possible(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if info, err = os.Stat(filepath.Dir(path)); err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no folder", filepath.Dir(path))
		}
		return err
	}
	if err != nil {
		return err
	}
	return regular(path, info)
}

// regular refuses what is no file that keeps lines, such as a pipe or a device.
func regular(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	return nil
}

// openRegular opens or creates a file, and nothing else: opening a pipe may wait for ever.
func openRegular(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil {
		if err := regular(path, info); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(filepath.Clean(path), os.O_APPEND|os.O_CREATE|os.O_RDWR, permissions)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = regular(path, info)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// fitting are the lines at the beginning that have room.
func fitting(lines []byte, room int64) []byte {
	if int64(len(lines)) <= room {
		return lines
	}
	return lines[:bytes.LastIndexByte(lines[:max(room, 0)], '\n')+1]
}

func lineEnd(lines []byte) int {
	if i := bytes.IndexByte(lines, '\n'); i >= 0 {
		return i + 1
	}
	return len(lines)
}

// tailBytes is how far back the beginning of a half line is looked for.
const tailBytes = 1 << 20

// mend has a file end with a whole line, and returns its size. Half a line that a writer like this one has left is
// cut off; text that is something else is ended by a newline.
func mend(file *os.File) (size int64, err error) {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return 0, err
	}
	size = info.Size()
	tail := make([]byte, 1)
	if _, err := file.ReadAt(tail, size-1); err != nil || tail[0] == '\n' {
		return size, err
	}
	tail = make([]byte, min(size, tailBytes))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil {
		return 0, err
	}
	begin := bytes.LastIndexByte(tail, '\n') + 1
	half := tail[begin:]
	known := begin > 0 || size <= tailBytes
	if known && (half[0] == '{' || half[0] == 0) { // zeros are what a crash of the machine may leave
		size -= int64(len(half))
		return size, file.Truncate(size)
	}
	if n, err := file.Write([]byte{'\n'}); err != nil {
		return 0, errors.Join(err, file.Truncate(size-int64(max(n, 0))))
	}
	return size + 1, nil
}

// written is when a file was written last.
func written(file *os.File) time.Time {
	info, err := file.Stat()
	if err != nil {
		return time.Now()
	}
	return info.ModTime()
}
