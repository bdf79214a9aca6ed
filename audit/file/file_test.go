package file

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// clock is a time that tests choose.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func line(i, length int) []byte {
	text := fmt.Sprintf(`{"n":%d,"fill":"`, i)
	return []byte(text + strings.Repeat("x", max(0, length-len(text)-3)) + "\"}\n")
}

func write(t *testing.T, f *File, lines []byte) {
	t.Helper()
	if n, err := f.Write(lines); err != nil || n != len(lines) {
		t.Fatalf("%d of %d written: %v", n, len(lines), err)
	}
}

// all is what stands in a file and those put aside for it, the oldest first.
func all(t *testing.T, path string) []byte {
	t.Helper()
	files, err := Aside(path)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, file := range append(files, path) {
		data, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		text = append(text, data...)
	}
	return text
}

// TestRotation writes more than the bounds allow, and finds files of whole lines within them: the latest.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	f := New(Options{Path: path, MaxSize: 1000, Keep: 3, now: c.now})
	defer f.Close()
	var batch []byte
	for i := range 100 {
		batch = append(batch, line(i, 90)...)
		if len(batch) > 300 {
			write(t, f, batch)
			batch = batch[:0]
			c.at = c.at.Add(time.Second)
		}
	}
	write(t, f, batch)
	aside, err := Aside(path)
	if err != nil || len(aside) != 3 {
		t.Fatalf("put aside: %q, %v", aside, err)
	}
	for _, file := range append(aside, path) {
		data, err := os.ReadFile(file)
		if err != nil || len(data) > 1000 || data[len(data)-1] != '\n' || data[0] != '{' {
			t.Errorf("%s: %d bytes, %v", file, len(data), err)
		}
	}
	var want []byte
	for i := range 100 {
		want = append(want, line(i, 90)...)
	}
	if got := all(t, path); !bytes.HasSuffix(want, got) {
		t.Errorf("not the latest lines:\n%s", got)
	}
}

// TestClockSetBack has a clock that was a day ahead and is set right: what is kept are still the latest lines.
func TestClockSetBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	c := &clock{time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	f := New(Options{Path: path, MaxSize: 1000, Keep: 3, now: c.now})
	defer f.Close()
	var want []byte
	for i := range 100 {
		if i == 50 {
			c.at = c.at.Add(-24 * time.Hour)
		}
		one := line(i, 90)
		write(t, f, one)
		want = append(want, one...)
		c.at = c.at.Add(time.Second)
	}
	if got := all(t, path); len(got) < 3000 || !bytes.HasSuffix(want, got) {
		t.Errorf("not the latest lines:\n%s", got)
	}
}

// TestNamesEnd has a file beside it of the last moment that has a name, which nobody has put there by rotation: what cannot be put
// aside is an error, and no file grows beyond its bound.
func TestNamesEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	last := filepath.Join(filepath.Dir(path), "events-99991231T235959.999Z.jsonl")
	if err := os.WriteFile(last, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := New(Options{Path: path, MaxSize: 1000, Keep: 3})
	defer f.Close()
	write(t, f, line(1, 900))
	if n, err := f.Write(line(2, 900)); err == nil || n != 0 {
		t.Errorf("%d bytes written: %v", n, err)
	}
}

// TestOneWriteOverManyFiles splits what is too much for a file at the ends of lines; a single line is never split.
func TestOneWriteOverManyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	f := New(Options{Path: path, MaxSize: 1000, Keep: 20})
	defer f.Close()
	batch := slices.Concat(line(1, 600), line(2, 600), line(3, 5000), line(4, 10), line(5, 990))
	write(t, f, batch)
	if got := all(t, path); !bytes.Equal(got, batch) {
		t.Errorf("got %d bytes of %d", len(got), len(batch))
	}
	if aside, _ := Aside(path); len(aside) != 4 {
		t.Errorf("put aside: %q", aside)
	}
}

func TestTotal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	f := New(Options{Path: path, MaxSize: 1000, Keep: 100, MaxTotal: 2500})
	defer f.Close()
	for i := range 100 {
		write(t, f, line(i, 400))
		if n := len(all(t, path)); n > 2500 {
			t.Fatalf("%d bytes after %d lines", n, i+1)
		}
	}
	if n := len(all(t, path)); n < 1500 {
		t.Errorf("%d bytes of 2500 are kept", n)
	}
}

func TestAge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	c := &clock{time.Now()}
	f := New(Options{Path: path, MaxSize: 1 << 20, Keep: 5, MaxAge: time.Hour, now: c.now})
	write(t, f, line(1, 50))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = New(f.o) // another process goes on with it
	defer f.Close()
	c.at = c.at.Add(50 * time.Minute)
	write(t, f, line(2, 50))
	c.at = c.at.Add(20 * time.Minute)
	write(t, f, line(3, 50))
	aside, _ := Aside(path)
	if len(aside) != 1 {
		t.Fatalf("put aside: %q", aside)
	}
	if data, _ := os.ReadFile(path); !bytes.Equal(data, line(3, 50)) {
		t.Errorf("the new file holds %q", data)
	}
}

