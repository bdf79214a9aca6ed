package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bundleFiles are a configuration with everything that a bundle has, and has not.
var bundleFiles = map[string]string{
	"routes.yaml": `routes: [{ id: r, upstreams: [{ id: u }], response_headers: { set: [{ name: X-Token, value: "${file:token}" }] } }]
upstreams: [{ id: u, endpoints: ["http://127.0.0.1:1"] }]
policies: [{ id: own, rules_before: [{ file: rules/own.conf }] }]
`,
	"rules/own.conf":  `SecRule ARGS "@pmFromFile rules/words.txt" "id:100001,phase:1,deny"`,
	"rules/words.txt": "words\n",
	"token":           "s3cret\n",
	"second.yaml":     "routes: [{ id: second, upstreams: [{ id: u }] }]\n",
}

func fillFolder(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBundle has a configuration come back from its bundle as it was, digest included, without its files.
func TestBundle(t *testing.T) {
	f := func(path string, names ...string) {
		t.Helper()
		dir := t.TempDir()
		fillFolder(t, dir, bundleFiles)
		s := FileSource(filepath.Join(dir, path))
		r, err := s.Load()
		if err != nil {
			t.Fatal(err)
		}
		data, err := s.Bundle().Encode()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "s3cret") || slices.Contains(slices.Collect(maps.Keys(s.Bundle().Files)), "token") {
			t.Errorf("%s: the bundle has the secret: %s", path, data)
		}
		b, err := DecodeBundle(data)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.Names, names) {
			t.Errorf("%s: names %q, want %q", path, b.Names, names)
		}
		fillFolder(t, dir, map[string]string{"routes.yaml": "routes: [", "rules/own.conf": "", "rules/words.txt": "", "second.yaml": ":"})
		if _, err := s.Load(); err == nil {
			t.Fatal("the broken files load")
		}
		again, err := s.LoadBundle(b)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if again.Digest() != r.Digest() {
			t.Errorf("%s: digest %s, want %s: %v, %v", path, again.Digest(), r.Digest(), again.Files, r.Files)
		}
		if s.Changed() {
			t.Errorf("%s: loading a bundle hides what was seen of the files", path)
		}
	}
	f("routes.yaml", "routes.yaml")
	f("./routes.yaml", "routes.yaml")
	f("", "routes.yaml", "second.yaml")
	f("*.yaml", "routes.yaml", "second.yaml")
}

func TestHostileBundle(t *testing.T) {
	good := &Bundle{Names: []string{"a.yaml"}, Files: map[string][]byte{"a.yaml": []byte("x")}}
	data, err := good.Encode()
	if err != nil {
		t.Fatal(err)
	}
	encoded := func(b Bundle) string {
		d, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return string(d)
	}
	for _, tt := range []struct{ name, data, want string }{
		{"empty", "", "not a configuration"},
		{"cut", string(data[:len(data)-1]), "not whole"},
		{"changed", strings.Replace(string(data), "a.yaml", "b.yaml", 1), "not whole"},
		{"of another version", strings.Replace(string(data), "configuration 1", "configuration 2", 1), "not a configuration of a version"},
		{"no route file", encoded(Bundle{}), "without a route file"},
		{"a route file without text", encoded(Bundle{Names: []string{"a.yaml"}}), `"a.yaml" is missing`},
		{"out of the folder", encoded(Bundle{Names: []string{"../../proc/1/x"}, Files: map[string][]byte{"../../proc/1/x": nil}}), "leads out"},
		{"absolute", encoded(Bundle{Names: []string{"/etc/x"}, Files: map[string][]byte{"/etc/x": nil}}), "leads out"},
	} {
		if _, err := DecodeBundle([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	large := &Bundle{Names: []string{"a"}, Files: map[string][]byte{"a": make([]byte, MaxBundle)}}
	if _, err := large.Encode(); err == nil {
		t.Error("a bundle of any size is written")
	}
	if _, err := DecodeBundle(make([]byte, MaxBundle+1)); err == nil {
		t.Error("a bundle of any size is read")
	}
}
