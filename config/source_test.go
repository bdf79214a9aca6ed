package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func TestSource(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const own = minimal + "policies: [{ id: own, rules_before: [{ file: own.conf }] }]\n"
	write("routes.yaml", own)
	s := FileSource(filepath.Join(dir, "routes.yaml"))
	if _, err := s.Load(); err == nil {
		t.Error("loads without its rule file")
	}
	changed := func(what string, want bool) {
		t.Helper()
		if got := s.Changed(); got != want {
			t.Errorf("%s: changed: %v, want %v", what, got, want)
		}
		_, _ = s.Load() // whether it is good or not
	}
	changed("nothing", false)
	write("own.conf", "SecAction a")
	changed("the missing rule file appears", true)
	r, err := s.Load()
	if err != nil || r.Name() != filepath.Join(dir, "routes.yaml") || len(r.Files) != 2 {
		t.Fatalf("got %+v, %v", r, err)
	}
	write("own.conf", "SecAction a")
	changed("the same content anew", false)
	write("own.conf", "SecAction b")
	changed("the rule file", true)
	write("routes.yaml", own+"# more\n")
	changed("the route file", true)
	if err := os.Remove(filepath.Join(dir, "routes.yaml")); err != nil {
		t.Fatal(err)
	}
	changed("the route file goes away", true)
	if _, err := s.Load(); err == nil {
		t.Error("loads without its route file")
	}

	fixed := FixedSource(r)
	if got, err := fixed.Load(); err != nil || got != r {
		t.Errorf("fixed source: %v, %v", got, err)
	}
}

// A route file may be a pipe when it is read first. One that becomes a pipe afterwards is refused: reading it might never end.
func TestSourceOfAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "routes.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() { wrote <- os.WriteFile(pipe, []byte(minimal), 0o600) }() // waits for who reads
	s := FileSource(pipe)
	if _, err := s.Load(); err != nil {
		t.Fatal(err)
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if !s.Changed() {
		t.Error("a pipe is as it was")
	}
	if _, err := s.Load(); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("read again: %v", err)
	}
	if s.Changed() {
		t.Error("a pipe that was refused has changed")
	}
}

func TestPlaces(t *testing.T) {
	r, err := LoadRoutes("testdata/valid/own-default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"routes[0].id":                   4,
		"routes[0].timeouts.idle":        4, // not set: the item
		"policies[1].exclusions[0].rule": 15,
		"policies[9]":                    9, // not there: the list
		"nowhere":                        1,
		policy(t, r, "other").Exclusions[0].Source: 17,
	} {
		if got := r.At(path).Line; got != want {
			t.Errorf("%s: line %d, want %d", path, got, want)
		}
	}
	fixed, err := FromTo("http://app:80")
	if err != nil || fixed.At("routes[0]").Line != 0 {
		t.Errorf("line %d, %v", fixed.At("routes[0]").Line, err)
	}
}

func TestValues(t *testing.T) {
	p := DefaultPolicy()
	values := p.Values()
	if len(values) != len(policySettings()) {
		t.Fatalf("%d values", len(values))
	}
	if want := (Value{Path: "mode", Value: ModeBlock, Source: "default"}); !reflect.DeepEqual(values[0], want) {
		t.Errorf("got %+v, want %+v", values[0], want)
	}
}
