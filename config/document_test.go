package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestAliasBomb expects a small file that expands to a large one to be refused quickly.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("routes:\n  - &r\n    id: r\n    hosts: &h [" + strings.Repeat("a,", 1000) + "]\n")
	for range 2000 {
		b.WriteString("  - *r\n")
	}
	_, err := ParseRoutes("routes.yaml", []byte(b.String()), noFiles)
	if want := fmt.Sprintf("routes.yaml: too large: more than %d values after aliases are expanded", maxNodes); err == nil || err.Error() != want {
		t.Errorf("got %.200v\nwant %s", err, want)
	}
}

// TestDecodeProblems pins what happens to errors that only the decoder finds. Files do
// not get that far.
func TestDecodeProblems(t *testing.T) {
	f := func(tree map[string]any, want ...string) {
		t.Helper()
		err := decode(&Routes{}, tree)
		if err == nil {
			t.Fatalf("%v: no error", tree)
		}
		ps := decodeProblems(err, "")
		var got []string
		for _, p := range ps {
			got = append(got, p.Error())
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v:\n got %q\nwant %q", tree, got, want)
		}
	}
	routes := func(route map[string]any) map[string]any {
		return map[string]any{"routes": []any{map[string]any{}, route}}
	}
	f(routes(map[string]any{"id": 5}), "routes[1].id: want a string, got a whole number")
	f(routes(map[string]any{"timeouts": map[string]any{"idle": "5"}}), "routes[1].timeouts.idle: 5 has no unit: write 5s")
	f(routes(map[string]any{"hosts": "a", "methods": "b"}),
		"routes[1].hosts: source data must be an array or slice, got string",
		"routes[1].methods: source data must be an array or slice, got string")
	f(routes(map[string]any{"nothing": 1}), "routes[1]: has invalid keys: nothing")
}

// TestDecodeGaps pins what viper and its decoder let through, which is why readDocument
// checks keys and types itself.
func TestDecodeGaps(t *testing.T) {
	for name, tree := range map[string]map[string]any{
		"null under an unknown key": {"nothing": nil},
		"an empty unknown mapping":  {"nothing": map[string]any{}},
		"a fraction for a number":   {"upstreams": []any{map[string]any{"connections": 1.5}}},
	} {
		if err := decode(&Routes{}, tree); err != nil {
			t.Errorf("%s: no longer a gap: %v", name, err)
		}
	}
}
