package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// asideTime stands in the names of files put aside: sorted by name they are sorted by age, even if the clock was set back
// meanwhile.
const asideTime = "20060102T150405.000Z"

// lastYear is the last one that has four digits.
const lastYear = 9999

// Aside are the paths of the files that were put aside for a file, the oldest first.
func Aside(path string) ([]string, error) {
	begin, end := around(path)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		when, is := strings.CutPrefix(e.Name(), begin)
		if !is {
			continue
		}
		if when, is = strings.CutSuffix(when, end); !is {
			continue
		}
		if _, err := time.Parse(asideTime, when); err == nil && e.Type().IsRegular() {
			found = append(found, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	slices.Sort(found)
	return found, nil
}

// around is what stands before and behind the time in the name of a file put aside.
func around(path string) (begin, end string) {
	name := filepath.Base(path)
	end = filepath.Ext(name)
	return strings.TrimSuffix(name, end) + "-", end
}

// asideName is the name that the file gets now: behind those that there are, which may be of a clock that was ahead.
func (f *File) asideName() (string, error) {
	begin, end := around(f.o.Path)
	there, err := Aside(f.o.Path)
	if err != nil {
		return "", err
	}
	at := f.o.now().UTC()
	if len(there) > 0 {
		newest := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(there[len(there)-1]), begin), end)
		if last, err := time.Parse(asideTime, newest); err == nil && !at.After(last.Add(time.Millisecond)) {
			at = last.Add(time.Millisecond)
		}
	}
	for range 1000 { // something else may have the name
		if at.Year() > lastYear {
			break
		}
		aside := filepath.Join(filepath.Dir(f.o.Path), begin+at.Format(asideTime)+end)
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return aside, nil
		} else if err != nil {
			return "", err
		}
		at = at.Add(time.Millisecond)
	}
	return "", fmt.Errorf("no name is free for another file beside %s", f.o.Path)
}

// prune removes the oldest files put aside, so that there is room for a whole one. It fails if there is none then: rather no
// lines than a full disk.
func (f *File) prune() error {
	aside, err := Aside(f.o.Path)
	if err != nil {
		return err
	}
	room := f.o.MaxTotal - f.o.MaxSize
	kept := 0
	for _, path := range slices.Backward(aside) {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		kept++
		room -= info.Size()
		if kept <= f.o.Keep && room >= 0 {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
