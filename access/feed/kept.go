package feed

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What was good last is kept in a folder, a file for each list: a line about it, and the text as it came. It is read
// and judged again as if it came again.

const (
	keptPrefix = "list-"
	keptKind   = "wafer list 1 "
	keptFor    = 30 * 24 * time.Hour // files that nobody has used for so long are of lists that are no more
)

type keptHead struct {
	validators
	Saved time.Time `json:"saved"`
	Good  time.Time `json:"good"`
}

func (l *List) keptPath() string {
	return filepath.Join(l.config.Folder, keptPrefix+l.config.key())
}

// keep writes a text that was good. What cannot be written costs nothing but that a start without the source has
// nothing to begin with.
func (l *List) keep(t text) {
	if l.config.Folder == "" {
		return
	}
	head, err := json.Marshal(keptHead{t.validators, t.saved, time.Now()})
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.Unkept = ""
	if err := replace(l.keptPath(), keptKind+string(head)+"\n", t.data); err != nil {
		l.status.Unkept = err.Error()
	}
	l.tidy()
}

// touch says that what is kept is still good.
func (l *List) touch() {
	if l.config.Folder != "" {
		now := time.Now()
		_ = os.Chtimes(l.keptPath(), now, now) // it may be gone, or never have been written
	}
}

// tidy removes what lists have left that are no more.
func (l *List) tidy() {
	files, err := os.ReadDir(l.config.Folder)
	if err != nil {
		return
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && strings.HasPrefix(f.Name(), keptPrefix) && time.Since(info.ModTime()) > keptFor {
			_ = os.Remove(filepath.Join(l.config.Folder, f.Name())) // another replica may have been faster
		}
	}
}

// replace writes a file, whole or not at all.
func replace(path string, parts ...string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	for _, part := range parts {
		if _, err = f.WriteString(part); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err = errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// readKept begins with what an earlier process has kept.
func (l *List) readKept() bool {
	if l.config.Folder == "" {
		return false
	}
	info, err := os.Stat(l.keptPath())
	if err != nil || info.Size() > l.config.MaxSize+4096 {
		return false
	}
	data, err := os.ReadFile(l.keptPath())
	if err != nil {
		return false
	}
	line, body, _ := bytes.Cut(data, []byte("\n"))
	about, ours := bytes.CutPrefix(line, []byte(keptKind))
	var head keptHead
	if !ours || json.Unmarshal(about, &head) != nil || sha256.Sum256(body) != head.SHA256 {
		return false // not whole
	}
	set, outcome, err := l.judge(string(body), head.Saved, time.Now())
	if err != nil {
		return false
	}
	l.kept = head.validators
	l.put(set, info.ModTime(), outcome)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.FromDisk = true
	return true
}
