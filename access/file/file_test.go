package file_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/wafer-waf/wafer/access/file"
)

func write(t *testing.T, path, text string, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, f *file.File, want string) {
	t.Helper()
	data, _, err := f.Read(100)
	if err != nil || string(data) != want {
		t.Fatalf("%q, %v; want %q", data, err, want)
	}
	if f.Changed() {
		t.Fatal("changed at once")
	}
}

func TestChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "list")
	for name, f := range map[string]*file.File{"relative": file.At(dir, "list"), "absolute": file.At("/nowhere", path)} {
		t.Run(name, func(t *testing.T) {
			_ = os.Remove(path)
			if _, _, err := f.Read(100); err == nil || f.Changed() {
				t.Fatal("a file that is not there", err)
			}
			write(t, path, "one", time.Hour)
			if !f.Changed() {
				t.Fatal("it is there now")
			}
			read(t, f, "one")
			write(t, path, "two", time.Minute)
			if !f.Changed() {
				t.Fatal("it was written in place")
			}
			read(t, f, "two")
			write(t, path+"-new", "six", time.Minute)
			if err := os.Rename(path+"-new", path); err != nil {
				t.Fatal(err)
			}
			if !f.Changed() {
				t.Fatal("it was replaced")
			}
			read(t, f, "six")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if !f.Changed() {
				t.Fatal("it is gone")
			}
		})
	}
}

// TestConfigMap swaps the folder that links lead through, as the kubelet does.
func TestConfigMap(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"..1", "..2"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "list"), version, time.Hour)
	}
	link := func(from, to string) {
		t.Helper()
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(dir, "..data"), "..1")
	link(filepath.Join(dir, "list"), "..data/list")
	f := file.At(dir, "list")
	read(t, f, "..1")
	link(filepath.Join(dir, "..tmp"), "..2")
	if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if !f.Changed() {
		t.Fatal("the swap is not seen")
	}
	read(t, f, "..2")
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "large"), "0123456789", time.Hour)
	large := file.At(dir, "large")
	if _, _, err := large.Read(9); err == nil || large.Changed() {
		t.Error("large:", err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	gone := file.At(dir, "gone")
	if _, _, err := gone.Read(9); err == nil || err.Error() != "no such file or directory" {
		t.Error("gone:", err)
	}
	for _, name := range []string{"pipe", ".", "out", "../x"} {
		if _, _, err := file.At(dir, name).Read(1 << 20); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// TestWhole reads what whoever runs the process names, wherever it is, and nothing that has no end.
func TestWhole(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "key"), "secret", time.Hour)
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "key"), filepath.Join(below, "link")); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	for _, name := range []string{"../key", "link", filepath.Join(dir, "key")} {
		if data, err := file.Whole(name, 6); err != nil || string(data) != "secret" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	for name, says := range map[string]string{
		"../key": "larger than 5 bytes", "/dev/zero": "not a file", pipe: "not a file", dir: "not a file", "gone": "no such file or directory",
	} {
		if data, err := file.Whole(name, 5); err == nil || err.Error() != "read "+name+": "+says {
			t.Errorf("%s: %q, %v; want %s", name, data, err, says)
		}
	}
}
