package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// FuzzParseRoutes looks for panics, for files that parse to something the checks would
// refuse, and for problems that do not say where or what.
func FuzzParseRoutes(f *testing.F) {
	for _, pattern := range []string{"testdata/valid/*.yaml", "testdata/invalid/*.yaml", "../examples/routes.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("routes: &a\n  - <<: [*a, {}]"))
	f.Add([]byte("\"routes\\0\": {}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		readFile := func(rel string) ([]byte, error) {
			if !filepath.IsLocal(rel) {
				t.Errorf("asked for %q", rel)
			}
			return []byte("SecAction"), nil
		}
		r, err := ParseRoutes("routes.yaml", data, readFile)
		if err != nil {
			checkProblems(t, err)
			return
		}
		if ps := recheck(r); len(ps) > 0 {
			t.Errorf("valid when loaded, not when checked again:\n%s", ps.Error())
		}
		if len(r.Routes) == 0 {
			t.Error("no routes")
		}
		for i := range r.Routes {
			policy := r.Routes[i].Policy
			if !hasPolicy(r, policy) {
				t.Errorf("route %d: policy %q is missing", i, policy)
			}
		}
		again, err := ParseRoutes("routes.yaml", data, readFile)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("a second load differs: %v", err)
		}
	})
}

func hasPolicy(r *Routes, id string) bool {
	for i := range r.Policies {
		if r.Policies[i].ID == id {
			return true
		}
	}
	return false
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	var ps Problems
	if !errors.As(err, &ps) || len(ps) == 0 {
		t.Fatalf("not problems: %v", err)
	}
	last := 0
	for _, p := range ps {
		if p.What == "" || p.File != "routes.yaml" || p.Line < last {
			t.Errorf("after line %d: %+v", last, p)
		}
		if strings.Contains(p.What, "mapstructure") || strings.Contains(p.What, "unconvertible") {
			t.Errorf("speaks of the decoder: %s", p.What)
		}
		last = p.Line
	}
}