// TestAgeOfTheFuture puts a file aside that was made by a clock far ahead: it would not get old for years, if the process is
// restarted often. One that was a little ahead is no reason.
func TestAgeOfTheFuture(t *testing.T) {
	for ahead, want := range map[time.Duration]int{time.Minute: 0, 40 * 365 * 24 * time.Hour: 1} {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		c := &clock{time.Now().Add(-ahead)}
		if err := os.WriteFile(path, line(1, 50), 0o600); err != nil {
			t.Fatal(err)
		}
		f := New(Options{Path: path, MaxSize: 1 << 20, Keep: 5, MaxAge: time.Hour, now: c.now})
		for i := range 5 {
			write(t, f, line(2+i, 50))
		}
		if aside, _ := Aside(path); len(aside) != want {
			t.Errorf("%s ahead: put aside %q", ahead, aside)
		}
		_ = f.Close()
	}
}

// TestKilled goes on with what killed processes have left.
func TestKilled(t *testing.T) {
	whole := line(1, 60)
	for _, tt := range []struct{ name, left, stays string }{
		{"nothing", "", ""},
		{"whole lines", string(whole), string(whole)},
		{"half a line", string(whole) + `{"time":"2026-`, string(whole)},
		{"half a line alone", `{"ti`, ""},
		{"zeros", string(whole) + "\x00\x00\x00", string(whole)},
		{"what is not ours", "# notes", "# notes\n"},
		{"half a line longer than is looked through", strings.Repeat("y", tailBytes+9), strings.Repeat("y", tailBytes+9) + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "events.jsonl")
			if err := os.WriteFile(path, []byte(tt.left), 0o600); err != nil {
				t.Fatal(err)
			}
			f := New(Options{Path: path, MaxSize: 1 << 30, Keep: 1})
			defer f.Close()
			write(t, f, line(2, 60))
			if got, _ := os.ReadFile(path); string(got) != tt.stays+string(line(2, 60)) {
				t.Errorf("the file holds %d bytes: %.200q", len(got), got)
			}
		})
	}
}

// TestSomebodyElse moves, removes and replaces the file under its writer.
func TestSomebodyElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	f := New(Options{Path: path, MaxSize: 1 << 20, Keep: 1})
	defer f.Close()
	write(t, f, line(1, 50))
	if err := os.Rename(path, filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	write(t, f, line(2, 50))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, f, line(3, 50))
	moved, _ := os.ReadFile(filepath.Join(dir, "moved"))
	now, _ := os.ReadFile(path)
	if !bytes.Equal(moved, line(1, 50)) || !bytes.Equal(now, line(3, 50)) {
		t.Errorf("moved: %q, now: %q", moved, now)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write(line(4, 50)); err == nil || n != 0 {
		t.Errorf("%d bytes written to a folder that is gone", n)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, f, line(5, 50))
}

func TestAnotherProcess(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "events.jsonl"), MaxSize: 1 << 20, Keep: 1}
	first, second := New(o), New(o)
	defer second.Close()
	write(t, first, line(1, 50))
	if _, err := second.Write(line(2, 50)); err == nil || !strings.Contains(err.Error(), "another process writes to it") {
		t.Errorf("two write to one file: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, second, line(3, 50))
	if got, _ := os.ReadFile(o.Path); !bytes.Equal(got, slices.Concat(line(1, 50), line(3, 50))) {
		t.Errorf("got %q", got)
	}
}

// TestNoFile refuses what is no file; opening a pipe would wait for a reader.
func TestNoFile(t *testing.T) {
	for _, path := range []string{t.TempDir(), "/dev/null"} {
		f := New(Options{Path: path, MaxSize: 1 << 20, Keep: 1})
		if _, err := f.Write(line(1, 50)); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestOthersStay leaves files alone that only look as if they had been put aside.
func TestOthersStay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "events.jsonl")
	others := []string{"events-1.jsonl", "events-20260301T120000.jsonl", "events-backup.jsonl", "other-20260301T120000.000Z.jsonl", "events-20260301T120000.000Z.jsonl.gz"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), line(0, 5000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := New(Options{Path: path, MaxSize: 100, Keep: 0})
	defer f.Close()
	for i := range 10 {
		write(t, f, line(i, 60))
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if aside, _ := Aside(path); len(aside) > 1 {
		t.Errorf("none is to be kept, but there are %q", aside)
	}
}

// TestPossible tells before the first line what will fail.
func TestPossible(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		file: "", filepath.Join(dir, "new"): "", dir: "is no regular file", os.DevNull: "is no regular file",
		filepath.Join(dir, "nowhere", "a"): "no such file or directory", filepath.Join(file, "a"): "not a directory",
	} {
		err := possible(path)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
}
